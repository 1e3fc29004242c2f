"""Whether processes and ratios agree, on simulated samplers; no real time."""

import math

import numpy as np
import pytest

from benchlib.measure import agreement, statistics
from benchlib.measure.agreement import Ratios
from benchlib.measure.samples import STEADY, Block, Samples
from benchlib.measure.statistics import Interval

PROCESSES, SAMPLES, WHITE = 5, 60, 0.02


def simulate(chance, odd: float, factor: float, processes: int = PROCESSES) -> list[np.ndarray]:
    """Processes of which a share `odd` of all that there could be takes `factor` times as long."""
    factors = np.where(chance.random(processes) < odd, factor, 1.0)
    return [1e-2 * f * np.exp(chance.normal(0, WHITE, SAMPLES)) for f in factors]


@pytest.mark.parametrize(
    ("odd", "factor", "processes", "covered", "flagged"),
    [
        # The interval holds the mean of all processes, or it says that they differ; where the few that were seen
        # happen to be alike, no interval can know of the others: these shares are published with the figures.
        (0.0, 1.0, 5, (0.93, 0.97), (0.0, 0.01)),
        (0.3, 1.1, 5, (0.79, 0.86), (0.79, 0.86)),
        (0.3, 1.1, 6, (0.86, 0.91), (0.86, 0.91)),
        (0.02, 1.3, 5, (0.25, 0.36), (0.07, 0.13)),
    ],
)
def test_coverage_of_latency_where_whole_processes_differ(odd, factor, processes, covered, flagged):
    chance, truth = np.random.default_rng(0), 1e-2 * factor**odd
    found = []
    for _ in range(800):
        trial = simulate(chance, odd, factor, processes)
        interval, spread = statistics.latency(trial), agreement.process_spread(trial)
        found.append((interval.low <= truth <= interval.high, spread.differ))
    holds, differ = np.array(found).T
    assert covered[0] <= holds.mean() <= covered[1]
    assert flagged[0] <= differ.mean() <= flagged[1]
    if differ.any():
        assert holds[differ].mean() >= 0.95, "an interval that says so is wide enough"


def test_alike_processes_that_wander_are_not_called_different():
    """A slow component of each process's own, which widens the interval of its median."""
    chance, flags = np.random.default_rng(1), []
    for _ in range(200):
        trial = []
        for _ in range(PROCESSES):
            slow = np.zeros(400)
            for i in range(1, 400):
                slow[i] = 0.95 * slow[i - 1] + chance.normal(0, 0.01)
            trial.append(np.exp(slow + chance.normal(0, 0.01, 400)))
        flags.append(agreement.process_spread(trial).differ)
    assert np.mean(flags) <= 0.05


def test_differences_that_do_not_matter_are_not_told():
    trial = [np.exp(np.random.default_rng(i).normal(0.01 * i, 0.001, 200)) for i in range(4)]
    found = agreement.process_spread(trial)
    assert found.p_value < 1e-6 and found.spread == pytest.approx(math.expm1(0.03), abs=1e-3)
    assert not found.differ


def test_processes_too_few_to_tell():
    trial = simulate(np.random.default_rng(0), 0.5, 2.0, 2)
    assert agreement.process_spread(trial) is None
    assert agreement.process_spread([*trial, trial[0][:5]]) is None, "five samples have no interval"
    assert agreement.process_spread([*trial, trial[0]]) is not None


def samples_of(law, replicates=5, rounds=20, calls=10) -> Samples:
    """Two contenders; `law(contender, round)` seconds, with 2 % of noise."""
    chance, samples, now = np.random.default_rng(0), Samples(["eager", "script"]), 0
    for replicate in range(replicates):
        for round_ in range(rounds):
            for contender in (0, 1):
                ns = (1e9 * law(contender, round_) * np.exp(chance.normal(0, 0.02, calls))).astype(np.uint64)
                end = now + int(ns.sum())
                samples.blocks.append(Block(contender, replicate, round_, STEADY, now, end, 0, 0, ns))
                now = end
    return samples


def test_three_ratios_of_one_latency_agree():
    found = agreement.ratios(samples_of(lambda contender, round_: 1e-3 if contender else 2e-3), 1)
    assert not found.differ
    assert [r.value for r in (found.paired, found.medians, found.means)] == pytest.approx([2, 2, 2], rel=0.01)


def test_spikes_that_both_have_are_no_disagreement():
    """One round in ten takes three times as long, of both."""
    law = lambda contender, round_: (1e-3 if contender else 2e-3) * (3 if round_ % 10 == 0 else 1)  # noqa: E731
    assert not agreement.ratios(samples_of(law), 1).differ


def test_a_way_that_is_fast_in_most_rounds_only_has_ratios_that_differ():
    law = lambda contender, round_: 1e-3 if contender and round_ % 20 < 12 else 5e-3  # noqa: E731
    found = agreement.ratios(samples_of(law), 1)
    assert found.differ
    assert found.paired.value == pytest.approx(5, rel=0.02) and found.means.value == pytest.approx(1.92, rel=0.05)
    assert found.words().startswith("speedup 4.9") and "ratio of means 1.92 [" in found.words()


@pytest.mark.parametrize(
    ("medians", "means", "differ"),
    [
        ((3.7, 3.88, 4.0), (4.6, 4.8, 5.0), True),  # 19 % from 4.78 at the nearest
        ((4.4, 4.6, 4.7), (4.6, 4.8, 5.0), False),  # apart, but by less than a tenth
        ((2.0, 3.88, 7.0), (4.6, 4.8, 5.0), False),  # its interval allows both
        ((4.7, 4.86, 5.0), (1.6, 1.8, 2.0), True),
        ((4.7, 4.86, 5.0), (3.9, 4.1, 4.2), False),  # far samples of one contender: told elsewhere
    ],
)
def test_ratios_differ_beyond_their_intervals_and_a_margin(medians, means, differ):
    def interval(low, value, high):
        return Interval(value, low, high)

    found = Ratios(Interval(4.86, 4.78, 4.95), interval(*medians), interval(*means))
    assert found.differ is differ


def test_fewer_than_three_processes_give_no_ratios_to_compare():
    assert agreement.ratios(samples_of(lambda contender, round_: 1e-3, replicates=2), 1) is None


def process_offset(chance, shape):
    """Processes that deviate by 6 %, with white noise."""
    return chance.normal(0, 0.06, (shape[0], 1, 1)) + chance.normal(0, 0.02, shape)


def wandering(chance, shape):
    """A slow component within each process, and spikes."""
    replicates, rounds, _ = shape
    slow = np.cumsum(chance.normal(0, 0.02, (replicates, rounds, 1)), axis=1)
    return slow + np.where(chance.random(shape) < 0.01, np.log(5), 0) + chance.normal(0, 0.02, shape)


def heavy_tails(chance, shape):
    """Deviations of 5 % with the tails of Student's t with three degrees of freedom."""
    return 0.05 * chance.standard_t(3, shape)


def odd_processes(chance, shape):
    """Three processes in ten take 1.1 times as long, one in ten 1.2 times."""
    odd = chance.choice([0.0, math.log(1.1), math.log(1.2)], p=[0.6, 0.3, 0.1], size=(shape[0], 1, 1))
    return odd + chance.normal(0, 0.02, shape)


def two_values(chance, shape):
    """Two calls in five take 1.3 times as long."""
    return np.where(chance.random(shape) < 0.4, math.log(1.3), 0) + chance.normal(0, 0.02, shape)


@pytest.mark.parametrize("noise", [process_offset, wandering, heavy_tails, odd_processes, two_values])
def test_noise_that_both_contenders_have_is_rarely_a_disagreement(noise):
    """Of a hundred trials at most two: a suspect row has no verdict, and noise alone is no reason for that."""
    chance, flags = np.random.default_rng(5), []
    for _ in range(100):
        logs = [noise(chance, (5, 20, 10)) for _ in range(2)]
        ns = (1e7 * np.exp(np.stack(logs))).astype(np.uint64)
        samples = Samples(["eager", "script"])
        samples.blocks = [
            Block(contender, replicate, round_, STEADY, 0, 1, 0, 0, ns[contender, replicate, round_])
            for contender in (0, 1)
            for replicate in range(5)
            for round_ in range(20)
        ]
        flags.append(agreement.ratios(samples, 1).differ)
    assert np.mean(flags) <= 0.02
