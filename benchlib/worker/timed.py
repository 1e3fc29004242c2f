"""One block: samples one after another, each the time of one call, or of a loop of calls that are too short alone."""

from __future__ import annotations

import gc
import os
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import Refused
from benchlib.tensors import FlatArrays
from benchlib.worker import gpu_clocks
from benchlib.worker.binding import bound
from benchlib.worker.counters import Counters
from benchlib.worker.messages import (
    CheckedOutputs,
    CheckOutputs,
    InputHashes,
    NewOutputs,
    RotateInputs,
    RunBlock,
    TimedBlock,
)
from benchlib.worker.rotation import Rotation, is_writable
from benchlib.worker.service import Worker, verb
from benchlib.worker.timed_outputs import KeptOutputs, OutputCheck

_LOOP_READINGS = 5  # of an empty loop, of which the median counts
_LOOKED_AT, _LOOKING_TIME = 16, 0.03  # calls after the rounds, one at least, while they take no longer than seconds


class ClockWentBack(RuntimeError):
    """The clock gave an earlier time than before: no sample can be taken with it."""


@verb
def rotate_inputs(worker: Worker, request: RotateInputs) -> InputHashes:
    """From now on the timed calls take the recorded inputs and those of the files by rotation: what is called again and
    again with the very same bytes finds them in the caches of the machine.

    Raises:
        Refused: inputs are to be given afresh where this session holds them out of reach.
    """
    calls, buffers, hashes = [worker.call], [worker.arrays], []
    for file in request.files:
        call, flat = bound(worker.session, file)
        calls.append(call)
        buffers.append(flat)
        hashes.append(tensors.content_hash(flat))
    in_place = getattr(worker.session, "reads_in_place", False)
    pristine = _pristine(worker, request.files, buffers) if request.fresh else []
    worker.rotate(Rotation(calls, buffers if in_place else (), pristine))
    if request.outputs:
        worker.output_check = OutputCheck(worker.session, request.outputs, request.known, len(calls))
    return InputHashes(hashes)


def _pristine(worker: Worker, files: Sequence[Path], buffers: Sequence[FlatArrays]) -> list[FlatArrays]:
    """The sets as they lie in their files; none where calls cannot change what they are given, since it is copied."""
    if not getattr(worker.session, "reads_in_place", False):
        if getattr(worker.session, "keeps_inputs", False):
            raise Refused("the model changes its inputs, and on this device they stay as one call left them")
        return []
    if worker.inputs is None or not all(map(is_writable, buffers)):
        raise Refused("the model changes its inputs, and they cannot be given afresh as they lie in memory")
    return [tensors.load(file)[0] for file in (worker.inputs, *files)]


@verb
def run_block(worker: Worker, request: RunBlock) -> TimedBlock:
    """One block, beginning on a core and with a set of inputs where they are given.

    One of the discarded calls (each in its turn) and the last call of all give their outputs to be looked at, after the
    block's end and before the reply: whoever is not timed is stopped. Nothing but that call's result is kept alive.

    Raises:
        Refused: several calls are a sample, and the model changes its inputs.
    """
    if request.loops > 1 and worker.rotation.pristine:
        raise Refused("the model changes its inputs, and one call is too short to be timed alone")
    if request.input_set is not None:
        worker.rotation.exchange(request.input_set)
        worker.begin_with(request.input_set)
        worker.blocks += 1
    if request.core is not None:
        move_to(request.core)
    checked = worker.output_check is not None and request.input_set is not None
    keep = worker.blocks % request.discarded if checked and request.discarded else None
    block = take_block(worker, request.samples, request.loops, keep)
    if request.core is not None:
        block.noise["core"] = request.core
    if worker.output_check and request.input_set is not None:
        block.new_outputs.extend(_look_at_block(worker, worker.output_check, request, keep))
    return block


def _look_at_block(worker: Worker, check: OutputCheck, request: RunBlock, keep: int | None) -> list[NewOutputs]:
    """Looks at the outputs that a block left. Where a session answers in the same memory again, those of its earlier
    call are gone."""
    begin, sets = request.input_set or 0, check.sets
    check.note_timed(begin, request.discarded * request.loops, request.samples * request.loops)
    kept, worker.kept = worker.kept, None
    found = []
    if keep is not None and kept is not None and kept.is_intact(worker.last):
        found += check.look_at(kept.outputs, (begin + (keep + 1) * request.loops - 1) % sets)
    return found + check.look_at(worker.last, (begin + request.samples * request.loops - 1) % sets)


@verb
def check_outputs(worker: Worker, request: CheckOutputs) -> CheckedOutputs:
    """Calls one after another, whose outputs are all looked at: blocks give some of theirs, which an engine that is
    wrong in every second or third call may have missed. Then one on each set that was timed and never looked at."""
    check = worker.output_check
    if check is None:
        return CheckedOutputs([])
    found, end = [], time.perf_counter() + _LOOKING_TIME
    for number, call in zip(range(_LOOKED_AT), worker.rotation.calls_from(0)):  # noqa: B905 - calls have no end
        found += check.look_at(call(), number % check.sets)
        if time.perf_counter() >= end:
            break
    for number in check.unseen():
        found += check.look_at(next(worker.rotation.calls_from(number))(), number)
    return CheckedOutputs(found)


def move_to(core: int) -> None:
    """Moves this thread to a core and leaves it free to be moved on. A core that may not be used is no error: where
    a process runs is the system's decision."""
    allowed = os.sched_getaffinity(0)
    if core in allowed:
        os.sched_setaffinity(0, {core})
        os.sched_setaffinity(0, allowed)


def take_block(worker: Worker, samples: int, loops: int = 1, keep: int | None = None) -> TimedBlock:
    """Takes `samples` samples of `loops` calls each. The result of the last call stays in `worker.last`, and that of
    the last call of the sample `keep`, if any, in `worker.kept`.

    A call's result is released when the next has returned, inside the timed region, as a caller's variable would;
    collections of garbage are kept out of it, unless the trial wants them in.

    Raises:
        ClockWentBack: when the clock gave an earlier time than before.
    """
    # Memory for the samples is there before the first of them; the last result stays alive until a call replaces it.
    sizes = [samples] if keep is None else [keep + 1, samples - keep - 1]
    parts = [array("Q", bytes(8 * size)) for size in sizes]
    out, worker.last = worker.last, None
    if not worker.collects:
        gc.collect()
        gc.disable()
    overhead = time_empty_loop(loops)
    # Counters are read before the clock at the start and after it at the end, so that they cover the block.
    counters = _counters()
    before, collected, allocated = counters.read(), _collections(), gc.get_count()[0]
    gpu = gpu_clocks.read(worker.device)
    cpu, start = time.process_time_ns(), time.perf_counter_ns()
    keeping = 0
    try:
        out = time_calls(worker.calls, out, parts[0], loops)
        if keep is not None:
            keeping = time.perf_counter_ns()
            worker.kept = KeptOutputs(out)
            keeping = time.perf_counter_ns() - keeping
            out = time_calls(worker.calls, out, parts[1], loops)
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
    noise["keeping"] = keeping
    noise["collections"] = collected
    noise["collections_held"] = 0 if worker.collects else waiting // max(1, gc.get_threshold()[0])
    ns = [sample for part in parts for sample in part]
    return TimedBlock(ns, start, end, cpu, loops, overhead, clock_tick(), noise)


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
