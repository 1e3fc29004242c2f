"""What disturbed an epoch, as flags: from the counters of the worker, and from the canaries around it.

A flag marks; it never removes. The thresholds are those at which a disturbance of the machine begins to show in a
latency: a process that is continued costs a few milliseconds of pressure and a switch or two by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchlib.measure.samples import STEADY, Epoch, Samples
from benchlib.worker import gpu_clocks

Noise = Mapping[str, int]

# name -> whether an epoch of `seconds` with these counts is disturbed
FLAGS: dict[str, Callable[[Noise, float], bool]] = {
    "steal": lambda n, seconds: n.get("steal", 0) / 1e9 > 0.01 * seconds,
    "pressure": lambda n, seconds: n.get("pressure", 0) / 1e9 > 0.25 * seconds,
    "run_delay": lambda n, seconds: n.get("run_delay", 0) / 1e9 > 0.01 * seconds * max(1, n.get("threads", 1)),
    "switches": lambda n, seconds: n.get("involuntary", 0) > max(4, 20 * seconds * max(1, n.get("threads", 1))),
    "throttled": lambda n, seconds: n.get("throttled", 0) > 0 or n.get("thermal", 0) > 0,
    "faults": lambda n, seconds: n.get("major_faults", 0) > 0,
}
FLAGS |= {
    name: lambda n, seconds, name=name: name in gpu_clocks.noise_flags(n) for name in ("clock_moved", "gpu_throttled")
}
DRIFT = "machine_drift"
DRIFTED = 0.03  # of the usual canary
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


def flags(epoch: Epoch) -> tuple[str, ...]:
    """What disturbed this epoch, as its own counters say."""
    seconds = (epoch.end - epoch.start) / 1e9
    return tuple(name for name, disturbs in FLAGS.items() if disturbs(epoch.noise, seconds))


def drifted(samples: Samples) -> set[tuple[int, int, str]]:
    """The canaries (pair, contender, "start" or "end") whose computing took unusually long or short: their quickest
    readings against the median of those. How fast a copy is depends on where a process's memory lies, which is no
    drift: it is recorded alone."""
    quickest = [min(canary["compute"]) for canary in samples.canaries]
    usual = float(np.median(quickest)) if quickest else 1.0
    return {
        (c["pair"], c["contender"], c["when"])
        for c, ns in zip(samples.canaries, quickest, strict=True)
        if abs(ns / usual - 1) > DRIFTED
    }


def flags_of(samples: Samples) -> list[tuple[str, ...]]:
    """The flags of every epoch, in their order; a canary speaks for the half of its process's rounds next to it."""
    strange = drifted(samples)
    last = {p: max((e.round for e in samples.epochs if e.pair == p), default=0) for p in samples.pairs}
    found = []
    for e in samples.epochs:
        when = "start" if e.round <= last[e.pair] / 2 else "end"
        found.append(flags(e) + ((DRIFT,) if (e.pair, e.contender, when) in strange else ()))
    return found


def summary(samples: Samples) -> dict[str, int]:
    """How many steady epochs carry each flag; `any`: at least one."""
    found = dict.fromkeys((*FLAGS, DRIFT, "any"), 0)
    for epoch, names in zip(samples.epochs, flags_of(samples), strict=True):
        if epoch.phase == STEADY:
            for name in (*names, *(("any",) if names else ())):
                found[name] += 1
    return found
