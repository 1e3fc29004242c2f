"""Device time, calls without waiting and the split of a call, for the sessions of one replicate on CUDA: asked after
their timed rounds, so that nothing of it falls into a latency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchlib.measure.contender import Opened
from benchlib.record import DeviceTimes
from benchlib.record.metrics import Metrics
from benchlib.worker.messages import TimeOnDevice

BUDGET, CALLS = 0.1, (5, 200)  # seconds for each part of a call, within these numbers of calls
PARTS = {  # of a worker's reply -> the metric
    "whole": "time_device",
    "compute": "time_compute",
    "copy_in": "time_copy_in",
    "copy_out": "time_copy_out",
    "back_to_back": "time_back_to_back",
}


def device_times(opened: Sequence[Opened], samples: Sequence[np.ndarray]) -> list[list[DeviceTimes | None]]:
    """What the sessions of a replicate say of the device's own clock.

    Args:
        opened: the sessions, whose timed rounds are over.
        samples: for each its latencies in seconds, from which the number of calls follows.

    Returns:
        One list with a value for each session, None where it has no such clock; nothing where none works on CUDA.
    """
    if all(o.contender.open.device == "cpu" for o in opened):
        return []
    times = []
    for o, latencies in zip(opened, samples, strict=True):
        calls = calls_within(BUDGET, float(np.median(latencies)))
        times.append(o.worker.ask(TimeOnDevice(calls), o.left()).times)
        o.freeze()
    return [times]


def calls_within(budget: float, usual: float) -> int:
    """How many calls of `usual` seconds fit into the budget; at least 5, at most 200."""
    return min(max(int(budget / usual), CALLS[0]), CALLS[1])


def device_metrics(processes: Sequence[DeviceTimes | None], latency: float) -> Metrics:
    """The metrics of one contender: medians over its processes, and what the split leaves of its `latency` in seconds.
    Nothing where the device has no clock of its own."""
    known = [times for times in processes if times is not None]
    if not known:
        return Metrics()
    metrics = Metrics({metric: float(np.median([getattr(t, part) for t in known])) for part, metric in PARTS.items()})
    split = metrics["time_copy_in"] + metrics["time_compute"] + metrics["time_copy_out"]
    return metrics | {"time_overhead": latency - split}
