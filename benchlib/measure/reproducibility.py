"""How far the ratio of two ways moves on one host from one trial to the next, which no trial can see by itself.

Pairs of processes tell how well a ratio is known at the time of the trial (repeatability). From one quarter of an hour
to the next it moves: memory and caches get slower or faster as the neighbours of a virtual host, or jobs on other
cores, use them, and no counter shows that. What two ways have in common moves alike and cancels in the ratio; what the
slower one does beside it, a share of 1 − 1/ratio, can move by itself. So the interval that is published holds both, in
quadrature, as independent parts of an uncertainty are added (Guide to the expression of uncertainty in measurement,
JCGM 100:2008: 4.3, a part that is not estimated from the samples at hand, and 5.1.2).

Two ways that take equal time by unlike means are not covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from benchlib.measure import thresholds
from benchlib.measure.statistics import Interval


def reproducibility(ratio: float, busy: float | None = None) -> float:
    """Half the 95 % interval by which a ratio of two latencies moves between trials, on the logarithm; 0 of equal ways.

    Args:
        ratio: in either direction.
        busy: the share of the allowed cores that others took meanwhile; None: not known.
    """
    moves = math.hypot(thresholds.MOVES, thresholds.MOVES_BESIDE * (busy or 0.0))
    return moves * (1 - min(ratio, 1 / ratio))


def between_trials(within: Interval, moves: float) -> Interval:
    """The interval of a ratio that holds in other trials on the host too, from the one over pairs of processes and from
    its reproducibility."""
    return _with_half(within, lambda half: math.hypot(half, moves))


def within_trial(published: Interval, moves: float) -> Interval:
    """The interval over pairs of processes, from one that is published and the reproducibility that is part of it."""
    return _with_half(published, lambda half: math.sqrt(max(half**2 - moves**2, 0.0)))


def _with_half(interval: Interval, change: Callable[[float], float]) -> Interval:
    """An interval of another half width on the logarithm, where there is one."""
    if interval.low is None or interval.high is None:
        return interval
    half = change(math.log(interval.high / interval.low) / 2)
    return Interval(interval.value, interval.value * math.exp(-half), interval.value * math.exp(half))
