"""One block: samples one after another, each the time of one call, or of a loop of calls that are too short alone."""

from __future__ import annotations

import gc
import os
import time
from array import array
from collections.abc import Callable, Iterator
from functools import cache
from itertools import cycle, islice, pairwise
from typing import Any

from benchlib import tensors
from benchlib.worker import gpu_clocks
from benchlib.worker.counters import Counters
from benchlib.worker.messages import InputHashes, RotateInputs, RunBlock, TimedBlock
from benchlib.worker.service import Worker, verb

_LOOP_READINGS = 5  # of an empty loop, of which the median counts


class ClockWentBack(RuntimeError):
    """The clock gave an earlier time than before: no sample can be taken with it."""


@verb
def rotate_inputs(worker: Worker, request: RotateInputs) -> InputHashes:
    """From now on the timed calls take the recorded inputs and those of the files by rotation: what is called again and
    again with the very same bytes finds them in the caches of the machine."""
    calls, hashes = [worker.call], []
    for file in request.files:
        flat, structure = tensors.load(file)
        calls.append(worker.session.bind(tensors.unflatten(structure, flat), flat))
        hashes.append(tensors.content_hash(flat))
    worker.time_calls(*calls)
    return InputHashes(hashes)


@verb
def run_block(worker: Worker, request: RunBlock) -> TimedBlock:
    """One block, beginning on a core and with a set of inputs where they are given."""
    if request.input_set is not None:
        worker.begin_with(request.input_set)
    if request.core is not None:
        move_to(request.core)
    block = take_block(worker, request.samples, request.loops)
    if request.core is not None:
        block.noise["core"] = request.core
    return block


def move_to(core: int) -> None:
    """Moves this thread to a core and leaves it free to be moved on. A core that may not be used is no error: where
    a process runs is the system's decision."""
    allowed = os.sched_getaffinity(0)
    if core in allowed:
        os.sched_setaffinity(0, {core})
        os.sched_setaffinity(0, allowed)


def take_block(worker: Worker, samples: int, loops: int = 1) -> TimedBlock:
    """Takes `samples` samples of `loops` calls each.

    A call's result is released when the next has returned, inside the timed region, as a caller's variable would;
    collections of garbage are kept out of it, unless the trial wants them in.

    Raises:
        ClockWentBack: when the clock gave an earlier time than before.
    """
    # Memory for the samples is there before the first of them; the last result stays alive until a call replaces it.
    ns, out, worker.last = array("Q", bytes(8 * samples)), worker.last, None
    if not worker.collects:
        gc.collect()
        gc.disable()
    overhead = time_empty_loop(loops)
    # Counters are read before the clock at the start and after it at the end, so that they cover the block.
    counters = _counters()
    before, collected, allocated = counters.read(), _collections(), gc.get_count()[0]
    gpu = gpu_clocks.read(worker.device)
    cpu, start = time.process_time_ns(), time.perf_counter_ns()
    try:
        out = time_calls(worker.calls, out, ns, loops)
    except OverflowError as error:  # an unsigned sample cannot be negative
        raise ClockWentBack("the clock went back during a sample") from error
    finally:
        end, cpu = time.perf_counter_ns(), time.process_time_ns() - cpu
        waiting, collected = max(0, gc.get_count()[0] - allocated), _collections() - collected
        noise: dict[str, float] = {**counters.since(before)}
        gc.enable()
    worker.last, worker.rotated = out, worker.rotates
    if gpu:
        noise |= gpu_clocks.noise(gpu, gpu_clocks.read(worker.device))
    noise["collections"] = collected
    noise["collections_held"] = 0 if worker.collects else waiting // max(1, gc.get_threshold()[0])
    return TimedBlock(ns.tolist(), start, end, cpu, loops, overhead, clock_tick(), noise)


def time_calls(
    calls: Iterator[Callable[[], Any]],
    out: Any,
    ns: array,
    loops: int = 1,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Any:
    """The timed loop: a sample for each place of `ns`, whose memory is there already.

    Args:
        calls: what is called, without end.
        out: the result of the call before the first, which is released when the first has returned.
        ns: (samples,) unsigned 64-bit integers, which are written: nanoseconds of `loops` calls each.
        loops: calls in a sample.
        clock: nanoseconds.

    Returns:
        What the last call returned.
    """
    if loops == 1:
        for i, call in zip(range(len(ns)), calls):  # noqa: B905 - calls have no end
            begin = clock()
            out = call()
            ns[i] = clock() - begin
        return out
    for i in range(len(ns)):
        begin = clock()
        for call in islice(calls, loops):
            out = call()
        ns[i] = clock() - begin
    return out


def time_empty_loop(loops: int) -> int:
    """Nanoseconds of a sample's own loop without a call; a sample of one call has no such loop."""
    if loops == 1:
        return 0
    readings, nothing = [], cycle((None,))
    for _ in range(_LOOP_READINGS):
        begin = time.perf_counter_ns()
        for _ in islice(nothing, loops):
            pass
        readings.append(time.perf_counter_ns() - begin)
    return sorted(readings)[_LOOP_READINGS // 2]


@cache
def clock_tick() -> int:
    """The smallest step that this clock makes, in nanoseconds."""
    readings = [time.perf_counter_ns() for _ in range(1000)]
    return min((b - a for a, b in pairwise(readings) if b > a), default=1)


def warm_the_loop() -> None:
    """Lets the interpreter specialise the timed loop: in a forked worker that writes to pages that it shares with
    its server, and such faults belong to no sample."""
    for _ in range(2):
        time_calls(cycle((lambda: None,)), None, array("Q", bytes(8 * 1000)))


@cache
def _counters() -> Counters:
    """Opened in the process that is measured, after it was forked."""
    return Counters()


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())
