"""Disturbances: flags beside busy loops and without, and what onnxruntime's spinning threads do to who runs next."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchlib.measure import noise, statistics
from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.lock import alone
from benchlib.measure.samples import STEADY
from benchlib.worker import process
from tests.bench.against_loops import in_turn, prepare
from tests.bench.busy_loops import BusyLoops
from tests.bench.figure import Figure, at_least, at_most, near_one
from tests.bench.own_worker import calls_of, planted_contender
from tests.bench.whole_trial import counted, planted

LOOPS = 400_000  # about 2 ms
WAITING = ("run_delay", "pressure", "switches")  # flags that say that others wanted the processor too
BUSY = 2  # loops, as many as there are processors where this was written
SPINNING = ["timm/lcnet_100"]  # a model that onnxruntime runs with spinning threads
SETS, ROUNDS, BLOCK = 6, 40, 0.04  # sets of processes, rounds in each, seconds
ALONE, STOPPED, SPUN = "alone", "beside one that is stopped", "beside one that spins"


def figures(sets: int = SETS, rounds: int = ROUNDS, spinning: list[str] = SPINNING, **shorter: Any) -> Iterator[Figure]:
    yield from flags(shorter)
    yield from contamination(sets, rounds, spinning)


def flags(shorter: dict[str, Any]) -> Iterator[Figure]:
    """The share of blocks with a flag of waiting; the idle machine first."""
    share, remark = waiting(shorter)
    yield at_most("blocks of an idle machine flagged as waiting", share, 0.1, "0.1", remark=remark)
    with BusyLoops(BUSY) as beside:
        beside.go()
        share, remark = waiting(shorter)
    yield at_least(f"blocks beside {BUSY} busy loops flagged as waiting", share, 0.9, "0.9", remark=remark)


def waiting(shorter: dict[str, Any]) -> tuple[float, str]:
    samples = planted(counted(LOOPS), counted(LOOPS), **{"level": "quick", **shorter}).samples
    found = [noise.flags(block) for block in samples.blocks if block.phase == STEADY]
    seen = Counter(name for names in found for name in names)
    share = sum(bool(set(WAITING) & set(names)) for names in found) / len(found)
    return share, f"{len(found)} blocks: " + (", ".join(f"{name} {n}" for name, n in seen.items()) or "no flag")


def contamination(sets: int, rounds: int, spinning: list[str]) -> Iterator[Figure]:
    """A counted loop that runs alone, after an onnxruntime session that is stopped, and after one that is not."""
    with tempfile.TemporaryDirectory(prefix="benchlib-noise-") as folder:
        prepared = prepare(spinning, Path(folder))
        loop = planted_contender(counted(LOOPS))
        with alone("cpu", "make bench"):
            found = [one_set(loop, prepared.contender, prepared.threads, Path(folder), n, rounds) for n in range(sets)]
    title = f"a counted loop in turns with {spinning[0]} by onnxruntime:"
    for beside, show in ((STOPPED, stopped_figure), (SPUN, spun_figure)):
        ratio = statistics.speedup([np.column_stack([one[beside], one[ALONE]]) for one in found])
        interval = f"95 % interval {ratio.low:.4f}…{ratio.high:.4f}" if ratio.low is not None else "no interval"
        yield show(f"{title} {beside} ÷ alone", ratio, interval)


def stopped_figure(what: str, ratio: statistics.Interval, remark: str) -> Figure:
    return near_one(what, ratio.value, 0.03, remark)


def spun_figure(what: str, ratio: statistics.Interval, remark: str) -> Figure:
    """Without a threshold: that stopping is needed is what it shows, or that this machine does not need it."""
    worse = ratio.low is not None and ratio.low > 1
    return Figure(
        what, f"{ratio.value:.4f}", "> 1", remark=f"{'visibly worse' if worse else 'no effect seen'}; {remark}"
    )


def one_set(
    loop: Contender, spinner: Contender, threads: int, folder: Path, number: int, rounds: int
) -> dict[str, np.ndarray]:
    """The medians of the loop's blocks by what went before them, in new processes; the first call after a stop, which
    finds cold caches, does not count."""
    medians: dict[str, list[float]] = {name: [] for name in (ALONE, STOPPED, SPUN)}
    names = list(medians)
    launcher = Launcher(process.UNMARKED, threads, folder, lambda: None, timeout=300.0)
    try:
        own = open_contender(loop, launcher, "fresh", number, 0, f"loop{number}")
        other = open_contender(spinner, launcher, "fresh", number, 0, f"spinner{number}")
        own_calls, other_calls = calls_of(own, BLOCK), calls_of(other, BLOCK)
        for round_ in range(rounds):
            for name in (names[index] for index in in_turn(round_, len(names))):
                if name == ALONE:
                    time.sleep(BLOCK)
                else:
                    other.run(other_calls)
                if name == STOPPED:
                    other.freeze()
                reply = own.run(own_calls + 1)
                own.freeze()
                other.freeze()
                medians[name].append(float(np.median(reply.value.ns[1:])))
    finally:
        launcher.end()
    return {name: np.array(found) for name, found in medians.items()}
