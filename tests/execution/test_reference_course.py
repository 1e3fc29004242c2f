"""The reference of a study has to take as long in each of its trials."""

from dataclasses import replace

from benchlib.execution.contest import contests, direct_of, stored
from benchlib.execution.reference_course import moved_references, with_moved_references
from tests.execution.test_contest import record


def timed(seconds, reference, **trial):
    made = record(seconds, speedup=reference / seconds, **trial)
    made.metrics |= {"time_latency_reference": reference, "verdict": "faster", "reference_way": "planted"}
    return made


def test_a_reference_that_agrees_leaves_everything_as_it_is():
    records = [timed(0.5, 1.0), timed(0.6, 1.1), timed(0.7, 0.95), timed(0.8, 20.0, batch_size=8)]
    assert moved_references(records) == []
    assert with_moved_references(records) == records


def test_a_reference_that_moves_threefold_half_way_leaves_nothing_decided():
    records = [timed(0.5, 1.0), timed(0.6, 1.0), timed(0.7, 3.0), timed(0.8, 3.0), timed(0.9, 1.0, batch_size=8)]
    ((moved, group),) = moved_references(records)
    assert (moved.model, moved.way, moved.low, moved.high, moved.trials) == ("plain", "planted", 1.0, 3.0, 4)
    assert group == records[:4]
    marked = with_moved_references(records)
    assert [r.metrics["verdict"] for r in marked] == ["disturbed"] * 4 + ["faster"]
    assert [r.metrics.get("disturbed_by") for r in marked] == ["reference_moved"] * 4 + [None]
    assert records[0].metrics["verdict"] == "faster", "what was stored stays"
    assert with_moved_references(marked) == marked, "marked twice it is the same"


def test_nothing_of_it_is_fastest():
    records = [timed(0.5, 1.0), timed(0.9, 3.0)]
    (contest,) = contests(records)
    assert contest.settle(stored([])) == (
        "no way gives a figure that can be believed; left out: planted seconds=0.5 (disturbed) and planted seconds=0.9 "
        "(disturbed)"
    )


def test_other_causes_stay_beside_it_and_a_row_without_verdict_gets_none():
    one, other, third = timed(0.5, 1.0), timed(0.6, 3.0), timed(0.7, 1.0)
    one.metrics["disturbed_by"], other.metrics["verdict"] = "time_lost", None
    marked = with_moved_references([one, other, third])
    causes = ["time_lost, reference_moved", "reference_moved", "reference_moved"]
    assert [r.metrics["disturbed_by"] for r in marked] == causes
    assert marked[1].metrics["verdict"] is None


def test_a_trial_that_was_disturbed_by_itself_costs_the_others_nothing():
    disturbed, quiet = timed(0.5, 24.0), [timed(0.6, 1.0), timed(0.7, 1.1)]
    disturbed.metrics |= {"disturbed_by": "time_lost", "verdict": "disturbed"}
    assert with_moved_references([disturbed, *quiet]) == [disturbed, *quiet]


def test_records_of_earlier_rules_keep_what_was_said_of_them():
    records = [replace(timed(0.5, 1.0), first_schema=1), replace(timed(0.6, 24.0), first_schema=1)]
    assert with_moved_references(records) == records


def test_a_disturbed_or_suspect_pair_decides_nothing():
    pair = timed(0.5, 1.0)
    assert direct_of(pair).ratio is not None
    pair.metrics["disturbed_by"] = "wide"
    assert direct_of(pair).failure == "was disturbed"
    pair.metrics["disturbed_by"], pair.suspect = "", ["littles_law"]
    assert direct_of(pair).failure == "was suspect"
    assert direct_of(replace(pair, first_schema=1)).ratio is not None


def test_a_disturbed_or_suspect_way_is_no_candidate_and_is_named():
    ways = [timed(0.5, 1.0), timed(0.8, 1.0), timed(0.9, 1.0)]
    ways[0].metrics["disturbed_by"] = "time_lost"
    ways[1].suspect = ["flop_rate"]
    ways.append(timed(0.4, 1.0))
    (contest,) = contests(ways)
    settled = contest.in_words(contest.settle(stored([])))
    assert settled == (
        "fastest: planted seconds=0.4; every other way is clearly slower; left out: planted seconds=0.5 (disturbed) "
        "and planted seconds=0.8 (suspect)"
    )
