"""The decisions of the run-off on given figures, and their error rates on simulated studies; no real time."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from benchlib.measure import statistics
from benchlib.measure.runoff import (
    ANALYSES,
    Contestant,
    Fastest,
    Pair,
    PairedResult,
    Tie,
    decide,
    processes_of,
    settle,
)
from benchlib.measure.statistics import Interval

QUICK = 0.1  # the difference that level quick decides


def way(label: str, speed: float, half: float = 0.03) -> Contestant:
    return Contestant(label, Interval(speed, speed * (1 - half), speed * (1 + half)))


def one(value: float, low: float, high: float, pairs: int = 5, seconds: float = 4.0) -> PairedResult:
    """A direct result; 95 % interval."""
    return PairedResult(Interval(value, low, high), pairs, seconds)


WIN, LOSS, DRAW = one(1.12, 1.10, 1.14), one(1 / 1.12, 1 / 1.14, 1 / 1.10), one(1.02, 0.98, 1.06)


def test_the_best_is_paired_with_each_way_that_it_is_not_clearly_ahead_of():
    ways = [way("a", 1.0), way("b", 1.05), way("c", 1.04), way("slow", 0.8)]
    assert decide(ways, {}, QUICK) == Pair("b", "c")
    assert decide(ways, {("b", "c"): WIN}, QUICK) == Pair("b", "a")
    found = decide(ways, {("b", "c"): WIN, ("b", "a"): WIN}, QUICK)
    assert isinstance(found, Fastest)
    assert (found.way, set(found.wins), found.unpaired) == ("b", {"a", "c"}, ())


def test_intervals_that_are_apart_by_less_than_the_level_decides_need_a_pair():
    ways = [way("a", 1.0, 0.001), way("b", 1.06, 0.001)]
    assert decide(ways, {}, QUICK) == Pair("b", "a")
    assert decide(ways, {}, 0.02) == Fastest("b", {}, ()), "at a level that decides 2 % it is clear beyond 5 %"
    assert decide(ways, {}, 0.02, floor=0.08) == Pair("b", "a")


def test_a_way_far_behind_whose_interval_still_overlaps_needs_a_pair():
    assert decide([way("a", 1.0, 0.2), way("b", 1.3, 0.2)], {}, QUICK) == Pair("b", "a")
    assert decide([way("a", 1.0), Contestant("b", Interval(2.0))], {}, QUICK) == Pair("b", "a")


@pytest.mark.parametrize(
    ("calls", "is_paired"),
    [
        ((236.0, 238.5), True),  # slower by the speedup, and quicker: the reference ran otherwise beside it
        ((236.0, 230.0), True),
        ((236.0, 190.0), False),
    ],
)
def test_a_way_is_out_only_when_its_own_calls_say_so_too(calls, is_paired):
    def timed(label, speed, number):
        return Contestant(
            label, Interval(speed, 0.98 * speed, 1.02 * speed), Interval(number, 0.99 * number, 1.01 * number)
        )

    ways = [timed("a", 4.226, calls[0]), timed("b", 3.744, calls[1])]
    found = decide(ways, {}, QUICK)
    assert (found == Pair("a", "b")) is is_paired
    if not is_paired:
        assert isinstance(found, Fastest) and found.wins == {}


def test_at_most_three_rivals_and_the_rest_is_named():
    ways = [way(name, 1 + i / 100) for i, name in enumerate("abcdef")]
    asked = []
    found = settle(ways, lambda pair: asked.append(pair) or WIN, QUICK)
    assert asked == [Pair("f", "e"), Pair("f", "d"), Pair("f", "c")]
    assert found.unpaired == ("b", "a")


def test_a_rival_that_is_directly_faster_becomes_the_champion_and_its_missing_pairs_are_measured():
    ways = [way("a", 1.02), way("b", 1.01), way("c", 1.0)]
    results = {("a", "b"): LOSS, ("b", "c"): WIN}
    found = settle(ways, lambda pair: results[pair.way, pair.rival], QUICK)
    assert isinstance(found, Fastest) and found.way == "b"
    assert {rival: r.ratio.value for rival, r in found.wins.items()} == {"a": pytest.approx(1.12), "c": 1.12}


def test_results_count_in_whichever_direction_they_were_measured():
    ways = [way("a", 1.02), way("b", 1.0)]
    assert decide(ways, {("b", "a"): LOSS}, QUICK).way == "a"
    assert LOSS.inverted().ratio == pytest.approx(WIN.ratio)


def test_ways_that_beat_each_other_in_a_circle_are_a_tie():
    circle = {("a", "b"): LOSS, ("b", "c"): LOSS, ("c", "a"): LOSS}
    found = decide([way("a", 1.02), way("b", 1.01), way("c", 1.0)], circle, QUICK)
    assert isinstance(found, Tie)


@pytest.mark.parametrize(
    "result",
    [
        DRAW,
        one(1.04, 1.03, 1.05),  # certain, and smaller than what is promised
        one(1.2, 0.99, 1.45),
        one(1.07, 1.001, 1.14),  # at 95 % it would win, corrected for two pairs it does not
        PairedResult(Interval(1.3)),
        PairedResult(None, failure="crashed"),
    ],
)
def test_what_is_no_win(result):
    ways = [way("a", 1.02), way("b", 1.01), way("c", 1.0)]
    found = decide(ways, {("a", "b"): replace(result, analyses=ANALYSES), ("a", "c"): WIN}, QUICK)
    assert isinstance(found, Tie)
    assert found.ways == ("a", "b")


def test_the_hosts_smallest_detectable_effect_is_a_margin_too():
    ways = [way("a", 1.01), way("b", 1.0)]
    assert isinstance(decide(ways, {("a", "b"): WIN}, QUICK), Fastest)
    assert isinstance(decide(ways, {("a", "b"): WIN}, QUICK, floor=0.13), Tie)


def test_the_interval_at_another_confidence_is_that_of_the_pairs_themselves():
    logs = np.random.default_rng(0).normal(0.1, 0.03, 5)
    at = lambda confidence: Interval(*np.exp(statistics.mean_interval(logs, confidence)))  # noqa: E731
    wider = PairedResult(at(0.95), 5).with_confidence(0.99)
    assert wider.ratio == pytest.approx(at(0.99))


TWO = [way("a", 1.02), way("b", 1.0)]


def test_how_many_more_seconds_would_decide():
    # three analyses of one pair: each interval is that of 98.3 %
    wider = float(t.ppf(1 - 0.05 / 3 / 2, 4) / t.ppf(1 - 0.05 / 2, 4))
    more = 5 * ((2 * wider) ** 2 - 1) * 4
    # beyond the margin, half-width twice the distance to 1
    result = one(math.exp(0.1), math.exp(-0.1), math.exp(0.3), pairs=5, seconds=4.0)
    result = replace(result, analyses=ANALYSES)
    assert decide(TWO, {("a", "b"): result}, QUICK).seconds == pytest.approx(more)
    # inside the margin: the distance is that to the margin
    edge = math.log(1.05)
    result = one(1.0, math.exp(-2 * edge), math.exp(2 * edge), pairs=5, seconds=4.0)
    assert decide(TWO, {("a", "b"): result}, QUICK).seconds == pytest.approx(more)


def test_ways_within_the_margin_are_the_same_and_no_measuring_would_matter():
    found = decide(TWO, {("a", "b"): one(1.01, 0.985, 1.035)}, QUICK)
    assert (found.ways, found.seconds) == (("a", "b"), 0)


def test_nobody_knows_how_long_where_a_pair_gave_nothing():
    assert decide(TWO, {("a", "b"): PairedResult(None, failure="crashed")}, QUICK).seconds is None


def test_the_pair_that_is_missing_is_returned():
    assert settle(TWO, lambda pair: None, QUICK) == Pair("a", "b")


def test_an_open_pair_is_measured_again_and_all_looks_count():
    asked = []

    def result(pair):
        asked.append(pair)
        return one(1.08, 0.96, 1.215)

    found = settle(TWO, result, QUICK)
    assert asked == [Pair("a", "b"), Pair("a", "b", analysis=2), Pair("a", "b", analysis=3)]
    assert isinstance(found, Fastest) and found.wins["b"].replicates == 15


def test_no_look_is_taken_that_would_be_too_many():
    found = replace(one(1.08, 0.8, 1.458), analyses=ANALYSES - 1)
    assert isinstance(decide(TWO, {("a", "b"): found}, QUICK), Tie)


def test_each_look_doubles_what_there_is_and_is_a_trial_of_its_own():
    for first in (3, 5, 6):
        taken = [processes_of(analysis, first) for analysis in range(1, ANALYSES + 1)]
        assert len(set(taken)) == ANALYSES
        for analysis in range(1, ANALYSES):
            assert taken[analysis] == sum(taken[:analysis]) + 1


@pytest.mark.parametrize(
    "first", [WIN, one(1.01, 0.98, 1.04), one(1.049, 0.9, 1.2), PairedResult(None, failure="crashed")]
)
def test_what_is_decided_hopeless_or_failed_gets_no_further_look(first):
    asked = []
    settle(TWO, lambda pair: asked.append(pair) or first, QUICK)
    assert asked == [Pair("a", "b")]


def test_a_second_look_that_fails_ends_it():
    results = iter([one(1.08, 0.99, 1.18), PairedResult(None, failure="crashed")])
    found = settle(TWO, lambda pair: next(results), QUICK)
    assert isinstance(found, Tie) and found.open["b"].replicates == 5


def test_two_looks_together_are_what_all_pairs_of_processes_say():
    logs = np.random.default_rng(3).normal(0.08, 0.04, 11)
    at = lambda part: Interval(*np.exp(statistics.mean_interval(part)))  # noqa: E731
    both = PairedResult(at(logs[:5]), 5, 4.0).pooled_with(PairedResult(at(logs[5:]), 6, 6.0))
    assert both.ratio == pytest.approx(at(logs))
    assert (both.replicates, both.analyses) == (11, 2) and both.seconds == pytest.approx((20 + 36) / 11)


# -- simulated studies -----------------------------------------------------------------------------

OFFSET, WHITE, SLOW, PHI, ROUNDS = 0.01, 0.02, 0.03, 0.5, 20


def simulate(chance, latency: tuple[float, float], offset: float = OFFSET, pairs: int = 5) -> Interval:
    """Speed of the second over the first as a trial at level quick would find it: each process has an offset of its
    own, each epoch white noise, and the machine an autocorrelated one through the epochs of both in their order."""
    rounds = []
    for _ in range(pairs):
        drift = np.empty(2 * ROUNDS)
        drift[0] = chance.normal(0, SLOW)
        for i in range(1, len(drift)):
            drift[i] = PHI * drift[i - 1] + chance.normal(0, SLOW * math.sqrt(1 - PHI**2))
        drift = drift.reshape(ROUNDS, 2)
        drift[1::2] = drift[1::2, ::-1].copy()  # A B B A
        noise = chance.normal(0, offset, 2) + chance.normal(0, WHITE, (ROUNDS, 2)) + drift
        rounds.append(np.array(latency) * np.exp(noise))
    return statistics.speedup(rounds)


def study(chance, latencies: dict[str, float], offset: float = OFFSET):
    """A whole study: each way beside a reference, then the run-off."""
    ways = [Contestant(name, simulate(chance, (1.0, own), offset)) for name, own in latencies.items()]

    def direct(pair: Pair) -> PairedResult:
        pairs = processes_of(pair.analysis, 5)
        return PairedResult(simulate(chance, (latencies[pair.rival], latencies[pair.way]), offset, pairs), pairs, 4.0)

    return settle(ways, direct, QUICK)


NEAR = {"one": 1.0, "two": 1.015, "three": 1.03}
STUDIES = 300


def test_one_way_that_is_ten_per_cent_faster_is_named():
    """It is 10 % faster than the best of the others, so that every pair is as hard as it may be."""
    chance = np.random.default_rng(11)
    found = [study(chance, NEAR | {"fast": 1 / 1.10}) for _ in range(STUDIES)]
    named = [f.way for f in found if isinstance(f, Fastest)]
    assert named.count("fast") / STUDIES >= 0.95
    assert set(named) == {"fast"}


def test_three_ways_within_three_per_cent_cannot_be_told_apart():
    chance = np.random.default_rng(12)
    found = [study(chance, NEAR) for _ in range(STUDIES)]
    assert np.mean([isinstance(f, Tie) for f in found]) >= 0.90


def test_identical_ways_are_hardly_ever_called_fastest():
    chance = np.random.default_rng(13)
    found = [study(chance, dict.fromkeys("abcde", 1.0)) for _ in range(STUDIES)]
    assert np.mean([isinstance(f, Fastest) for f in found]) <= 0.02


def test_on_a_loud_machine_more_looks_decide_and_hardly_ever_for_the_wrong_way():
    """Four per cent between pairs of processes, as on a shared machine."""
    chance = np.random.default_rng(15)
    found = [study(chance, NEAR | {"fast": 1 / 1.10}, offset=0.04 / math.sqrt(2)) for _ in range(STUDIES)]
    named = [f.way for f in found if isinstance(f, Fastest)]
    assert (len(named) - named.count("fast")) / STUDIES <= 0.02
    assert named.count("fast") / STUDIES >= 0.95


def test_the_run_off_corrects_a_champion_who_was_lucky():
    """Indirect figures that favour the slower way: the direct pair puts it right."""
    chance = np.random.default_rng(14)
    latencies = {"lucky": 1.1, "fast": 1.0}
    ways = [way("lucky", 1.05), way("fast", 1.0)]
    direct = lambda p: PairedResult(simulate(chance, (latencies[p.rival], latencies[p.way])), 5, 4.0)  # noqa: E731
    found = [settle(ways, direct, QUICK) for _ in range(STUDIES)]
    assert np.mean([isinstance(f, Fastest) and f.way == "fast" for f in found]) >= 0.95


def test_every_set_of_results_comes_to_an_end():
    """All outcomes of all pairs of four ways: no order of beating leads around for ever."""
    ways = [way(name, 1 - i / 100) for i, name in enumerate("abcd")]
    pairs = list(itertools.combinations("abcd", 2))
    for outcome in itertools.product((WIN, LOSS, DRAW), repeat=len(pairs)):
        results = dict(zip(pairs, outcome, strict=True))
        asked = []

        def result(pair, results=results, asked=asked):
            asked.append((frozenset((pair.way, pair.rival)), pair.analysis))
            key = pair.way, pair.rival
            return results[key] if key in results else results[key[::-1]].inverted()

        assert isinstance(settle(ways, result, QUICK), Fastest | Tie)
        assert len(set(asked)) == len(asked) <= ANALYSES * len(pairs)
