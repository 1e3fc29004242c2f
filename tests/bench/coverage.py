"""Intervals and verdicts under noise whose law is known: how often the truth is inside, how often equals differ.

Nothing is timed: six pairs of processes are simulated, 20 rounds in each, a block of five calls per contender and
round. Coverage is that of the speedup's 95 % interval; false verdicts are those of equal contenders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchlib.measure import statistics
from benchlib.measure.levels import LEVELS
from tests.bench.figure import Figure, at_least, at_most
from tests.measure.laws import correlated

STUDIES = 1000  # simulated for each law
LEAST, MOST = 0.92, 0.06  # coverage of an interval of 95 %; false verdicts: 5 % and what chance adds in 1000
ROUNDS, CALLS = 20, 5
TRUTH = 1.1  # ratio of the latencies whose interval is looked at

Chance = np.random.Generator
Law = Callable[[Chance, int], np.ndarray]  # (pairs, rounds, 2, calls) factors of a latency, both contenders alike


def _shape(pairs: int) -> tuple[int, int, int, int]:
    return pairs, ROUNDS, 2, CALLS


def _white(chance: Chance, pairs: int, share: float = 0.02) -> np.ndarray:
    return np.exp(chance.normal(0, share, _shape(pairs)))


def processes(share: float) -> Law:
    """Processes that differ for life, by a standard deviation of `share`."""
    return lambda chance, pairs: _white(chance, pairs) * np.exp(chance.normal(0, share, (pairs, 1, 2, 1)))


def slow(phi: float) -> Law:
    """Correlated noise of 3 % that both contenders share in time, and spikes."""

    def law(chance: Chance, pairs: int) -> np.ndarray:
        machine = np.exp(correlated(pairs * ROUNDS * 2 * CALLS, phi, 0.03, chance)).reshape(_shape(pairs))
        return machine * np.where(chance.random(_shape(pairs)) < 0.02, 1.5, 1.0)

    return law


def odd_processes(share: float, factor: float) -> Law:
    """A share of the processes is slower for life."""
    return lambda chance, pairs: _white(chance, pairs) * np.where(chance.random((pairs, 1, 2, 1)) < share, factor, 1.0)


def heavy_tails(chance: Chance, pairs: int) -> np.ndarray:
    """Student's t of three degrees of freedom, scaled to 3 %."""
    return np.exp(np.clip(chance.standard_t(3, _shape(pairs)) * 0.03, -1, 1))


def one_sided(chance: Chance, pairs: int) -> np.ndarray:
    """Exponential delays of 3 % in the mean."""
    return 1 + chance.exponential(0.03, _shape(pairs))


def drift(chance: Chance, pairs: int) -> np.ndarray:
    """Each pair gets slower by 10 % from its first round to its last."""
    return _white(chance, pairs) * np.linspace(1, 1.1, ROUNDS)[None, :, None, None]


def later_is_faster(chance: Chance, pairs: int) -> np.ndarray:
    """The contender of a pair that was started second is 3 % faster."""
    factors = _white(chance, pairs)
    for pair in range(pairs):
        factors[pair, :, 1 - pair % 2] *= 0.97
    return factors


def two_modes(chance: Chance, pairs: int) -> np.ndarray:
    """Two calls in five take 1.3 times as long."""
    return _white(chance, pairs) * np.where(chance.random(_shape(pairs)) < 0.4, 1.3, 1.0)


LAWS: dict[str, Law] = {
    **{f"processes differ by {share:.1%}": processes(share) for share in (0.005, 0.01, 0.03, 0.06, 0.10)},
    **{f"slow noise of 3 %, correlation {phi:g}, with spikes": slow(phi) for phi in (0.5, 0.95, 0.99)},
    "heavy tails (t of three degrees)": heavy_tails,
    "30 % of the processes 1.1 × as slow": odd_processes(0.3, 1.1),
    "10 % of the processes 1.2 × as slow": odd_processes(0.1, 1.2),
    "one process in 50 1.3 × as slow": odd_processes(0.02, 1.3),
    "exponential delays of 3 %": one_sided,
    "10 % of drift within a pair": drift,
    "the second-started 3 % faster": later_is_faster,
    "40 % of the calls 1.3 × as slow": two_modes,
}


def figures(laws: dict[str, Law] = LAWS, studies: int = STUDIES) -> Iterator[Figure]:
    for name, law in laws.items():
        inside, width = _coverage(law, studies)
        yield at_least(f"coverage: {name}", inside, LEAST, f"{LEAST:g}", remark=f"half-width {width:.1%} in the median")
    for level in ("quick", "precise"):
        worst = max(((_false_verdicts(law, level, studies), name) for name, law in laws.items()))
        what = f"false verdicts of equals at {level}, the worst of {len(laws)} laws"
        yield at_most(what, worst[0], MOST, f"{MOST:g}", remark=worst[1])


def _coverage(law: Law, studies: int) -> tuple[float, float]:
    """The share of intervals that hold the truth, and the median of their half widths."""
    chance = np.random.default_rng(1)
    ends = [statistics.speedup(_study(law, chance, "quick", TRUTH)).ends for _ in range(studies)]
    inside = np.mean([low <= TRUTH <= high for low, high in ends])
    return float(inside), float(np.median([(high - low) / 2 for low, high in ends])) / TRUTH


def _false_verdicts(law: Law, level: str, studies: int) -> float:
    chance, found = np.random.default_rng(2), LEVELS[level]
    verdicts = [
        statistics.verdict(statistics.speedup(_study(law, chance, level)), found.margin, found.decides_same)
        for _ in range(studies)
    ]
    return float(np.mean([v in (statistics.FASTER, statistics.SLOWER) for v in verdicts]))


def _study(law: Law, chance: Chance, level: str, truth: float = 1.0) -> list[np.ndarray]:
    """(rounds, 2) medians per pair of processes; the reference is `truth` times as slow."""
    factors = law(chance, LEVELS[level].replicates) * np.array([truth, 1.0])[None, None, :, None]
    return list(0.01 * np.median(factors, axis=-1))
