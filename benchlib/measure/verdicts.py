"""The verdict that is published: the one place that decides it, from the interval and from how far it can be believed.

`statistics.verdict` says what an interval says by itself. Here the host has a word (`disturbed`: the interval stays,
nothing is decided by it), and so have the checks: a suspect figure has no verdict. All of it is pure, so that anybody
can repeat it from a record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from benchlib.measure import statistics, thresholds
from benchlib.measure.statistics import Interval

DISTURBED = "disturbed"
# What can disturb a trial -> in words.
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "time_lost": f"others took over {thresholds.LOST:.0%} of the threads' time",
        "reference_load": "nothing here counts what others take, and a fixed piece of work took "
        f"{thresholds.LOAD_MOVED:.0%} longer or shorter than usual",
        "wide": f"the figure is known {thresholds.WIDE:g} times worse than the level asks for, and over "
        f"{thresholds.LOST_AND_WIDE:.0%} of the threads' time was lost",
        "gpu_busy": "other processes computed on the GPU",
        "gpu_slowed": "power or heat slowed the GPU down",
        "reference_moved": "the reference itself took another time in other trials of this study",
    }
)


@dataclass(frozen=True)
class Disturbance:
    """How a trial was disturbed. None: not known."""

    lost: float | None = None  # share of the threads' time that others took, of the contender that lost more
    load_moved: float | None = None  # share by which the reference load moved within the trial
    width: float | None = None  # how many times wider than the level's target the figure is known; None: converged
    gpu: tuple[str, ...] = ()  # causes that the GPU tells of

    def causes(self) -> tuple[str, ...]:
        """The names of what makes its verdict worthless; empty: nothing."""
        lost = self.lost or 0.0
        found = {
            "time_lost": lost > thresholds.LOST,
            # How fast the machine is moves both contenders of a pair alike; where nothing counts what they lost, it is
            # all that tells of others.
            "reference_load": self.lost is None and (self.load_moved or 0.0) > thresholds.LOAD_MOVED,
            "wide": (self.width or 0.0) > thresholds.WIDE and lost > thresholds.LOST_AND_WIDE,
        }
        return (*(name for name, there in found.items() if there), *self.gpu)


@dataclass(frozen=True)
class Rule:
    """What a level decides, and what the host can tell."""

    margin: float  # no verdict on differences smaller than this share
    decides_same: bool
    floor: float = 0.0  # the smallest ratio − 1 that the host can tell, by its calibration


@dataclass(frozen=True)
class Convergence:
    """How well a figure is known. Half widths and targets are shares; inf: no interval."""

    ratio: float  # half the published interval, over replicates
    process: float  # half the interval of a process's median, in half of the processes
    ratio_target: float | None  # None: the level asks for nothing
    process_target: float | None

    @property
    def width(self) -> float:
        """How many times its target the wider of the two is; 0 where nothing is asked for."""
        pairs = ((self.ratio, self.ratio_target), (self.process, self.process_target))
        return max((value / target for value, target in pairs if target), default=0.0)

    @property
    def converged(self) -> bool:
        """Whether both are as narrow as the level asks."""
        return self.width <= 1


def convergence(level: str, published: Interval, half_widths: Sequence[float]) -> Convergence:
    """How well a figure is known at a level, from its interval and from those of its processes' medians."""
    process = sorted(half_widths)[len(half_widths) // 2] if half_widths else math.inf
    targets = thresholds.RATIO_TARGETS.get(level), thresholds.PROCESS_TARGETS.get(level)
    return Convergence(half_width(published), process, *targets)


def half_width(interval: Interval) -> float:
    """Half of an interval of a ratio or a time as a share, on the logarithm; inf where there is none."""
    if interval.low is None or interval.high is None or interval.low <= 0:
        return math.inf
    return math.expm1(math.log(interval.high / interval.low) / 2)


def decide(ratio: Interval, rule: Rule, causes: Sequence[str]) -> str:
    """The verdict on a ratio: what its interval says, or `disturbed` where something made it worthless. A level that
    decides nothing (an infinite margin) is not gated."""
    if causes and math.isfinite(rule.margin):
        return DISTURBED
    return statistics.verdict(ratio, rule.margin, rule.decides_same, rule.floor)


def in_words(causes: str) -> str:
    """The causes of a record (`time_lost, wide`) as a clause."""
    return "; ".join(CAUSES.get(name, name) for name in causes.split(", ") if name)


def why_withheld(suspect: Sequence[str]) -> str:
    """Why a figure has no verdict although it was compared; "" where it may have one."""
    return f"suspect: the figure failed {', '.join(suspect)}" if suspect else ""
