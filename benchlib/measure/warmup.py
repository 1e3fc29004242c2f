"""When a contender has warmed up: its latency has settled, or its time is spent and that is said.

Only what `Contender` says is asked of a contender, and its own clock is read, so that the rule is tested with
simulated ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from benchlib.measure.levels import Level

_WINDOW_TIME, _WINDOW_CALLS = 0.1, (5, 50)
_CALLS = 1000  # at most


class Contender(Protocol):
    """What is timed. `run(samples, inner, core, turn)` takes so many samples of so many calls each, beginning on a core
    and with a set of inputs where these are given: {"ns": [...], "start", "end", "cpu"} in nanoseconds, and what
    `benchlib.worker.timed.epoch` says besides."""

    def run(
        self, samples: int, inner: int = 1, core: int | None = None, turn: int | None = None
    ) -> Mapping[str, Any]: ...
    def freeze(self) -> None: ...


def warm_up(contender: Contender, level: Level, calls: int | None = None) -> tuple[list[Mapping], bool]:
    """Runs a contender until its latency has settled, or exactly `calls` times. Returns (epochs, settled).

    Settled: two windows in a row (each 0.1 s, but 5 to 50 calls) with medians near that of the one before, and
    across the last two no trend of more than half of what is allowed; after the level's minimum of calls and time.
    Bounded by the level's limit and by 1000 calls.
    """
    if calls is not None:
        return ([contender.run(calls)] if calls else []), True
    epochs = [contender.run(1)]
    spent, done, agreeing = _seconds(epochs[0]), 1, 0
    previous = None
    while True:
        usual = max(float(np.median(epochs[-1]["ns"])) / 1e9, 1e-9)
        window = min(max(int(_WINDOW_TIME / usual), _WINDOW_CALLS[0]), _WINDOW_CALLS[1])
        epochs.append(contender.run(window))
        spent, done = spent + _seconds(epochs[-1]), done + window
        median = float(np.median(epochs[-1]["ns"]))
        agreeing = agreeing + 1 if previous and abs(median / previous - 1) <= level.settled else 0
        previous = median
        settled = (
            agreeing >= 2
            and done >= level.warmup_min
            and spent >= level.warmup_time
            and abs(trend([*epochs[-2]["ns"], *epochs[-1]["ns"]])) < level.settled / 2
        )
        if settled or spent >= level.warmup_limit or done >= _CALLS:
            # Many quick calls without two calm windows still end the warm-up: noise is not a cold start.
            return epochs, settled


def trend(samples: list[int]) -> float:
    """By what share the latency changes from the first of these samples to the last: the Theil–Sen slope, the
    median of the slopes between all pairs (P. K. Sen, JASA 63, 1968), times their number ÷ their median."""
    y = np.asarray(samples, np.float64)
    i, j = np.triu_indices(len(y), 1)
    middle = float(np.median(y))
    return float(np.median((y[j] - y[i]) / (j - i))) * len(y) / middle if middle else 0.0


def _seconds(epoch: Mapping) -> float:
    return (epoch["end"] - epoch["start"]) / 1e9
