"""When a contender has warmed up: its latency has settled, or its time is spent and that is said.

Only what `Contender` says is asked of a contender, and its own clock is read, so that the rule is tested with
simulated ones.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np

from benchlib.measure.levels import Level
from benchlib.worker.messages import TimedBlock

_WINDOW_TIME, _WINDOW_CALLS = 0.1, (5, 50)  # seconds of a window, within these numbers of calls
_AGREEING = 2  # windows in a row that have to agree with the one before
_CALLS = 1000  # at most


class BlockReply(Protocol):
    """A block that is decoded when its value is looked at."""

    @property
    def value(self) -> TimedBlock: ...


class Timeable(Protocol):
    """What is timed: `benchlib.measure.contender.Opened` in a trial, a simulated one in a test."""

    def run(
        self, samples: int, loops: int = 1, core: int | None = None, input_set: int | None = None, discarded: int = 0
    ) -> BlockReply:
        """Takes so many samples of so many calls each, beginning on a core and with a set of inputs where these are
        given; the first `discarded` do not count."""
        ...

    def freeze(self) -> None:
        """Stops it until it is run again."""
        ...


def warm_up(contender: Timeable, level: Level, calls: int | None = None) -> tuple[list[TimedBlock], bool]:
    """Runs a contender until its latency has settled, or exactly `calls` times.

    Settled: two windows in a row (each 0.1 s, but 5 to 50 calls) with medians near that of the one before, and
    across the last two no trend of more than half of what is allowed; after the level's minimum of calls and time.
    Bounded by the level's limit and by 1000 calls.

    Returns:
        The blocks that it ran, and whether it has warmed up.
    """
    if calls is not None:
        return ([contender.run(calls).value] if calls else []), True
    blocks = [contender.run(1).value]
    spent, done = _seconds(blocks[0]), 1
    while True:
        blocks.append(contender.run(_window(blocks[-1])).value)
        spent, done = spent + _seconds(blocks[-1]), done + len(blocks[-1].ns)
        enough = done >= level.warmup_min and spent >= level.warmup_time
        warmed_up = enough and _has_settled(blocks[1:], level.warmup_tolerance)
        if warmed_up or spent >= level.warmup_limit or done >= _CALLS:
            # Many quick calls without two calm windows still end the warm-up: noise is not a cold start.
            return blocks, warmed_up


def _window(last: TimedBlock) -> int:
    """How many calls the next window has, from the block before."""
    usual = max(float(np.median(last.ns)) / 1e9, 1e-9)
    return min(max(int(_WINDOW_TIME / usual), _WINDOW_CALLS[0]), _WINDOW_CALLS[1])


def _has_settled(windows: list[TimedBlock], tolerance: float) -> bool:
    """Whether the last windows agree with each other, and have no trend."""
    last = windows[-_AGREEING - 1 :]
    medians = [float(np.median(window.ns)) for window in last]
    agree = [bool(a) and abs(b / a - 1) <= tolerance for a, b in pairwise(medians)]
    return len(agree) == _AGREEING and all(agree) and abs(trend([*last[-2].ns, *last[-1].ns])) < tolerance / 2


def trend(samples: list[int]) -> float:
    """By what share the latency changes from the first of these samples to the last: the Theil–Sen slope, the
    median of the slopes between all pairs (P. K. Sen, JASA 63, 1968), times their number ÷ their median."""
    y = np.asarray(samples, np.float64)
    i, j = np.triu_indices(len(y), 1)
    middle = float(np.median(y))
    return float(np.median((y[j] - y[i]) / (j - i))) * len(y) / middle if middle else 0.0


def _seconds(block: TimedBlock) -> float:
    return (block.end - block.start) / 1e9
