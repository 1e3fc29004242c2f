"""The test over pairs and the correction over a study, on simulated pairs."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from benchlib.measure import statistics
from benchlib.measure.multiplicity import benjamini_hochberg, p_value


def simulate(chance, truth=1.0, pairs=5, spread=0.02, rounds=20):
    """Rounds of pairs of processes: a spread between pairs, half of it within them."""
    return [
        np.exp(chance.normal(0, spread, (1, 2)) + chance.normal(0, spread / 2, (rounds, 2))) * np.array([truth, 1.0])
        for _ in range(pairs)
    ]


def test_it_is_the_t_test_over_pairs():
    rounds = simulate(np.random.default_rng(0), 1.02)
    logs = [np.median(np.log(r[:, 0] / r[:, 1])) for r in rounds]
    assert p_value(rounds) == pytest.approx(ttest_1samp(logs, 0).pvalue, rel=1e-9)


def test_it_agrees_with_the_interval():
    chance = np.random.default_rng(1)
    for truth in (1.0, 1.01, 1.03, 1.1) * 20:
        rounds = simulate(chance, truth)
        interval = statistics.speedup(rounds)
        assert (p_value(rounds) < 0.05) == (not interval.low <= 1 <= interval.high)


def test_identical_code_gives_every_p_value_equally_often():
    chance = np.random.default_rng(2)
    found = np.array([p_value(simulate(chance)) for _ in range(1000)])
    assert abs(np.mean(found < 0.05) - 0.05) < 0.025
    assert abs(np.mean(found < 0.5) - 0.5) < 0.06


def test_too_few_pairs_and_pairs_without_any_spread():
    assert p_value([np.ones((4, 2))] * 2) is None
    assert p_value([np.ones((4, 2))] * 3) == 1.0
    assert p_value([np.array([[2.0, 1.0]])] * 3) == 0.0


def test_q_values_are_those_of_the_definition():
    p_values = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]
    ranked = [p * len(p_values) / (rank + 1) for rank, p in enumerate(p_values)]
    wanted = [min(ranked[i:]) for i in range(len(ranked))]
    assert benjamini_hochberg(p_values) == pytest.approx(wanted)
    shuffled = np.random.default_rng(0).permutation(len(p_values))
    assert benjamini_hochberg(np.array(p_values)[shuffled]) == pytest.approx(np.array(wanted)[shuffled])
    assert len(benjamini_hochberg([])) == 0


def test_few_of_the_differences_that_stand_are_mistakes():
    """80 comparisons of equal things among 100: at a false discovery rate of 5 % nearly all that stand are real."""
    chance = np.random.default_rng(3)
    wrong = right = naive = 0
    for _ in range(20):
        p_values = [p_value(simulate(chance, 1.0 if i < 80 else 1.2)) for i in range(100)]
        stands = benjamini_hochberg(p_values) <= 0.05
        wrong, right = wrong + stands[:80].sum(), right + stands[80:].sum()
        naive += sum(p < 0.05 for p in p_values[:80])
    assert wrong / (wrong + right) <= 0.06
    assert right >= 0.9 * 20 * 20
    assert naive > 3 * wrong  # the correction has something to correct
