"""What disturbed a block, as flags: from the counters of the worker, and from the reference load around it.

A flag marks; it never removes. The thresholds are those at which a disturbance of the machine begins to show in a
latency: a process that is continued costs a few milliseconds of pressure and a switch or two by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchlib.measure.samples import STEADY, Block, Samples
from benchlib.worker import gpu_clocks

Noise = Mapping[str, float]

# name -> whether a block of `seconds` with these counts is disturbed
FLAGS: dict[str, Callable[[Noise, float], bool]] = {
    "steal": lambda n, seconds: n.get("steal", 0) / 1e9 > 0.01 * seconds,
    "pressure": lambda n, seconds: n.get("pressure", 0) / 1e9 > 0.25 * seconds,
    "run_delay": lambda n, seconds: n.get("run_delay", 0) / 1e9 > 0.01 * seconds * max(1, n.get("threads", 1)),
    "switches": lambda n, seconds: n.get("involuntary", 0) > max(4, 20 * seconds * max(1, n.get("threads", 1))),
    "throttled": lambda n, seconds: n.get("throttled", 0) > 0 or n.get("thermal", 0) > 0,
    "faults": lambda n, seconds: n.get("major_faults", 0) > 0,
    "clock_moved": lambda n, seconds: "clock_moved" in gpu_clocks.noise_flags(n),
    "gpu_throttled": lambda n, seconds: "gpu_throttled" in gpu_clocks.noise_flags(n),
}
DRIFT = "machine_drift"
DRIFTED = 0.03  # share by which the reference load differs from its usual time
WORDS = {
    "steal": "the host of this virtual machine took over 1 % of the time",
    "pressure": "tasks waited for a processor over a quarter of the time",
    "run_delay": "its threads waited for a processor over 1 % of the time",
    "switches": "it was put aside more than 20 times a second and thread",
    "throttled": "a quota was used up, or a core was slowed down for its temperature",
    "faults": "pages had to be read from a disk",
    "clock_moved": "the GPU's clock moved by more than 3 %",
    "gpu_throttled": "power or heat slowed the GPU down",
    DRIFT: "a fixed piece of work beside it took 3 % longer or shorter than usual",
}


def flags(block: Block) -> tuple[str, ...]:
    """What disturbed this block, as its own counters say."""
    seconds = (block.end - block.start) / 1e9
    return tuple(name for name, disturbs in FLAGS.items() if disturbs(block.noise, seconds))


def find_drift(samples: Samples) -> set[tuple[int, int, str]]:
    """The readings (replicate, contender, "start" or "end") whose computing took unusually long or short: their
    quickest against the median of those. How fast a copy is depends on where a process's memory lies, which is no
    drift: it is recorded alone."""
    readings = samples.reference_load
    quickest = [min(reading.compute) for reading in readings]
    usual = float(np.median(quickest)) if quickest else 1.0
    return {
        (reading.replicate, reading.contender, reading.when)
        for reading, ns in zip(readings, quickest, strict=True)
        if abs(ns / usual - 1) > DRIFTED
    }


def flags_of(samples: Samples) -> list[tuple[str, ...]]:
    """The flags of every block, in their order; a reading of the reference load speaks for the half of its process's
    rounds next to it."""
    drifted = find_drift(samples)
    last = {r: max((b.round for b in samples.blocks if b.replicate == r), default=0) for r in samples.replicates}
    all_flags = []
    for block in samples.blocks:
        when = "start" if block.round <= last[block.replicate] / 2 else "end"
        drift = (DRIFT,) if (block.replicate, block.contender, when) in drifted else ()
        all_flags.append(flags(block) + drift)
    return all_flags


def summary(samples: Samples) -> dict[str, int]:
    """How many steady blocks carry each flag; `any`: at least one."""
    counts = dict.fromkeys((*FLAGS, DRIFT, "any"), 0)
    for block, names in zip(samples.blocks, flags_of(samples), strict=True):
        if block.phase == STEADY:
            for name in (*names, *(("any",) if names else ())):
                counts[name] += 1
    return counts
