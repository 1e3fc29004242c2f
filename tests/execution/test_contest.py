"""From records to the run-off's questions, answers and words."""

from dataclasses import replace

import pytest

from benchlib.execution.contest import agrees, contests, direct_of, in_words, pair_parameters, stored
from benchlib.measure.reproducibility import between_trials, reproducibility
from benchlib.measure.runoff import Fastest, Pair, PairedResult, Tie
from benchlib.measure.statistics import Interval
from benchlib.record import NOT_RUN, ContenderRecord, Record
from benchlib.record.metrics import Metrics
from benchlib.trial import Trial

REFERENCE = {"exporter": "planted"}


def record(seconds: float, speedup: float | None = None, status: str = "ok", half: float = 0.02, **trial) -> Record:
    """What a trial of `planted/plain` at level quick leaves, as far as the run-off reads it."""
    trial = {"runtime_args": {"seconds": seconds}, "reference": REFERENCE, **trial}
    made = Trial(model="planted/plain", exporter="planted", **trial)
    speedup = speedup or 1 / seconds
    metrics = Metrics({"model_name": "plain", "processes": 5, "time_measure": 20.0})
    if status == "ok":
        for name, value in (("speedup", speedup), ("time_latency", seconds)):
            metrics |= {name: value, f"{name}_low": value * (1 - half), f"{name}_high": value * (1 + half)}
    ways = [*filter(None, [made.reference_way]), made.way]
    key = made.key()
    return Record(
        key, made.file_stem(key), status, made.model_dump(), metrics, stage="measure" if status == "crashed" else "",
        fingerprint={"packages": {"numpy": "2"}}, contenders=[ContenderRecord(w.label, vars(w)) for w in ways],
    )  # fmt: skip


def pair(way: Record, rival: Record, speedup: float, half: float = 0.01, status: str = "ok") -> Record:
    """The record of a direct pair, whose parameters come from the trial that the sweep would make."""
    seconds = way.trial["runtime_args"]["seconds"]
    reference = {"exporter": "planted", "runtime_args": rival.trial["runtime_args"]}
    return record(seconds, speedup, status, half, reference=reference)


NONE = stored([])


def only(records: list[Record]):
    (contest,) = contests(records)
    return contest


def test_trials_that_differ_in_the_way_alone_are_one_contest():
    records = [record(1.0), record(1.01, tag="a remark"), record(1.0, batch_size=8), record(1.0, timeout=5.0, seed=1)]
    found = contests(records)
    assert [len(c.records) for c in found] == [2, 1, 1]
    assert [c.title for c in found] == [
        "plain, batch 1, seed 0", "plain, batch 8, seed 0", "plain, batch 1, seed 1",
    ]  # fmt: skip


def test_what_touches_no_timing_parts_no_contest():
    records = [record(1.0, memory=True), record(1.01, profile=True, timeout=5.0), record(1.02, energy=True)]
    contest = only(records)
    assert len(contest.records) == 3
    direct = pair_parameters(records[0], records[1])
    assert direct["timeout"] == records[0].trial["timeout"] and direct["memory"] is False


def test_a_trial_that_has_not_run_is_known_from_what_its_plan_says():
    asked = {"model": "planted/plain", "exporter": "planted", "reference": REFERENCE}
    contest = only([record(1.0), Record("k", "n", NOT_RUN, asked)])
    assert contest.waiting == 1
    assert contest.settle(NONE) == "not decided (1 of 2 ways have not run yet)"


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([record(1.0)], "one way only"),
        ([record(1.0), record(1.1, status="crashed")], "only planted seconds=1.0 gives a figure"),
        ([record(1.0, status="oom"), record(1.1, status="crashed")], "no way gives a figure"),
        ([record(1.0, level="smoke"), record(1.1, level="smoke")], "not decided (level smoke decides nothing)"),
    ],
)
def test_where_there_is_nothing_to_decide_the_words_say_why(records, words):
    assert only(records).settle(NONE) == words


def test_the_trial_of_a_direct_pair_differs_from_the_ways_own_in_the_reference_alone():
    one, other = record(1.0, memory=True), record(1.02, memory=True, target_opset=17)
    asked = Trial(**pair_parameters(one, other))
    assert asked.reference_way == Trial(**other.trial).way
    assert asked.way == Trial(**one.trial).way
    different = {n for n, v in asked.model_dump().items() if v != one.trial[n]}
    assert different == {"reference", "memory"}, "a direct pair needs no second run for memory"


@pytest.mark.parametrize("given", [{}, {"processes": 5}, {"processes": 6}])
def test_a_look_is_never_the_trial_of_another(given):
    one, other = record(1.0, **given), record(1.02, **given)
    first, second, third = (Trial(**pair_parameters(one, other, analysis)) for analysis in (1, 2, 3))
    assert len({first.key(), second.key(), third.key()}) == 3
    asked = given.get("processes", 6)
    assert (second.processes, third.processes) == (asked + 1, 2 * asked + 2)


def test_a_direct_result_is_what_its_pairs_of_processes_say():
    """What moves between trials is in the interval that is published; pooling and margins of the run-off take the
    interval over pairs."""
    within = Interval(1.5, 1.48, 1.5**2 / 1.48)
    published = between_trials(within, reproducibility(1.5, busy=0.1))
    ends = {"speedup": 1.5, "speedup_low": published.low, "speedup_high": published.high}
    held = record(1.0)
    held.metrics |= {**ends, "reproducibility": reproducibility(1.5, busy=0.1), "processes": 6, "time_measure": 12.0}
    assert direct_of(held).ratio == pytest.approx(within)
    assert direct_of(held).published == pytest.approx(published)
    assert only([held, record(1.02)]).contestants()[0].speed == pytest.approx(within)
    del held.metrics["reproducibility"]
    assert direct_of(held).ratio == pytest.approx(published), "a record of before has the interval over pairs alone"


def test_direct_results_are_found_in_whichever_direction_they_were_measured():
    fast, slow = record(1.0), record(1.02)
    contest = only([fast, slow])
    assert isinstance(contest.settle(NONE), Pair)
    for held in ([pair(fast, slow, 1.08)], [pair(slow, fast, 1 / 1.08)]):
        found = contest.settle(stored(held))
        assert isinstance(found, Fastest) and found.way == "planted seconds=1.0"
        assert found.wins["planted seconds=1.02"].ratio.value == pytest.approx(1.08)


def test_a_direct_result_of_other_versions_is_none():
    fast, slow = record(1.0), record(1.02)
    held = replace(pair(fast, slow, 1.08), fingerprint={"packages": {"numpy": "1"}})
    assert isinstance(only([fast, slow]).settle(stored([held])), Pair)
    made_of = lambda **parts: replace(held, fingerprint=parts)  # noqa: E731
    assert agrees(made_of(code={"a": 1, "b": 2}), made_of(code={"a": 1}), made_of(packages={"c": 3}))
    assert not agrees(made_of(code={"a": 1}), made_of(code={"a": 1}), made_of(code={"a": 2}))


def test_the_reference_itself_is_a_candidate_and_its_pairs_are_in_the_matrix():
    """Eager among the ways: its speedup is 1, and each way was timed directly against it already."""
    control = record(1.0, speedup=1.03, runtime_args={})
    slower = record(1.0, speedup=0.93)
    found = only([control, slower]).settle(NONE)
    assert isinstance(found, Fastest) and found.way == "planted"
    assert found.wins["planted seconds=1.0"].ratio.value == pytest.approx(1 / 0.93)
    faster = record(1.0, speedup=1.08)
    found = only([control, faster]).settle(NONE)
    assert isinstance(found, Fastest) and found.way == "planted seconds=1.0"
    assert found.wins["planted"].source == faster.key


def test_without_a_reference_latencies_are_compared():
    fast, slow = (record(s, reference="none") for s in (1.0, 2.0))
    for r in (fast, slow):
        del r.metrics["speedup"]
    found = only([slow, fast]).settle(NONE)
    assert isinstance(found, Fastest) and found.way == "planted seconds=1.0"


@pytest.mark.parametrize("name", ["verdict_floor", "smallest_effect"])  # as records of earlier versions call it
def test_no_run_off_claims_less_than_the_host_can_tell(name):
    fast, slow = record(1.0), record(1.02)
    fast.metrics[name] = 0.09
    if name == "verdict_floor":
        fast.metrics["smallest_effect"] = 0.14
    contest = only([fast, slow])
    assert isinstance(contest.settle(stored([pair(fast, slow, 1.08)])), Tie)
    assert isinstance(contest.settle(stored([pair(fast, slow, 1.10)])), Fastest)


def test_equal_labels_are_told_apart():
    one, other = record(1.0), record(1.0, provider="Planted")
    assert list(only([one, other]).ok) == [f"planted seconds=1.0 ({r.key[:8]})" for r in (one, other)]


def test_a_pair_that_failed_is_a_result_without_a_ratio():
    fast, slow = record(1.0), record(1.02)
    held = pair(fast, slow, 1.08, status="crashed")
    assert direct_of(held).ratio is None
    found = only([fast, slow]).settle(stored([held]))
    assert isinstance(found, Tie)
    assert in_words(found) == (
        "planted seconds=1.0 and planted seconds=1.02 cannot be told apart here: "
        "planted seconds=1.0 against planted seconds=1.02 crashed at stage measure"
    )


WIN = PairedResult(Interval(1.12, 1.08, 1.16), 5, 4.0)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Fastest("a", {"b": WIN}, ()), "fastest: a, 1.12 × (1.08–1.16) directly over b"),
        (
            Fastest("a", {"b": PairedResult(Interval(1.0812, 1.0808, 1.0816), 5)}, ("d", "e")),
            "fastest: a, 1.0812 × (1.0808–1.0816) directly over b; not paired: d and e",
        ),
        (Fastest("a", {}, ()), "fastest: a; every other way is clearly slower"),
        (Tie(("a", "b"), {}, 40.2, ()), "a and b cannot be told apart here; about 40 s more measuring would decide"),
        (Tie(("a", "b", "c"), {}, 0, ()), "a, b and c are the same for all practical purposes"),
        (
            Tie(("a", "b"), {}, float("inf"), ()),
            "a and b cannot be told apart here; no reasonable measuring would decide",
        ),
        (Tie(("a", "b"), {}, None, ("c",)), "a and b cannot be told apart here; not paired: c"),
        (Pair("a", "b"), "not decided (no run-off was run: `run --runoff` and `sweep` run them)"),
        ("one way only", "one way only"),
    ],
)
def test_conclusions_in_words(found, words):
    assert in_words(found) == words
    assert ("fastest" in in_words(found)) == isinstance(found, Fastest)


def test_a_way_that_nobody_could_compare_is_never_fastest():
    fast, slow, slower = record(0.1, status="ok"), record(1.0), record(2.0)
    unverified = replace(fast, status="unverified", stage="check")
    contest = only([unverified, slow, slower])
    assert [r.key for r in contest.ok.values()] == [slow.key, slower.key]
    assert only([fast, slow, slower]).field()[0].key == fast.key, "it would be"
    assert only([unverified, slow, slower]).field()[0].key == slow.key
    assert contest.waiting == 0
    assert direct_of(unverified).ratio is None
