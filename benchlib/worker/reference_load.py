"""The reference load: two fixed pieces of work that tell how fast this machine is just now, whatever is measured."""

from __future__ import annotations

import time
from itertools import repeat

import numpy as np

from benchlib.worker.messages import ReadReferenceLoad, ReferenceLoad
from benchlib.worker.service import Worker, verb

READINGS = 5
TURNS = 600_000  # of a counted loop: some 3 ms on one core
COPY_SIZE = 16 << 20  # bytes, from one half of an array to the other; its pages cost more time than the copies


@verb
def read_reference_load(worker: Worker, request: ReadReferenceLoad) -> ReferenceLoad:
    """Times a counted loop on one core, and a copy of 16 MiB."""
    compute, copy = [], []
    source, target = np.ones((2, COPY_SIZE), np.uint8)  # the pages are there
    for _ in range(READINGS):
        begin = time.perf_counter_ns()
        for _ in repeat(None, TURNS):
            pass
        middle = time.perf_counter_ns()
        np.copyto(target, source)
        compute.append(middle - begin)
        copy.append(time.perf_counter_ns() - middle)
    return ReferenceLoad(compute, copy)
