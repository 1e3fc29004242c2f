"""The experiment beside busy loops, as far as it needs no quiet machine: its conditions, its file, its figures."""

from dataclasses import replace

import pytest

from benchlib.record.metrics import Metrics
from tests.bench import busy_host
from tests.bench.busy_host import Condition, Row


def row(verdict="faster", loops=0, cores="default", ratio=2.0, half=0.05, trial=0, **more):
    kind = "busy" if loops else busy_host.QUIET
    ends = {"speedup_low": ratio * (1 - half), "speedup_high": ratio * (1 + half)}
    lost = 0.3 if verdict == "disturbed" else 0.0
    known = {"verdict": verdict, "speedup": ratio, **ends, "converged": True, "flagged": 0.1, "status": "ok"}
    known |= {"time_lost": lost, "half_width_process": 0.1} | more
    return Row("m", "quick", cores, kind, loops, trial, **known)


def figures(rows):
    return {figure.what: figure for figure in busy_host.judged([rows])}


def test_all_conditions_come_once_before_any_comes_twice():
    found = list(busy_host.conditions(trials=2))
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 10
    assert {c.trial for c in found[:40]} == {0} and {c.loops for c in found[:4]} == {0}
    assert list(busy_host.conditions(["m"], 1, ["memory"], [1], ["1"])) == [
        Condition("m", "quick", "1", "memory", 1, 0)
    ]


def test_what_is_done_is_not_run_again(tmp_path, monkeypatch):
    ran = []

    def measure(condition):
        ran.append(condition)
        return busy_host.row_of(
            condition, "ok", Metrics(speedup=2.0, verdict="faster", epochs=40, epochs_disturbed=4), 1
        )

    monkeypatch.setattr(busy_host, "measured", measure)
    asked = {"models": ["m"], "kinds": ["busy"], "counts": [0, 1], "cores": ["1"], "csv": [tmp_path / "a" / "rows.csv"]}
    list(busy_host.figures(trials=1, **asked))
    list(busy_host.figures(trials=2, **asked))
    assert [(c.loops, c.trial) for c in ran] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert len(busy_host.read(asked["csv"][0])) == 4
    assert all(r.flagged == 0.1 and r.verdict == "faster" for r in busy_host.read(asked["csv"][0]))


def test_a_row_is_read_as_it_was_written(tmp_path):
    rows = [row(converged=False, disturbed_by="time_lost, wide"), replace(row(verdict=None), converged=None)]
    for one in rows:
        busy_host.append(tmp_path / "rows.csv", one)
    assert busy_host.read(tmp_path / "rows.csv") == rows


def test_a_verdict_of_a_busy_host_is_held_against_the_quiet_one():
    quiet = [row(ratio=r) for r in (1.98, 2.0, 2.02)]
    busy = [
        row("faster", 4, ratio=2.05),
        row("slower", 4, ratio=0.4),
        row("inconclusive", 4),
        row("disturbed", 4, ratio=9),
    ]
    found = figures(quiet + busy)
    contradict = found["share of published verdicts that contradict the quiet host's"]
    assert contradict.value == f"{1 / 6:.3f}" and contradict.met is False
    exclude = found["share of published intervals that exclude the quiet ratio"]
    assert exclude.value == f"{1 / 6:.3f}" and exclude.met is False, "the disturbed row's interval is not published"


@pytest.mark.parametrize(("lost", "met"), [(1, True), (2, False)])
def test_a_quiet_host_has_to_keep_its_verdicts(lost, met):
    found = figures([row("disturbed")] * lost + [row()] * (20 - lost))
    assert found["share of rows with a verdict at 0 loops"].met is met


def test_all_disturbed_would_be_no_answer():
    one_loop = [row("disturbed", 1, "1")] * 3 + [row("faster", 1, "1")]
    assert figures(one_loop)["share of rows with a verdict of 1 thread beside 1 loop"].met is False
    assert figures([*one_loop, row("faster", 1, "1"), row("faster", 1, "1")])[
        "share of rows with a verdict of 1 thread beside 1 loop"
    ].met


def test_rows_are_decided_by_the_thresholds_of_today():
    """The file holds what was measured; what was said of it then is not asked."""
    was_disturbed = row("disturbed", time_lost=0.0, disturbed_by="reference_load", converged=False)
    was_decided = row("faster", time_lost=0.3, time_lost_reference=0.01)
    assert [r.decided().verdict for r in (was_disturbed, was_decided)] == ["faster", "disturbed"]
    assert was_disturbed.decided().converged and was_decided.decided().disturbed_by == "time_lost"


def test_convergence_and_flags_of_the_quiet_rows_are_held_to_their_limits():
    found = figures([row(half_width_process=0.1 if n < 3 else 0.5, flagged=0.3) for n in range(4)])
    assert found["share of rows at 0 loops that converged"].met is False
    assert found["blocks at 0 loops that carry a flag"].met is False


def test_options_are_those_of_the_experiment():
    asked = busy_host.options(["--models", "plain", "--counts", "0,2", "--trials", "1", "--cores", "1"])
    assert (asked["models"], asked["counts"], asked["trials"], asked["cores"]) == (("plain",), (0, 2), 1, ("1",))
    with pytest.raises(SystemExit):
        busy_host.options(["--loops", "9"])


def test_each_host_has_a_truth_of_its_own():
    """What one host says of a ratio is no truth for another."""
    one, other = [[row(ratio=ratio, trial=n) for n in range(3)] for ratio in (2.0, 3.0)]
    together = figures([*one, *other])["share of published intervals that exclude the quiet ratio"]
    apart = {f.what: f for f in busy_host.judged([one, other])}[
        "share of published intervals that exclude the quiet ratio"
    ]
    assert together.value == "1.000" and apart.value == "0.000" and apart.remark == "of 6"
