"""One epoch: calls one after another, each timed by itself."""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Callable
from typing import Any

from benchlib.worker.service import Worker, verb


@verb
def run(worker: Worker, request: dict) -> dict:
    """One epoch: `calls` calls one after another, each timed by itself."""
    return {"epoch": epoch(worker, request["calls"])}


def epoch(worker: Worker, calls: int) -> dict:
    """Times `calls` calls. A call's result is released when the next has returned, inside the timed region,
    as a caller's variable would; collections of garbage are kept out of it."""
    ns, call, out, worker.last = array("Q", bytes(8 * calls)), worker.call, worker.last, None
    gc.collect()
    gc.disable()
    cpu, start = time.process_time_ns(), time.perf_counter_ns()
    out = _timed(call, out, ns)
    end, cpu = time.perf_counter_ns(), time.process_time_ns() - cpu
    gc.enable()
    worker.last = out
    return {"ns": ns.tolist(), "start": start, "end": end, "cpu": cpu}


def _timed(call: Callable[[], Any], out: Any, ns: array) -> Any:
    """The timed loop: a sample for each place of `ns`, whose memory is there already."""
    clock = time.perf_counter_ns
    for i in range(len(ns)):
        begin = clock()
        out = call()
        ns[i] = clock() - begin
    return out


def warm_the_loop() -> None:
    """Lets the interpreter specialise the timed loop: in a forked worker that writes to pages that it shares with
    its server, and such faults belong to no sample."""
    for _ in range(2):
        _timed(lambda: None, None, array("Q", bytes(8 * 1000)))
