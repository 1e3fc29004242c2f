"""What disturbed a block, as flags and as time lost: from the worker's counters, and from the reference load beside it.

A flag marks; it never removes. How much of a loss is anybody else's doing is decided per replicate, by what others,
the host of a virtual machine and a quota took in it (`attributed`); the rest is a way that waits for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchlib.measure import thresholds
from benchlib.measure.samples import STEADY, Block, Samples
from benchlib.worker import gpu_clocks

Noise = Mapping[str, float]


def requested(noise: Noise) -> float:
    """Threads that the process was to use; what older records do not say is what it had."""
    return max(1.0, noise.get("requested") or noise.get("threads", 1))


# name -> whether a block of `seconds` with these counts is disturbed
FLAGS: dict[str, Callable[[Noise, float], bool]] = {
    "steal": lambda n, seconds: n.get("steal", 0) / 1e9 > thresholds.STOLEN * seconds * requested(n),
    "pressure": lambda n, seconds: n.get("pressure", 0) / 1e9 > thresholds.PRESSURE * seconds,
    "run_delay": lambda n, seconds: n.get("run_delay", 0) / 1e9 > thresholds.DELAYED * seconds * requested(n),
    "switches": lambda n, seconds: (
        n.get("involuntary", 0) > max(thresholds.SWITCHES_FREE, thresholds.SWITCHES * seconds * requested(n))
    ),
    "throttled": lambda n, seconds: n.get("throttled", 0) > 0 or n.get("thermal", 0) > 0,
    "faults": lambda n, seconds: n.get("major_faults", 0) > 0,
    "clock_moved": lambda n, seconds: "clock_moved" in gpu_clocks.noise_flags(n),
    "gpu_throttled": lambda n, seconds: "gpu_throttled" in gpu_clocks.noise_flags(n),
}
DRIFT = "machine_drift"
_LOST = ("run_delay", "steal", "throttled")  # counters of lost time, in nanoseconds
WORDS = {
    "steal": f"the host of this virtual machine took over {thresholds.STOLEN:.0%} of the time",
    "pressure": f"tasks waited for a processor over {thresholds.PRESSURE:.0%} of the time",
    "run_delay": f"its threads waited for a processor over {thresholds.DELAYED:.0%} of the time",
    "switches": f"it was put aside more than {thresholds.SWITCHES} times a second and thread",
    "throttled": "a quota was used up, or a core was slowed down for its temperature",
    "faults": "pages had to be read from a disk",
    "clock_moved": "the GPU's clock moved by more than 3 %",
    "gpu_throttled": "power or heat slowed the GPU down",
    DRIFT: f"a fixed piece of work beside it took {thresholds.DRIFTED:.0%} longer or shorter than usual",
}


@dataclass(frozen=True)
class TimeLost:
    """Of the time of a contender's threads, medians over its steady blocks, as shares."""

    lost: float  # to others: other processes, the host of a virtual machine, a quota
    oversubscribed: float  # waiting for each other: nobody else can have caused it


def flags(block: Block, by_others: float = 1.0) -> tuple[str, ...]:
    """What disturbed this block, as its own counters say.

    Args:
        block: with what its worker counted.
        by_others: the share of the time its threads waited that somebody else can have caused (`attributed`).
    """
    seconds = (block.end - block.start) / 1e9
    counts = dict(block.noise)
    counts["run_delay"] = counts.get("run_delay", 0) * by_others
    return tuple(name for name, disturbs in FLAGS.items() if disturbs(counts, seconds))


def time_lost(samples: Samples, contender: int) -> TimeLost | None:
    """What a contender lost; None where its blocks do not say.

    In each block: (run delay of its threads + steal + throttling) ÷ (requested threads × wall time), by counters in
    nanoseconds; not ÷ tasks, which sleeping threads of a pool would dilute.
    """
    blocks = [b for b in samples.blocks if b.phase == STEADY and b.contender == contender and "run_delay" in b.noise]
    if not blocks:
        return None
    shares = attributed(samples)
    losses = [_lost(b.noise) / (requested(b.noise) * max(b.end - b.start, 1)) for b in blocks]
    by_others = [loss * shares.get(b.replicate, 1.0) for loss, b in zip(losses, blocks, strict=True)]
    own = [loss - other for loss, other in zip(losses, by_others, strict=True)]
    return TimeLost(float(np.median(by_others)), float(np.median(own)))


def attributed(samples: Samples) -> dict[int, float]:
    """For each replicate the share of its lost time that somebody else can have caused: at most what others took of the
    cores meanwhile, what was stolen and what was throttled. A replicate whose host load is not known is left out."""
    shares = {}
    for load in samples.host:
        if load.others is None:
            continue
        blocks = [b for b in samples.blocks if b.phase == STEADY and b.replicate == load.replicate]
        lost = sum(_lost(b.noise) for b in blocks) / 1e9
        possible = load.others + load.steal + load.throttled
        shares[load.replicate] = min(1.0, possible / lost) if lost > 0 else 1.0
    return shares


def load_moved(samples: Samples) -> float | None:
    """The largest share by which the reference load of a replicate, at its start or end, differs from its usual time
    within the trial; of the processes that read it then the quickest counts. None for fewer than two readings."""
    at: dict[tuple[int, str], int] = {}
    for reading in samples.reference_load:
        moment, quickest = (reading.replicate, reading.when), min(reading.compute)
        at[moment] = min(at.get(moment, quickest), quickest)
    if len(at) < 2:
        return None
    times = np.array(list(at.values()), float)
    return float(np.max(np.abs(times / np.median(times) - 1)))


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
        if abs(ns / usual - 1) > thresholds.DRIFTED
    }


def flags_of(samples: Samples) -> list[tuple[str, ...]]:
    """The flags of every block, in their order; a reading of the reference load speaks for the half of its process's
    rounds next to it. Threads that wait for each other are no disturbance: their waiting counts as far as others
    caused it."""
    drifted, shares = find_drift(samples), attributed(samples)
    last = {r: max((b.round for b in samples.blocks if b.replicate == r), default=0) for r in samples.replicates}
    all_flags = []
    for block in samples.blocks:
        when = "start" if block.round <= last[block.replicate] / 2 else "end"
        drift = (DRIFT,) if (block.replicate, block.contender, when) in drifted else ()
        all_flags.append(flags(block, shares.get(block.replicate, 1.0)) + drift)
    return all_flags


def summary(samples: Samples) -> dict[str, int]:
    """How many steady blocks carry each flag; `any`: at least one."""
    counts = dict.fromkeys((*FLAGS, DRIFT, "any"), 0)
    for block, names in zip(samples.blocks, flags_of(samples), strict=True):
        if block.phase == STEADY:
            for name in (*names, *(("any",) if names else ())):
                counts[name] += 1
    return counts


def _lost(noise: Noise) -> float:
    return sum(noise.get(name, 0) for name in _LOST)
