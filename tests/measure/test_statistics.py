"""The statistics on known arrays and simulated samplers; no real time."""

import math

import numpy as np
import pytest

from benchlib.measure import statistics
from benchlib.measure.statistics import Interval


@pytest.mark.parametrize(
    ("n", "ranks"), [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21)), (50, (18, 33)), (100, (40, 61))]
)
def test_the_ranks_of_the_medians_interval(n, ranks):
    samples = np.random.default_rng(3).permutation(np.arange(1.0, n + 1))
    if statistics.autocorrelation_time(samples) > 1:
        pytest.fail("the permutation is meant to be free of autocorrelation")
    found = statistics.median_interval(samples)
    assert (found.low, found.high) == ranks
    assert found.value == np.median(samples)


@pytest.mark.parametrize("n", range(1, 6))
def test_no_interval_below_six_samples(n):
    assert statistics.median_interval(np.arange(float(n)))[1:] == (None, None)


def test_equal_samples_do_not_divide_by_zero():
    assert statistics.median_interval(np.full(40, 2.0)) == (2.0, 2.0, 2.0)


def test_autocorrelation_widens_the_interval():
    chance = np.random.default_rng(0)
    noise = np.zeros(400)
    for i in range(1, 400):
        noise[i] = 0.8 * noise[i - 1] + chance.normal()
    shuffled = chance.permutation(noise)
    width = lambda s: (lambda i: i.high - i.low)(statistics.median_interval(s))  # noqa: E731
    assert statistics.autocorrelation_time(noise) > 3
    assert width(noise) > 1.5 * width(shuffled)


@pytest.mark.parametrize(("p", "minimum"), [(0.90, 64), (0.95, 130), (0.99, 662)])
def test_percentiles_are_withheld_below_their_minimum(p, minimum):
    assert statistics.percentile(np.arange(minimum - 1.0), p) is None
    samples = np.random.default_rng(0).permutation(np.arange(1.0, minimum + 1))
    assert statistics.percentile(samples, p) == math.ceil(minimum * p)


def simulate(truth, pairs, chance, offset=0.01, white=0.02, rounds=20):
    """Rounds of `pairs` pairs of processes whose latencies differ by `truth`, each process with its own offset."""
    return [
        np.exp(chance.normal(0, offset, (1, 2)) + chance.normal(0, white, (rounds, 2))) * np.array([truth, 1.0])
        for _ in range(pairs)
    ]


def verdicts(truth, runs=200, **noise):
    chance = np.random.default_rng(1)
    found = [
        statistics.verdict(statistics.speedup(simulate(truth, 6, chance, **noise)), 0.02, decides_same=True)
        for _ in range(runs)
    ]
    return {word: found.count(word) / runs for word in set(found)}


def test_identical_code_is_rarely_called_faster_or_slower():
    found = verdicts(1.0)
    assert found.get("faster", 0) + found.get("slower", 0) <= 0.08


def test_a_real_difference_is_found():
    assert verdicts(1.10).get("faster", 0) >= 0.99
    assert verdicts(1 / 1.10).get("slower", 0) >= 0.99


def test_same_is_said_when_it_is_so_and_the_noise_allows():
    assert verdicts(1.0, offset=0, white=0.005).get("same", 0) >= 0.9
    assert verdicts(1.02, offset=0, white=0.005).get("same", 0) <= 0.06


def test_the_interval_covers_the_truth():
    chance = np.random.default_rng(2)
    found = [statistics.speedup(simulate(1.3, 5, chance)) for _ in range(400)]
    assert np.mean([i.low <= 1.3 <= i.high for i in found]) >= 0.92


def test_two_quick_runs_agree_on_a_difference_of_fifteen_per_cent():
    """A spread of 4 % between pairs, as on a shared machine; the interval alone beyond the margin would disagree in
    half of the cases, its ends being as uncertain as the spread that it is made of."""
    chance = np.random.default_rng(3)

    def run() -> str:
        ratio = statistics.speedup(simulate(1.15, 5, chance, offset=0.04 / math.sqrt(2)))
        return statistics.verdict(ratio, 0.1, decides_same=False)

    pairs = [(run(), run()) for _ in range(300)]
    assert np.mean([one == two == "faster" for one, two in pairs]) >= 0.9
    assert not any("slower" in pair for pair in pairs)


@pytest.mark.parametrize(
    ("ratio", "margin", "same", "wanted"),
    [
        (Interval(1.2, 1.1, 1.3), 0.1, False, "faster"),
        (Interval(1.2, 1.02, 1.4), 0.1, False, "faster"),
        (Interval(1.2, 0.98, 1.4), 0.1, False, "inconclusive"),
        (Interval(1.05, 1.02, 1.08), 0.1, False, "inconclusive"),  # level quick decides nothing under 10 %
        (Interval(0.92, 0.9, 0.94), 0.1, False, "inconclusive"),
        (Interval(1.05, 1.02, 1.08), 0.02, True, "faster"),
        (Interval(0.8, 0.7, 0.9), 0.1, False, "slower"),
        (Interval(1.0, 0.99, 1.01), 0.02, True, "same"),
        (Interval(1.0, 0.99, 1.01), 0.1, False, "inconclusive"),
        (Interval(1.0, 0.9, 1.1), 0.02, True, "inconclusive"),
        (Interval(3.0), 0.02, True, "inconclusive"),  # no interval, no verdict
        (Interval(3.0, 2.0, 4.0), math.inf, False, "inconclusive"),  # level smoke decides nothing
    ],
)
def test_verdicts(ratio, margin, same, wanted):
    assert statistics.verdict(ratio, margin, same) == wanted


@pytest.mark.parametrize(
    ("ratio", "margin", "same", "floor", "wanted"),
    [
        (Interval(1.05, 1.02, 1.08), 0.02, True, 0.04, "faster"),
        (Interval(1.05, 1.02, 1.08), 0.02, True, 0.06, "inconclusive"),  # the host cannot tell 5 %
        (Interval(1 / 1.05, 0.93, 0.98), 0.02, True, 0.04, "slower"),
        (Interval(1 / 1.05, 0.93, 0.98), 0.02, True, 0.06, "inconclusive"),
        (Interval(1.0, 0.99, 1.01), 0.02, True, 0.02, "same"),
        (Interval(1.0, 0.99, 1.01), 0.02, True, 0.021, "inconclusive"),  # nor that nothing of 2 % is there
        (Interval(1.15, 1.1, 1.2), 0.1, False, 0.2, "inconclusive"),
        (Interval(1.25, 1.1, 1.4), 0.1, False, 0.2, "faster"),
        (Interval(1.05, 1.02, 1.08), 0.1, False, 0.01, "inconclusive"),  # the level's margin holds all the same
    ],
)
def test_no_verdict_claims_less_than_the_host_can_tell(ratio, margin, same, floor, wanted):
    assert statistics.verdict(ratio, margin, same, floor) == wanted


def test_latency_is_the_geometric_mean_of_the_processes_medians():
    found = statistics.latency([np.array([1.0, 1.0, 9.0]), np.full(3, 2.0), np.full(3, 4.0)])
    assert found.value == pytest.approx(2.0)
    assert found.low < 2 < found.high


@pytest.mark.parametrize(
    ("cost", "saving", "wanted"), [(10, 1.0, 10), (10, -1.0, math.inf), (0, 1.0, 0), (1, 0.0, math.inf), (7, 2.0, 4)]
)
def test_break_even(cost, saving, wanted):
    assert statistics.break_even(np.array([cost, cost]), np.array([saving, saving])) == (wanted, None, None)


def test_break_even_has_an_interval_over_pairs():
    chance = np.random.default_rng(5)
    covered = []
    for _ in range(300):
        found = statistics.break_even(10 + chance.normal(0, 0.3, 6), 0.01 * (1 + chance.normal(0, 0.05, 6)))
        covered.append(found.low <= 1000 <= found.high)
        assert found.low <= found.value <= found.high
    assert np.mean(covered) >= 0.92


def test_break_even_may_be_never():
    costs = np.full(6, 10.0)
    unsure = statistics.break_even(costs, np.array([0.01, -0.01, 0.02, -0.015, 0.01, 0.0]))
    assert unsure.high == math.inf
    assert math.isfinite(unsure.low)
    assert statistics.break_even(costs, np.array([-0.01, -0.011, -0.012, -0.01, -0.011, -0.01])) == (math.inf,) * 3


def test_a_call_that_takes_no_time_divides_by_nothing():
    found = statistics.speedup([np.zeros((20, 2))] * 5)
    assert found.value == 1
    assert statistics.latency([np.zeros(20)] * 5).value > 0


def test_samples_that_follow_each_other_are_worth_fewer():
    chance = np.random.default_rng(0)
    noise = np.zeros(2000)
    for i in range(1, 2000):
        noise[i] = 0.9 * noise[i - 1] + chance.normal()
    assert statistics.independent_count(chance.permutation(noise)) > 1500
    assert statistics.independent_count(noise) < 300
    assert statistics.percentile(noise, 0.99) is not None
    assert statistics.percentile(noise, 0.99, statistics.independent_count(noise)) is None


def test_processes_that_differ_are_worth_fewer_samples_than_they_have():
    """A tail of all of them together is the tail of the slowest."""
    chance = np.random.default_rng(0)
    alike = [chance.normal(1, 0.01, 400) for _ in range(5)]
    apart = [samples + 0.1 * number for number, samples in enumerate(alike)]
    assert statistics.independent_count(np.concatenate(alike)) > 1000
    assert statistics.independent_count(np.concatenate(apart)) < 64


def test_a_count_of_independent_samples_never_adds_to_those_that_there_are():
    assert statistics.percentile(np.arange(63.0), 0.90, 1000.0) is None
