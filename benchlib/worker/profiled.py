"""Calls under the runtime's own profiler: in a worker of its own, because profiling slows every call down."""

from __future__ import annotations

from benchlib.record import OperatorTime
from benchlib.worker.messages import Profile, ProfileCalls
from benchlib.worker.service import Worker, verb

WARMUP = 3  # calls before those that are profiled


@verb
def profile_calls(worker: Worker, request: ProfileCalls) -> Profile:
    """The profile of `request.calls` calls of the open session; see `benchlib.runtimes.ProfileRow`."""
    for _ in range(WARMUP):
        worker.call()
    rows = worker.session.profile(worker.call, request.calls)
    return Profile([OperatorTime(row["operator"], row["provider"], row["calls"], row["seconds"]) for row in rows])
