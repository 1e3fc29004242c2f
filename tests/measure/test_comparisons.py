"""What comparisons say of simulated contenders on a machine that drifts; no real time."""

from itertools import islice

import numpy as np
import pytest

from benchlib.measure import statistics
from benchlib.measure.schedule import orders
from tests.measure.laws import correlated

PAIRS, ROUNDS, CALLS = 6, 20, 5


def study(chance, truth=1.0, phi=0.95, slow=0.03, white=0.01, drift=0.05, offset=0.0, interleaved=True):
    """(rounds, 2) medians per pair of processes: one machine, whose slow noise and drift all calls share, in the
    order in which they run; contender 1 is `truth` times as slow."""
    total = PAIRS * ROUNDS * 2 * CALLS
    machine = np.exp(correlated(total, phi, slow, chance)) * (1 + drift * np.arange(total) / total)
    machine *= np.exp(chance.normal(0, white, total))
    epochs = iter(machine.reshape(-1, CALLS))
    found = []
    for pair in range(PAIRS):
        medians, luck = np.empty((ROUNDS, 2)), np.exp(chance.normal(0, offset, 2)) * (1.0, truth)
        turns = list(islice(orders(0, pair, 2), ROUNDS)) if interleaved else [[0] * ROUNDS, [1] * ROUNDS]
        seen = [0, 0]
        for contender in (c for turn in turns for c in turn):
            medians[seen[contender], contender] = np.median(next(epochs)) * luck[contender]
            seen[contender] += 1
        found.append(medians)
    return found


def outcome(rounds):
    ratio = statistics.speedup(rounds)
    return ratio, statistics.verdict(ratio, 0.02, decides_same=True)


def test_equal_contenders_on_a_machine_that_drifts():
    chance = np.random.default_rng(0)
    found = [outcome(study(chance)) for _ in range(300)]
    off = [abs(ratio.value - 1) for ratio, _ in found]
    assert np.quantile(off, 0.95) <= 0.015
    assert np.mean([verdict in ("faster", "slower") for _, verdict in found]) <= 0.05


def test_the_same_machine_measured_one_after_the_other_is_worse():
    chance = np.random.default_rng(0)
    turns = [abs(outcome(study(chance))[0].value - 1) for _ in range(100)]
    blocks = [abs(outcome(study(chance, interleaved=False))[0].value - 1) for _ in range(100)]
    assert np.median(blocks) > 2 * np.median(turns)


@pytest.mark.parametrize(("truth", "wanted"), [(1.05, 0.95), (1.10, 0.99)])
def test_a_difference_of_five_or_ten_per_cent_is_found(truth, wanted):
    chance = np.random.default_rng(1)
    noise = {"phi": 0.5, "slow": 0.03, "white": 0.02, "drift": 0.0, "offset": 0.01}
    found = [outcome(study(chance, truth, **noise))[1] for _ in range(300)]
    assert np.mean([verdict == "slower" for verdict in found]) >= wanted
    assert "faster" not in found
