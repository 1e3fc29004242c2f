"""Device time, calls without waiting and the split of a call, for the sessions of one replicate on CUDA: asked after
their timed rounds, so that nothing of it falls into a latency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from benchlib.measure.controller import Opened

BUDGET, CALLS = 0.1, (5, 200)  # seconds for each part of a call, within these numbers of calls
PARTS = {  # of a worker's answer -> the metric
    "whole": "time_device",
    "compute": "time_compute",
    "copy_in": "time_copy_in",
    "copy_out": "time_copy_out",
    "back_to_back": "time_back_to_back",
}


def device_times(opened: Sequence[Opened], samples: Sequence[np.ndarray]) -> list[list[dict[str, float]]]:
    """One list with what each session's worker answers (see `worker.device`); [] where none works on CUDA.

    `samples` are each session's latencies in seconds, from which the number of calls follows.
    """
    if all(o.contender.open["request"]["device"] == "cpu" for o in opened):
        return []
    found = []
    for o, own in zip(opened, samples, strict=True):
        found.append(o.worker.ask("device", o.left(), calls=calls_within(BUDGET, float(np.median(own)))))
        o.freeze()
    return [found]


def calls_within(budget: float, usual: float) -> int:
    """How many calls of `usual` seconds fit into the budget; at least 5, at most 200."""
    return min(max(int(budget / usual), CALLS[0]), CALLS[1])


def device_metrics(processes: Sequence[dict[str, float]], latency: float) -> dict[str, Any]:
    """The metrics of one contender from what its processes answered: medians over them, and what the split leaves of
    its `latency` in seconds. Nothing where the device has no clock of its own."""
    answered = [p for p in processes if p]
    if not answered:
        return {}
    found = {metric: float(np.median([p[part] for p in answered])) for part, metric in PARTS.items()}
    split = found["time_copy_in"] + found["time_compute"] + found["time_copy_out"]
    return found | {"time_overhead": latency - split}
