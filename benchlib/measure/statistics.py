"""From samples to statistics: pure functions on arrays, which anybody can repeat from the stored samples.

The unit of replication is the process. Latency: the geometric mean over processes of the median of a
process, with a t interval on the logarithms. Speedup: per pair of processes the median over rounds of the log
ratio of the round's medians; the mean over pairs, with a t interval. Sources: Kalibera & Jones, "Rigorous
benchmarking in reasonable time" (ISMM 2013); order-statistic intervals as in Le Boudec, "Performance
evaluation of computer and communication systems", 2.2; minimum counts of percentiles from MLPerf LoadGen's
early stopping (99 % confidence, one sample over).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

PERCENTILE_MINIMUM = {0.50: 11, 0.90: 64, 0.95: 130, 0.99: 662, 0.999: 6636}
_TINY = 1e-12  # seconds: what a call takes at least, so that nothing is divided by zero
FASTER, SLOWER, SAME, INCONCLUSIVE = "faster", "slower", "same", "inconclusive"


class Interval(NamedTuple):
    """An estimate with its 95 % interval; low and high are None where no interval can be given."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """(low, high) of an interval that could be given. Raises ValueError for one that could not."""
        if self.low is None or self.high is None:
            raise ValueError(f"too little was measured for an interval around {self.value}")
        return self.low, self.high


def median_interval(samples: np.ndarray, confidence: float = 0.95) -> Interval:
    """The median with its order-statistic interval: ranks k and n+1-k, exact binomial for independent samples
    up to 60, else normal with n shrunk by the autocorrelation of the ranks. None below six samples."""
    n = len(samples)
    if n == 0:
        return Interval(math.nan)
    ordered = np.sort(samples)
    middle = float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    tau = autocorrelation_time(samples)
    if tau == 1 and n <= 60:
        k = exact_rank(n, (1 - confidence) / 2)
    else:
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        k = int(n / 2 - z * math.sqrt(n * tau) / 2)
    if k < 1:
        return Interval(middle)
    return Interval(middle, float(ordered[k - 1]), float(ordered[n - k]))


def exact_rank(n: int, alpha: float = 0.025) -> int:
    """The largest k with P(Binomial(n, 1/2) < k) ≤ alpha: the lower order statistic, 1-based; 0: none."""
    below, k = 0, 0
    for i in range(n + 1):
        below += math.comb(n, i)
        if below > alpha * 2**n:
            break
        k = i + 1
    return k


def autocorrelation_time(samples: np.ndarray) -> float:
    """τ = 1 + 2 Σ ρ_k over the autocorrelations of the ranks, until one is below 1.96/√n. At least 1."""
    n = len(samples)
    _, inverse, counts = np.unique(samples, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts + 1) / 2)[inverse] - (n - 1) / 2  # ties share their mean rank
    variance = float(ranks @ ranks)
    tau = 1.0
    if not variance:
        return tau
    for lag in range(1, min(n // 4, 40)):
        rho = float(ranks[:-lag] @ ranks[lag:]) / variance
        if rho < 1.96 / math.sqrt(n):
            break
        tau += 2 * rho
    return tau


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """The mean with its t interval; no interval for fewer than three values."""
    mean = float(np.mean(values))
    if len(values) < 3:
        return Interval(mean)
    from scipy.special import stdtrit  # a quarter of a second, which trials of one process need not pay

    half = float(-stdtrit(len(values) - 1, (1 - confidence) / 2) * np.std(values, ddof=1) / math.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def latency(processes: list[np.ndarray]) -> Interval:
    """Seconds: the geometric mean of the medians of several processes' samples; with fewer than three
    processes the interval is the order-statistic one of the first process."""
    if len(processes) < 3:
        return median_interval(processes[0])
    return _exp(mean_interval(np.log([max(np.median(p), _TINY) for p in processes])))


def speedup(rounds: Sequence[np.ndarray]) -> Interval:
    """Latency of the reference ÷ latency, from one array (rounds, 2) of medians (reference, way) per pair."""
    return _exp(mean_interval(log_ratios(rounds)))


def log_ratios(rounds: Sequence[np.ndarray]) -> np.ndarray:
    """Per pair the median over rounds of the log ratio, from one array (rounds, 2) of medians (reference, way) each."""
    return np.array([np.median(np.log(np.maximum(r[:, 0], _TINY) / np.maximum(r[:, 1], _TINY))) for r in rounds])


def verdict(ratio: Interval, margin: float, decides_same: bool, floor: float = 0.0) -> str:
    """One of four words. `faster` and `slower` need an interval that excludes 1 and a ratio beyond 1/(1+floor) …
    1+floor, `floor` being the smallest difference that this host can tell (ratio − 1); where "same" may not be said,
    beyond the margin as well. `same` needs an interval within the margin, and a host that can tell the margin."""
    if ratio.low is None or ratio.high is None:
        return INCONCLUSIVE
    if decides_same and floor <= margin and 1 / (1 + margin) <= ratio.low and ratio.high <= 1 + margin:
        return SAME
    least = least_claimed(margin, decides_same, floor)
    if 1 / (1 + least) <= ratio.value <= 1 + least:
        return INCONCLUSIVE
    if ratio.low > 1:
        return FASTER
    if ratio.high < 1:
        return SLOWER
    return INCONCLUSIVE


def least_claimed(margin: float, decides_same: bool, floor: float) -> float:
    """The smallest ratio − 1 that a verdict claims: the floor of the host, and where "same" may not be said the margin
    too."""
    return floor if decides_same else max(floor, margin)


def independent_count(samples: np.ndarray) -> float:
    """n ÷ τ: how many independent samples tell as much as these, which may follow each other or share a process.

    Args:
        samples: in time order, one process after another: what all samples of a process have in common counts as
            correlation too.
    """
    return len(samples) / autocorrelation_time(samples)


def percentile(samples: np.ndarray, p: float, independent: float | None = None) -> float | None:
    """The smallest sample x with F(x) ≥ p (nearest rank, no interpolation).

    Args:
        samples: in any order.
        p: a key of `PERCENTILE_MINIMUM`.
        independent: how many independent samples they are worth (`independent_count`); as many as there are by default.

    Returns:
        None below the minimum count of independent samples.
    """
    n = len(samples)
    if min(n, n if independent is None else independent) < PERCENTILE_MINIMUM[p]:
        return None
    return float(np.sort(samples)[math.ceil(n * p) - 1])


def break_even(costs: np.ndarray, savings: np.ndarray, confidence: float = 0.95) -> Interval:
    """Calls after which a way has paid back what it cost more to prepare; inf: never, 0: from the start.

    `costs` (pairs,) seconds that preparing it took longer than preparing the reference, `savings` (pairs,) seconds
    that a call is shorter. The value is the ratio of their means, the interval Fieller's for such a ratio (E. C.
    Fieller, J. R. Stat. Soc. B 16, 1954), open to "never" where the saving may be none.
    """
    cost, saving = float(np.mean(costs)), float(np.mean(savings))
    value = _calls(cost, saving)
    if len(costs) < 3:
        return Interval(value)
    extra_low, _ = mean_interval(costs, confidence).ends
    saved_low, saved_high = mean_interval(savings, confidence).ends
    if saved_high <= 0:
        return Interval(value, value, value)
    if saved_low <= 0:
        return Interval(value, _calls(extra_low, saved_high), math.inf)
    variance = np.cov(np.stack([costs, savings])) / len(costs)
    from scipy.special import stdtrit

    t2 = float(stdtrit(len(costs) - 1, (1 - confidence) / 2)) ** 2
    a = saving**2 - t2 * variance[1, 1]  # positive, as the interval of the saving excludes 0
    b, c = cost * saving - t2 * variance[0, 1], cost**2 - t2 * variance[0, 0]
    root = math.sqrt(max(b * b - a * c, 0.0))
    low, high = (max(0.0, math.ceil((b + sign * root) / a)) for sign in (-1, 1))
    return Interval(value, low, max(high, value))


def _calls(cost: float, saving: float) -> float:
    if cost <= 0 and saving >= 0:
        return 0.0
    return float(math.ceil(cost / saving)) if saving > 0 else math.inf


def _exp(interval: Interval) -> Interval:
    value, *ends = interval
    return Interval(math.exp(value), *(None if end is None else math.exp(end) for end in ends))
