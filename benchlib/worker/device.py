"""A call on a CUDA device in its parts, and calls without waiting: what the host's clock around a call cannot tell."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

from benchlib.runtimes import DeviceCalls
from benchlib.worker.service import Worker, verb


@verb
def device(worker: Worker, request: dict) -> dict:
    """Seconds per call, each a median of `calls` calls but the last: {} for a session without such parts.

    `whole`, `compute`, `copy_in`, `copy_out`: on the device's clock, one at a time, waited for; copies are 0 where
    the timed call makes none. `back_to_back`: `calls` calls one after another and one wait, on the host's clock.
    """
    parts = getattr(worker.session, "device_calls", lambda: None)()
    if parts is None:
        return {}
    gc.collect()
    gc.disable()
    try:
        return {"calls": request["calls"], **measured(parts, request["calls"])}
    finally:
        gc.enable()


def measured(parts: DeviceCalls, calls: int, clock: Callable[[], int] = time.perf_counter_ns) -> dict[str, float]:
    """See `device`."""
    found = {}
    for name in ("whole", "compute", "copy_in", "copy_out"):
        part = getattr(parts, name)
        found[name] = _median(parts, part, calls) if part else 0.0
    parts.whole()
    parts.wait()
    begin = clock()
    for _ in range(calls):
        parts.whole()
    parts.wait()
    found["back_to_back"] = (clock() - begin) / 1e9 / calls
    return found


def _median(parts: DeviceCalls, part: Callable[[], object], calls: int) -> float:
    part()  # whatever it does at first only
    parts.wait()
    return median(parts.elapsed(part) for _ in range(calls))
