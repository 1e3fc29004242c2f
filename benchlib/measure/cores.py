"""How many cores a contender kept busy, by its own CPU time.

So many threads as were asked for never use more. How long threads waited is no measure of their number: a way that
waits for itself does that on a quiet host, and a wait may lie beside the block whose counters tell of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchlib.measure.samples import READING, Block

BUSY = 0.75  # quantile of the blocks: where others take the processors, only some show how many threads there are


def cores_used(blocks: Sequence[Block]) -> float:
    """CPU time ÷ wall time of all blocks, or of the upper quartile of them where that is more.

    Args:
        blocks: of one contender, one at least.
    """
    wall = np.array([max((b.end - b.start) / 1e9, READING) for b in blocks])
    work = np.array([max(b.cpu / 1e9 - READING, 0.0) for b in blocks])
    return max(float(np.quantile(work / wall, BUSY)), float(work.sum() / wall.sum()))
