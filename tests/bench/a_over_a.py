"""The same against the same: how often a difference is seen where there is none, on a calm and on a loaded machine."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchlib.measure.samples import STEADY, Samples
from benchlib.measure.statistics import FASTER, SLOWER
from tests.bench.busy_loops import BusyLoops
from tests.bench.figure import Figure, at_most
from tests.bench.whole_trial import Measured, consumed, counted, measured, planted

# About 2 ms each. The calm comparisons take the interpreter's loop, which one process in a hundred runs by a fifth
# slower: the harder case. What a load does shows on the loop that is as fast in every process.
LOOPS, EVEN_LOOPS = 400_000, 1_500_000
# A pair would measure for two seconds, and up to ten where the stopping rule asks for it: 80 comparisons would take
# half an hour or an hour and a half. With one second the twenty rounds are kept and the figures are those of fewer
# samples, which is the harder case. A counted loop has nothing to warm up.
EFFORT = {"level": "precise", "duration": 1.0, "warmup": 50}
COMPARISONS, DECISIVE = 80, 7
LOADED, LOADED_EFFORT = 8, EFFORT | {"duration": 3.0}
TRIALS, TRIALS_DECISIVE = 10, 1  # of a real model, at level quick
MODEL = {"model": "timm/resnet18", "exporter": "eager", "reference": "eager"}


def figures(
    comparisons: int = COMPARISONS,
    loaded: int = LOADED,
    trials: int = TRIALS,
    model: dict[str, Any] = MODEL,
    **shorter: Any,
) -> Iterator[Figure]:
    yield from calm(comparisons, shorter)
    yield from under_load(loaded, shorter)
    yield from of_a_model(trials, model, shorter)


def calm(comparisons: int, shorter: dict[str, Any]) -> Iterator[Figure]:
    found = [control(counted(LOOPS), n, **EFFORT | shorter) for n in range(comparisons)]
    title = f"A/A of {LOOPS} turns, {comparisons} comparisons:"
    yield decisive(f"{title} faster or slower", found, DECISIVE)
    off = np.array([abs(f.metrics["speedup"] - 1) for f in found])
    remark = f"largest {100 * off.max():.2f} %"
    yield at_most(f"{title} median |ratio − 1|", 100 * float(np.median(off)), 1.0, "1 %", " %", remark)


def under_load(comparisons: int, shorter: dict[str, Any]) -> Iterator[Figure]:
    """A busy loop beside it in one half of each comparison, the first or the second by chance. The same samples are
    also looked at as if one contender had been measured after the other."""
    effort, chance = LOADED_EFFORT | shorter, random.Random(1)
    same = consumed(EVEN_LOOPS)
    session = control(same, 0, **effort).metrics["time_measure"]
    paired, sequential, halves = [], [], Counter()
    for number in range(comparisons):
        second_half = chance.random() < 0.5
        halves["second" if second_half else "first"] += 1
        with BusyLoops(1) as beside:
            if not second_half:
                beside.go()
            turn = threading.Timer(session / 2, beside.go if second_half else beside.stop)
            turn.start()
            try:
                found = control(same, number, **effort)
            finally:
                turn.cancel()
                turn.join()
        paired.append(abs(found.metrics["speedup"] - 1))
        sequential.append(abs(one_after_the_other(found.samples) - 1))
    title = f"A/A beside a busy loop in half of the time, {comparisons} comparisons:"
    usual, worse = float(np.median(paired)), float(np.median(sequential))
    remark = f"median {100 * usual:.2f} %; loaded half: {', '.join(f'{n} {h}' for h, n in halves.items())}"
    yield at_most(f"{title} largest |ratio − 1|", 100 * max(paired), 3.0, "3 %", " %", remark)
    remark = f"largest {100 * max(sequential):.2f} %"
    yield Figure(
        f"{title} the same samples, one contender after the other: median |ratio − 1|",
        f"{100 * worse:.3f} %", f"> {100 * usual:.3f} %", worse > usual, remark,
    )  # fmt: skip


def of_a_model(trials: int, model: dict[str, Any], shorter: dict[str, Any]) -> Iterator[Figure]:
    found = [measured(**{**model, "level": "quick", "seed": n, **shorter}) for n in range(trials)]
    yield decisive(f"A/A of {model['model']} {model['exporter']}, {trials} trials:", found, TRIALS_DECISIVE)


def control(way: dict[str, Any], number: int, **effort: Any) -> Measured:
    return planted(way, way, seed=number, **effort)


def decisive(what: str, found: list[Measured], limit: int) -> Figure:
    """How many verdicts say that the same is not the same."""
    verdicts = Counter(f.metrics["verdict"] for f in found)
    count, remark = verdicts[FASTER] + verdicts[SLOWER], ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items())
    return Figure(what, str(count), f"≤ {limit}", count <= limit, remark)


def one_after_the_other(samples: Samples) -> float:
    """The ratio that two sequential measurements would have given: the first contender from the first half of the
    time, the second from the second half."""
    steady = [block for block in samples.blocks if block.phase == STEADY]
    middle = (steady[0].start + steady[-1].end) / 2
    early = [e.seconds for e in steady if e.contender == 0 and e.start < middle]
    late = [e.seconds for e in steady if e.contender == 1 and e.start >= middle]
    return float(np.median(np.concatenate(early)) / np.median(np.concatenate(late)))
