"""The course of a process, on simulated ones."""

import numpy as np
import pytest

from benchlib.measure.steadiness import MINIMUM, steadiness
from tests.measure.laws import correlated, latencies

CASES = 100


def seen(make, n=600):
    chance = np.random.default_rng(3)
    return [steadiness(0.01 * make(n, chance)) for _ in range(CASES)]


def noise(n, chance, sd=0.01):
    return np.exp(chance.normal(0, sd, n))


@pytest.mark.parametrize("n", [200, 600, 9000])
def test_a_slope_of_ten_per_cent_is_not_steady_and_slows_down(n):
    found = seen(lambda n, chance: noise(n, chance) * (1 + 0.1 * np.arange(n) / n), n)
    assert sum("not_steady" in f.flags for f in found) == CASES
    assert sum("slowing_down" in f.flags for f in found) == CASES


@pytest.mark.parametrize("n", [600, 2000, 9000])
def test_regimes_that_alternate_are_not_steady(n):
    found = seen(lambda n, chance: noise(n, chance) * (1 + 0.1 * (np.arange(n) // 200 % 2)), n)
    assert sum("not_steady" in f.flags for f in found) == CASES


def test_speeding_up_is_not_slowing_down():
    found = seen(lambda n, chance: noise(n, chance) * (1.1 - 0.1 * np.arange(n) / n))
    assert not any("slowing_down" in f.flags for f in found)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_a_steady_process_is_called_steady(phi):
    """Spikes are there too."""
    chance = np.random.default_rng(4)
    found = [steadiness(latencies(600, phi, chance, sd=0.02)) for _ in range(CASES)]
    assert sum(f.steady for f in found) >= 0.95 * CASES
    assert not any(f.modes for f in found)


@pytest.mark.parametrize(("phi", "wanted"), [(0.0, 0), (0.9, CASES)])
def test_correlation_is_told_beyond_four_samples(phi, wanted):
    found = seen(lambda n, chance: np.exp(correlated(n, phi, 0.02, chance)))
    assert sum("autocorrelated" in f.flags for f in found) == wanted


def test_two_modes_are_found_and_kept():
    """80 % at 10 ms, 20 % at 30 ms: L1.8 of measuring's own acceptance list."""
    from benchlib.measure import statistics

    chance = np.random.default_rng(5)
    processes = [0.01 * noise(500, chance, 0.02) * np.where(chance.random(500) < 0.2, 3.0, 1.0) for _ in range(6)]
    for samples in processes:
        modes = steadiness(samples).modes
        assert modes == pytest.approx((0.01, 0.03), rel=0.02)
    published, every = statistics.latency(processes), np.concatenate(processes)
    assert published.low <= 0.01 * 1.01
    assert published.value == pytest.approx(0.01, rel=0.02)
    assert statistics.percentile(every, 0.90) > 0.025
    assert every.mean() == pytest.approx(0.014, rel=0.03)


def test_little_is_said_of_little():
    assert steadiness(np.ones(MINIMUM - 1)) is None
    assert steadiness(np.zeros(100)) is None
    assert steadiness(np.ones(100)).flags == ()
