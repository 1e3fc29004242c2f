"""The stopping rule: what it covers, and what it says when it is never satisfied."""

import math

import numpy as np
import pytest

from benchlib.measure import statistics
from benchlib.measure.stopping import Stopping, half_width
from tests.measure.laws import correlated, latencies, median_of

RUNS, CAP = 1000, 1500


def stopped(samples: np.ndarray, target: float) -> tuple[int, bool]:
    """After how many samples a block of five at a time would have ended, and whether the rule was satisfied."""
    rule = Stopping(target)
    for n in range(5, len(samples) + 1, 5):
        if rule.check(samples[:n]):
            return n, True
    return len(samples), False


@pytest.mark.parametrize(("phi", "wanted"), [(0.0, 0.93), (0.5, 0.90), (0.8, 0.88)])
def test_the_interval_of_a_stopped_process_covers_the_truth(phi, wanted):
    chance, truth, covered = np.random.default_rng(int(phi * 100)), median_of(), 0
    for _ in range(RUNS):
        samples = latencies(CAP, phi, chance)
        n, _ = stopped(samples, 0.01)
        found = statistics.median_interval(samples[:n])
        covered += found.low <= truth <= found.high
    assert covered / RUNS >= wanted


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("offset", [0.0, 0.01, 0.03])
def test_the_published_interval_covers_the_truth(phi, offset):
    """Between six processes of 60 samples, each with an offset of its own."""
    chance, truth, covered = np.random.default_rng(int(1000 * phi + 100 * offset)), median_of(), 0
    for _ in range(RUNS):
        processes = [latencies(60, phi, chance) * math.exp(chance.normal(0, offset)) for _ in range(6)]
        found = statistics.latency(processes)
        covered += found.low <= truth <= found.high
    assert covered / RUNS >= 0.92


def test_it_needs_two_checks_in_a_row():
    calm = np.random.default_rng(0).normal(1, 0.001, 200)
    rule = Stopping(0.01)
    assert not rule.check(calm[:20])
    assert not rule.check(calm[:29])  # the next check is at 30
    assert rule.check(calm[:30])
    assert rule.check(calm[:31])  # no check is due
    wild = np.concatenate([calm[:31], np.linspace(1, 9, 100)])
    assert not rule.check(wild)


def test_a_wild_process_is_never_said_to_have_converged():
    wild = np.exp(correlated(2000, 0.95, 0.5, np.random.default_rng(1)))
    n, converged = stopped(wild, 0.01)
    assert (n, converged) == (2000, False)
    assert 0.01 < half_width(wild) < math.inf


def test_too_few_samples_have_no_width():
    assert half_width(np.ones(5)) == math.inf
    assert half_width(np.zeros(30)) == math.inf
    assert half_width(np.ones(30)) == 0
