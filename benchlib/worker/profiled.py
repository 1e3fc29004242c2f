"""Calls under the runtime's own profiler: in a worker of its own, because profiling slows every call down."""

from __future__ import annotations

from benchlib.worker.service import Worker, verb

WARMUP = 3  # calls before those that are profiled


@verb
def profile(worker: Worker, request: dict) -> dict:
    """The table of `calls` calls of the open session; see `benchlib.runtimes._placement` for its rows."""
    for _ in range(WARMUP):
        worker.call()
    return {"operators": worker.session.profile(worker.call, request["calls"])}
