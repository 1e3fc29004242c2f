"""Was what was measured steady? Looked at afterwards, on the samples of one process in time order; nothing is cut.

Change points by PELT on the logarithms (Killick, Fearnhead & Eckley, JASA 107, 2012; the library `ruptures`), two
modes by Otsu's threshold (IEEE Trans. SMC 9, 1979), correlation by the autocorrelation time of the ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchlib.measure.statistics import autocorrelation_time

MINIMUM = 40  # samples; fewer tell nothing about a course in time
TOO_FEW = "too few to tell"  # stands for the flags of a process with fewer, which is not called steady
STEP = 0.02  # medians of two segments that differ by more are two levels
CORRELATED = 4.0  # autocorrelation time beyond which an interval within a process means little
_BINS = 400  # the series is looked at in medians of equal parts: spikes are no change of level
_MODES_APART, _MODE_SHARE, _EXPLAINED = 0.10, 0.05, 0.8


@dataclass(frozen=True)
class Steadiness:
    """The course of one process. `levels` are the medians (seconds) of its segments, in time order."""

    levels: tuple[float, ...]
    slowing_down: bool  # the last segment is the slowest by more than 2 %
    modes: tuple[float, float] | None  # medians of the two modes, where there are two
    correlation: float  # autocorrelation time in samples

    @property
    def steady(self) -> bool:
        return max(self.levels) <= (1 + STEP) * min(self.levels)

    @property
    def flags(self) -> tuple[str, ...]:
        found = {
            "not_steady": not self.steady,
            "slowing_down": self.slowing_down,
            "bimodal": self.modes is not None,
            "autocorrelated": self.correlation > CORRELATED,
        }
        return tuple(name for name, there in found.items() if there)


def steadiness(samples: np.ndarray) -> Steadiness | None:
    """Of one process's samples (seconds), in time order; None below 40 of them."""
    if len(samples) < MINIMUM or not np.all(samples > 0):
        return None
    levels = segments(samples)
    slowing = len(levels) > 1 and levels[-1] == max(levels) and levels[-1] > (1 + STEP) * min(levels)
    return Steadiness(levels, slowing, modes(samples), autocorrelation_time(samples))


def segments(samples: np.ndarray) -> tuple[float, ...]:
    """The medians of the segments between change points of the logarithms, in time order."""
    import ruptures  # half a second, which short trials need not pay

    parts = np.array_split(samples, min(_BINS, len(samples) // 3))
    series = np.log([np.median(part) for part in parts])
    # What is far from the middle is as far as four standard deviations: one spike is no level.
    scaled = np.clip((series - np.median(series)) / _noise(series), -4, 4).reshape(-1, 1)
    penalty = 4 * np.log(len(scaled))  # a change of level costs two parameters
    ends = ruptures.KernelCPD(kernel="linear", min_size=max(3, len(scaled) // 50)).fit(scaled).predict(pen=penalty)
    starts = [0, *ends[:-1]]
    return tuple(float(np.median(np.concatenate(parts[a:b]))) for a, b in zip(starts, ends, strict=True))


def _noise(series: np.ndarray) -> float:
    """The long-run standard deviation of an AR(1) process, from its differences, in which levels and slopes do not
    show: their correlation is −(1 − φ)/2, their variance 2σ²(1 − φ)."""
    steps = np.diff(series)
    size = float(np.median(np.abs(steps))) / 0.6745
    usual = np.abs(steps) <= 4 * size  # the steps between two levels belong to no noise
    pairs = usual[:-1] & usual[1:]
    if not size or pairs.sum() < 10:
        return max(float(np.std(series)), 1e-9)
    phi = 1 + 2 * float(np.corrcoef(steps[:-1][pairs], steps[1:][pairs])[0, 1])
    phi = min(max(phi, 0.0), 0.95)
    return size / float(np.sqrt(2 * (1 - phi)) * np.sqrt((1 - phi) / (1 + phi)))


def modes(samples: np.ndarray) -> tuple[float, float] | None:
    """The medians of two modes, when splitting the logarithms in two explains nearly all of their variance, each
    part holds 5 % of the samples and they are 10 % apart; None for one mode."""
    ordered = np.sort(np.log(samples))
    n = len(ordered)
    total = float(np.var(ordered)) * n
    if total <= 0:
        return None
    # Spikes are no mode: a part has to hold its share.
    first = np.arange(max(1, int(n * _MODE_SHARE)), n - max(1, int(n * _MODE_SHARE)) + 1)
    sums = np.concatenate([[0], np.cumsum(ordered)])
    low, high = sums[first] / first, (sums[-1] - sums[first]) / (n - first)
    between = first * (n - first) / n * (high - low) ** 2
    best = int(np.argmax(between))
    cut = int(first[best])
    below, above = float(np.exp(np.median(ordered[:cut]))), float(np.exp(np.median(ordered[cut:])))
    return (below, above) if between[best] >= _EXPLAINED * total and above > (1 + _MODES_APART) * below else None
