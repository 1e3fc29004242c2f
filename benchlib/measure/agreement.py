"""Do the figures of a trial agree with each other: its processes, and the ratios that can be formed of them?

A median of ratios, a ratio of medians and a ratio of means say the same of two latencies that are each spread around
one value. Where one of them jumps between two, each picks another one, and none of them is the answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchlib.measure import statistics
from benchlib.measure.samples import Samples
from benchlib.measure.statistics import Interval

MINIMUM = 3  # processes; fewer say nothing about how processes differ
MARGIN_MEDIANS = 0.10  # share by which the intervals of two ratios of medians may lie apart
MARGIN_MEANS = 0.20  # … and of one of means, which a few far samples move: they are told elsewhere (samples_far_share)
SPREAD = 0.05  # share by which the slowest process may exceed the fastest, whatever explains it
_CHANCE = 1e-3  # probability below which chance within the processes does not explain their differences


@dataclass(frozen=True)
class ProcessSpread:
    """How the medians of several processes of one contender differ."""

    spread: float  # slowest ÷ fastest − 1
    p_value: float  # how often processes that are alike would differ as much

    @property
    def differ(self) -> bool:
        """Whether they do by more than what happened within them explains, and by a share that matters."""
        return self.spread > SPREAD and self.p_value < _CHANCE


def process_spread(processes: Sequence[np.ndarray]) -> ProcessSpread | None:
    """Whether processes agree: Cochran's Q over the logarithms of their medians, each weighted by its own interval.

    W. G. Cochran, "The combination of estimates from different experiments" (Biometrics 10, 1954). The intervals are
    those of `statistics.median_interval`, which the autocorrelation of the samples widens.

    Args:
        processes: the samples of each process in time order, (samples,) seconds.

    Returns:
        None where fewer than three processes have an interval, since that is too few to tell.
    """
    found = [statistics.median_interval(samples) for samples in processes]
    known = [interval for interval in found if interval.low and interval.high]
    if len(known) < MINIMUM:
        return None
    from scipy.special import chdtrc  # as `statistics.mean_interval`: the rest of scipy.stats costs a trial too much

    medians = np.log([interval.value for interval in known])
    errors = [math.log(high / low) / (2 * 1.96) for low, high in (interval.ends for interval in known)]
    weights = 1 / np.maximum(errors, 1e-4) ** 2  # no clock knows a median better than to a hundredth of a percent
    q = float(weights @ (medians - np.average(medians, weights=weights)) ** 2)
    return ProcessSpread(math.expm1(float(np.ptp(medians))), float(chdtrc(len(known) - 1, q)))


@dataclass(frozen=True)
class Ratios:
    """Latency of the reference ÷ latency, formed in three ways, each with its 95 % interval over processes."""

    paired: Interval  # median over the rounds' ratios: what is published as speedup
    medians: Interval  # ratio of the processes' medians
    means: Interval  # ratio of the processes' means

    @property
    def differ(self) -> bool:
        """Whether two of their intervals lie apart by more than a margin."""
        margins = {"paired": MARGIN_MEDIANS, "medians": MARGIN_MEDIANS, "means": MARGIN_MEANS}
        pairs = combinations(margins, 2)
        return any(_apart(getattr(self, a), getattr(self, b)) > max(margins[a], margins[b]) for a, b in pairs)

    def words(self) -> str:
        """The three figures, each with its interval."""
        named = (("speedup", self.paired), ("ratio of medians", self.medians), ("ratio of means", self.means))
        return ", ".join(
            f"{name} {ratio.value:.3g} [{ratio.ends[0]:.3g}, {ratio.ends[1]:.3g}]" for name, ratio in named
        )


def ratios(samples: Samples, own: int, reference: int = 0) -> Ratios | None:
    """The ratios of two contenders; None below three processes of each, which give no interval.

    Args:
        samples: of all contenders.
        own: number of the one.
        reference: number of the other.
    """
    if len(samples.replicates) < MINIMUM:
        return None
    processes = [(samples.counted(reference, r), samples.counted(own, r)) for r in samples.replicates]
    return Ratios(
        statistics.speedup([samples.rounds(r)[:, [reference, own]] for r in samples.replicates]),
        statistics.speedup([np.array([[np.median(theirs), np.median(mine)]]) for theirs, mine in processes]),
        statistics.speedup([np.array([[theirs.mean(), mine.mean()]]) for theirs, mine in processes]),
    )


def _apart(one: Interval, other: Interval) -> float:
    """The share by which the nearer ends of two intervals of ratios differ; negative where they overlap."""
    (low, high), (other_low, other_high) = one.ends, other.ends
    return max(low / other_high, other_low / high) - 1
