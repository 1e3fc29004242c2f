"""How many cores a contender kept busy, from its own CPU time and from how long its threads were kept waiting.

Each thread of a process is at work, waiting for a processor, or asleep; so many threads as were asked for are never
more than that, on a busy host either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchlib.measure.samples import Block

READING = 1e-5  # seconds that reading the clocks of a block may take
BUSIEST = 0.95  # quantile of the blocks: where others take the processors, only some show how many threads there are


@dataclass(frozen=True)
class Cores:
    """Of one contender, over its steady blocks."""

    used: float  # CPU time ÷ wall time: of all blocks, or of the busiest ones where that is more
    wanted: float  # (CPU time + time that threads were runnable and did not run) ÷ wall time, in half of the blocks


def cores_of(blocks: Sequence[Block]) -> Cores:
    """The cores that a contender used, and those that it had work for.

    Args:
        blocks: of one contender, one at least. Without the counter `run_delay` nothing is known of waiting. The kernel
            counts a wait when it ends, so that a block may carry one from before its start: most of them do not.
    """
    wall = np.array([max((b.end - b.start) / 1e9, READING) for b in blocks])
    work = np.array([max(b.cpu / 1e9 - READING, 0.0) for b in blocks])
    waiting = np.array([b.noise.get("run_delay", 0) for b in blocks]) / 1e9
    used = max(float(np.quantile(work / wall, BUSIEST)), float(work.sum() / wall.sum()))
    return Cores(used, float(np.median((work + waiting) / wall)))
