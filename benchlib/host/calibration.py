"""The A/A calibration of this host: what measuring identical things says of its noise.

Pairs of processes of one and the same way are compared as a trial compares two; whatever difference is found is
noise. No verdict claims less than half the width of the 95 % interval that a level reaches with its own number of
pairs, or at level quick than its margin, where that is wider. A true difference as small as that is found in half of
the trials at most; one that is beyond the floor of the noise and the margin of the level by half of that floor in at
least four of five, and that is the smallest effect that the level is said to tell on this host.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchlib.host import file
from benchlib.measure import statistics
from benchlib.measure.levels import LEVELS, Level

BEYOND = 0.5  # of the floor, beyond what verdicts claim at least: what 3 to 6 pairs find in 83 % of trials and more


@dataclass(frozen=True)
class Calibration:
    """What a calibration found. Ratios are latency ÷ latency of two identical ways, 1 where nothing disturbs."""

    date: str
    level: str
    device: str  # cpu, or the name of a GPU
    pairs: int
    ratio: float  # geometric mean over all pairs, with its 95 % interval
    ratio_low: float
    ratio_high: float
    deviation: float  # standard deviation over pairs of the log ratio
    floor: float  # ratio − 1 below which no verdict claims anything: half the interval of as many pairs as it has
    smallest_effect: float  # ratio − 1 that the level finds in at least four of five trials where it is the truth
    group: int  # pairs that the level has
    groups: int  # of so many pairs
    false_verdicts: int  # groups of which the level alone would have said faster or slower
    latency: float  # seconds, of the way that was compared with itself
    load: float  # load average of one minute, before it began
    disturbed: str = ""  # why it says nothing of a quiet host, in words: then it is not kept

    def words(self) -> str:
        """One sentence on what can be told here."""
        return in_words(self.smallest_effect, self.floor, self.level, self.source())

    def source(self) -> str:
        return f"A/A calibration of {self.date}, {self.pairs} pairs"

    def age(self, today: datetime.date) -> int:
        """Days since then."""
        return (today - datetime.date.fromisoformat(self.date)).days


def evaluate(rounds: Sequence[np.ndarray], name: str, level: Level, **found: Any) -> Calibration:
    """The calibration of the level called `name` from one array (rounds, 2) of medians per pair.

    `found`: date, device, latency, load. Needs at least as many pairs as the level has, and three, else it raises
    ValueError.
    """
    from scipy.special import stdtrit

    logs = statistics.log_ratios(rounds)
    ratio = statistics.speedup(rounds)
    if ratio.low is None or ratio.high is None:
        raise ValueError("a calibration needs at least three pairs")
    deviation, group = float(np.std(logs, ddof=1)), level.replicates
    floor = math.expm1(float(-stdtrit(group - 1, 0.025)) * deviation / math.sqrt(group))
    groups = [rounds[i : i + group] for i in range(0, len(rounds) - group + 1, group)]
    verdicts = [statistics.verdict(statistics.speedup(g), level.margin, level.decides_same) for g in groups]
    return Calibration(
        level=name,
        pairs=len(rounds),
        ratio=ratio.value,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
        deviation=deviation,
        floor=floor,
        smallest_effect=_found_mostly(floor, level),
        group=group,
        groups=len(groups),
        false_verdicts=sum(v in (statistics.FASTER, statistics.SLOWER) for v in verdicts),
        **found,
    )


def keep(calibration: Calibration) -> None:
    """Stores it in the file of this host, in the place of an older one of the level and device. One that was disturbed
    is not stored."""
    if calibration.disturbed:
        return
    file.update(
        lambda kept: kept["calibrations"].update({_name(calibration.level, calibration.device): asdict(calibration)})
    )


def kept(level: str, device: str) -> Calibration | None:
    """The calibration of this host for a level and a device, named as by `benchlib.host.device_of`; None: never."""
    found = file.read()["calibrations"].get(_name(level, device))
    if found and "floor" not in found and "smallest_effect" in found:  # until November 2026 the floor was called so
        floor = found["smallest_effect"]
        found = {**found, "floor": floor, "smallest_effect": _found_mostly(floor, LEVELS[level])}
    try:
        return Calibration(**found) if found else None
    except TypeError:  # of another version
        return None


def in_words(effect: float, floor: float, level: str, source: str) -> str:
    """What a level can tell on a host, in one sentence without its full stop.

    Args:
        effect: the smallest difference that it mostly finds, as ratio − 1.
        floor: the smallest that a verdict claims by the noise of the host, likewise; the level may claim no less than
            its margin.
        level: its name.
        source: which calibration says so.
    """
    return (
        f"a difference of {percent(effect)} is found in at least four of five trials at level {level}, and no verdict "
        f"claims one under {percent(LEVELS[level].least(floor))} ({source})"
    )


def percent(effect: float) -> str:
    """0.0423 as `4.2 %`."""
    return f"{effect * 100:.2g} %"


def _found_mostly(floor: float, level: Level) -> float:
    """The effect that is found in at least four of five trials, from the floor that the noise sets: within its margin a
    level finds nothing, or that two ways are the same."""
    return math.expm1(math.log1p(max(floor, level.margin)) + BEYOND * math.log1p(floor))


def _name(level: str, device: str) -> str:
    return f"{level} {device}"
