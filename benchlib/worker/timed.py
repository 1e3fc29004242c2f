"""One epoch: samples one after another, each the time of one call, or of a block of calls that are too short alone."""

from __future__ import annotations

import gc
import os
import time
from array import array
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.worker import gpu_clocks
from benchlib.worker.counters import Counters
from benchlib.worker.service import Worker, verb

_EMPTY_READINGS = 5


class ClockWentBack(RuntimeError):
    """The clock gave an earlier time than before: no sample can be taken with it."""


@verb
def take_turns(worker: Worker, request: dict) -> dict:
    """From now on the timed calls take the recorded inputs and those of `files` in turn: what is called again and
    again with the very same bytes finds them in the caches of the machine. Replies the hashes of those inputs."""
    calls, hashes = [worker.call], []
    for file in map(Path, request["files"]):
        flat, structure = tensors.load(file)
        calls.append(worker.session.bind(tensors.unflatten(structure, flat), flat))
        hashes.append(tensors.content_hash(flat))
    worker.times(*calls)
    return {"hashes": hashes}


@verb
def run(worker: Worker, request: dict) -> dict:
    """One epoch of `calls` samples, each of `inner` calls (1 unless asked for), beginning on the core `core` and with
    the set of inputs whose turn is `turn`, where they are given."""
    core = request.get("core")
    if request.get("turn") is not None:
        worker.begin_with(request["turn"])
    if core is not None:
        move_to(core)
    found = epoch(worker, request["calls"], request.get("inner", 1))
    if core is not None:
        found["noise"]["core"] = core
    return found


def move_to(core: int) -> None:
    """Moves this thread to a core and leaves it free to be moved on. A core that may not be used is no error: where
    a process runs is the system's decision."""
    allowed = os.sched_getaffinity(0)
    if core in allowed:
        os.sched_setaffinity(0, {core})
        os.sched_setaffinity(0, allowed)


def epoch(worker: Worker, samples: int, inner: int = 1) -> dict[str, Any]:
    """Takes `samples` samples of `inner` calls each. A call's result is released when the next has returned, inside
    the timed region, as a caller's variable would; collections of garbage are kept out of it, unless the trial
    wants them in.

    {"ns": samples, "start", "end", "cpu": nanoseconds, "inner", "empty": nanoseconds of a block that calls nothing,
     "tick": the clock's resolution in nanoseconds, "noise": {counter: what it counted}}
    """
    ns, out, worker.last = array("Q", bytes(8 * samples)), worker.last, None
    if not worker.collects:
        gc.collect()
        gc.disable()
    empty = empty_block(inner)
    counters = _counters()
    before, collected, allocated = counters.read(), _collections(), gc.get_count()[0]
    gpu = gpu_clocks.read(worker.device)
    cpu, start = time.process_time_ns(), time.perf_counter_ns()
    try:
        out = timed(worker.calls, out, ns, inner)
    except OverflowError as error:  # an unsigned sample cannot be negative
        raise ClockWentBack("the clock went back during a sample") from error
    finally:
        end, cpu = time.perf_counter_ns(), time.process_time_ns() - cpu
        waiting, collected = max(0, gc.get_count()[0] - allocated), _collections() - collected
        noise = counters.since(before)
        gc.enable()
    worker.last, worker.cycled = out, worker.several
    if gpu:
        noise |= gpu_clocks.noise(gpu, gpu_clocks.read(worker.device))
    noise["collections"] = collected
    noise["collections_held"] = 0 if worker.collects else waiting // max(1, gc.get_threshold()[0])
    return {"ns": ns.tolist(), "start": start, "end": end, "cpu": cpu, "inner": inner, "empty": empty,
            "tick": tick(), "noise": noise}  # fmt: skip


def timed(
    calls: Iterator[Callable[[], Any]],
    out: Any,
    ns: array,
    inner: int = 1,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Any:
    """The timed loop: a sample for each place of `ns`, whose memory is there already."""
    if inner == 1:
        for i, call in zip(range(len(ns)), calls):  # noqa: B905 - calls have no end
            begin = clock()
            out = call()
            ns[i] = clock() - begin
        return out
    for i in range(len(ns)):
        begin = clock()
        for call in islice(calls, inner):
            out = call()
        ns[i] = clock() - begin
    return out


def empty_block(inner: int) -> int:
    """Nanoseconds of the block's own loop without a call; a sample of one call has no such loop."""
    if inner == 1:
        return 0
    readings, nothing = [], cycle((None,))
    for _ in range(_EMPTY_READINGS):
        begin = time.perf_counter_ns()
        for _ in islice(nothing, inner):
            pass
        readings.append(time.perf_counter_ns() - begin)
    return sorted(readings)[_EMPTY_READINGS // 2]


@cache
def tick() -> int:
    """The smallest step that this clock makes, in nanoseconds."""
    readings = [time.perf_counter_ns() for _ in range(1000)]
    return min((b - a for a, b in pairwise(readings) if b > a), default=1)


def warm_the_loop() -> None:
    """Lets the interpreter specialise the timed loop: in a forked worker that writes to pages that it shares with
    its server, and such faults belong to no sample."""
    for _ in range(2):
        timed(cycle((lambda: None,)), None, array("Q", bytes(8 * 1000)))


@cache
def _counters() -> Counters:
    """Opened in the process that is measured, after it was forked."""
    return Counters()


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
