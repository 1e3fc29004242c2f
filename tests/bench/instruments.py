"""What the harness's own timed loop costs: the samples that an empty call gets, and the time around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchlib.worker import timed
from benchlib.worker.messages import RunBlock
from benchlib.worker.service import Worker
from tests.bench.figure import Figure

BLOCKS, CALLS = 21, 10_000


def figures(blocks: int = BLOCKS, calls: int = CALLS) -> Iterator[Figure]:
    worker = Worker(channel=None)
    worker.time_calls(_nothing)
    inside, whole = [], []
    for _ in range(blocks):
        block = timed.run_block(worker, RunBlock(calls))
        inside.append(np.median(block.ns))
        whole.append((block.end - block.start) / calls)
    yield Figure("in every sample: the sample of an empty call", f"{np.median(inside):.0f} ns")
    yield Figure("per call in all: from the start of a block of empty calls to its end", f"{np.median(whole):.0f} ns")


def _nothing() -> None:
    return None
