"""Whether a study's figures can be believed: four questions, one word."""

import dataclasses

import pytest

from benchlib.report.belief import IN_PART, NO, YES, belief_in
from benchlib.report.collate import read


@pytest.fixture
def results(study):
    return read(study)


@pytest.fixture
def good(results):
    """A study of which all trials are timed, right, and known as closely as they should be."""
    table = results.table[results.table["status"] == "ok"].assign(suspect=None)
    return dataclasses.replace(results, table=table)


def reason(results, question):
    return next(r for r in belief_in(results).reasons if r.question == question)


def test_a_quiet_complete_study_of_right_ways_is_believed(good):
    assert belief_in(good).word == YES
    assert belief_in(good).sentence == (
        "Believe it? Yes: the host was quiet; all intervals are as narrow as level quick asks; "
        "all outputs were compared, and are right; all that was planned ran."
    )


@pytest.mark.parametrize(
    ("column", "value", "question", "text"),
    [
        ("disturbed_by", "time_lost", "quiet", "the host disturbed 1 of 18 figures"),
        ("converged", False, "exact", "1 of 18 figures is known less closely than its level asks"),
        ("status", "unverified", "right", "1 could not be compared"),
        ("suspect", "littles_law", "right", "1 failed a check of what is possible"),
        ("inputs_guessed", "k int64[3]", "right", "1 had inputs of which nothing is known"),
    ],
)
def test_what_speaks_against_one_figure_comes_first_and_leaves_the_others(good, column, value, question, text):
    good.table.loc[good.table.index[0], column] = value
    belief = belief_in(good)
    assert belief.word == IN_PART and not reason(good, question).is_good
    assert belief.sentence.startswith(f"Believe it? In part: {text}; ")


@pytest.mark.parametrize("figures", [1, 18])
def test_what_others_took_is_told_of_figures_that_they_did_not_disturb(good, figures):
    """Memory and caches are shared, whoever has which core: the interval is wider for it, and holds."""
    busy = [0.31, *[0.486] * 17][:figures]
    good.table["host_busy"] = [*busy, *[0.004] * (len(good.table) - figures)]
    share = "31 %" if figures == 1 else "49 %"
    which = "all 18" if figures == 18 else f"{figures} of 18"
    told = f"beside {which} figures others kept up to {share} of the cores busy, for which intervals are wider"
    assert belief_in(good).sentence.startswith(f"Believe it? In part: {told}; ")


def test_a_smoke_figure_decides_nothing_and_nobody_looked_at_its_host(good):
    good.table.loc[good.table.index[0], "level"] = "smoke"
    assert belief_in(good).word == IN_PART
    assert belief_in(good).sentence.startswith(
        "Believe it? In part: whether the host was quiet is not known of 1 of 18 figures; "
        "level smoke decides nothing (1 of 18 figures); all outputs were compared"
    )


@pytest.mark.parametrize(("column", "value"), [("time_lost", float("nan")), ("level", "smoke")])
def test_of_a_host_at_which_nobody_looked_quiet_is_not_said(good, column, value):
    good.table[column] = value
    assert reason(good, "quiet").text == "whether the host was quiet is not known of all 18 figures"


@pytest.mark.parametrize(("column", "value"), [("disturbed_by", "wide"), ("converged", False), ("level", "smoke")])
def test_what_speaks_against_all_of_them_leaves_nothing(good, column, value):
    good.table[column] = value
    assert belief_in(good).word == NO


def test_a_wrong_way_is_counted_where_it_has_a_figure_and_where_it_has_none(good):
    table = good.table
    table.loc[table.index[0], "status"] = "inaccurate"
    table.loc[table.index[1], ["status", "time_latency"]] = ["inaccurate", float("nan")]
    found = reason(good, "right")
    assert (found.trials, found.of) == (2, 18) and found.text == "2 computes something else"


def test_what_failed_counts_and_what_a_rule_forbids_does_not(results):
    assert belief_in(results).word == IN_PART
    assert reason(results, "complete").text == "of 28 trials 2 failed, 1 timeout, 1 crashed, 1 oom and 2 not run"


def test_a_study_without_a_figure_is_not_believed(results):
    results.table["time_latency"] = float("nan")
    assert belief_in(results).sentence == "Believe it? No: nothing was timed."
