"""A call on a CUDA device in its parts, and calls without waiting: what the host's clock around a call cannot tell."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

from benchlib.record import DeviceTimes
from benchlib.runtimes import DeviceCalls
from benchlib.worker.messages import DeviceReply, TimeOnDevice
from benchlib.worker.service import Worker, verb


@verb
def time_on_device(worker: Worker, request: TimeOnDevice) -> DeviceReply:
    """Each part is a median of `request.calls` calls; there is none in a session without such parts."""
    parts = getattr(worker.session, "device_calls", lambda: None)()
    if parts is None:
        return DeviceReply()
    gc.collect()
    gc.disable()
    try:
        return DeviceReply(time_parts(parts, request.calls))
    finally:
        gc.enable()


def time_parts(parts: DeviceCalls, calls: int, clock: Callable[[], int] = time.perf_counter_ns) -> DeviceTimes:
    """Seconds of the parts of a call.

    `whole`, `compute`, `copy_in` and `copy_out` by the device's clock, one at a time, waited for; copies are 0 where
    the timed call makes none. `back_to_back`: `calls` calls one after another and one wait, by the host's `clock`,
    which gives nanoseconds.
    """
    seconds = {}
    for name in ("whole", "compute", "copy_in", "copy_out"):
        part = getattr(parts, name)
        seconds[name] = _median(parts, part, calls) if part else 0.0
    parts.whole()
    parts.wait()
    begin = clock()
    for _ in range(calls):
        parts.whole()
    parts.wait()
    return DeviceTimes(calls=calls, **seconds, back_to_back=(clock() - begin) / 1e9 / calls)


def _median(parts: DeviceCalls, part: Callable[[], object], calls: int) -> float:
    part()  # whatever it does at first only
    parts.wait()
    return median(parts.elapsed(part) for _ in range(calls))
