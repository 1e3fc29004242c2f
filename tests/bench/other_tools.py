"""The harness, torch.utils.benchmark and pyperf on the same counted loop: one median."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchlib.measure import statistics
from tests.bench.against_loops import in_turn
from tests.bench.figure import Figure, near_one
from tests.bench.whole_trial import counted, planted

LOOPS = 400_000  # about 2 ms
SETS = 9  # in each, every tool measures once, in new processes: this machine drifts
EFFORT = {"level": "smoke", "duration": 1.0}  # one process of the harness
FUNCTION = """
from itertools import repeat
def f():
    for _ in repeat(None, {loops}):
        pass
"""
TORCH = """
from torch.utils.benchmark import Timer
print(Timer("f()", setup={setup!r}).blocked_autorange(min_run_time={seconds}).median)
"""
HARNESS, TIMER, PYPERF = "harness", "torch.utils.benchmark", "pyperf"


def figures(sets: int = SETS, loops: int = LOOPS, seconds: float = 1.0, **shorter: Any) -> Iterator[Figure]:
    setup = FUNCTION.format(loops=loops)
    measure: dict[str, Callable[[], float]] = {
        HARNESS: lambda: planted(counted(loops), **EFFORT | shorter).metrics["time_latency"],
        TIMER: lambda: float(output([sys.executable, "-c", TORCH.format(setup=setup, seconds=seconds)])),
    }
    if find_spec("pyperf"):
        measure[PYPERF] = lambda: pyperf_median(setup, seconds)
    names, found = list(measure), {name: [] for name in measure}
    for number in range(sets):
        for name in (names[index] for index in in_turn(number, len(names))):
            found[name].append(measure[name]())
    for name in names[1:]:
        ratios = np.array(found[HARNESS]) / np.array(found[name])
        interval = statistics.mean_interval(np.log(ratios))
        remark = f"{np.median(found[name]) * 1e3:.3f} ms; sets {' '.join(f'{r:.3f}' for r in ratios)}"
        yield near_one(f"{loops} turns: {HARNESS} ÷ {name}", float(np.exp(interval.value)), 0.03, remark)
    if PYPERF not in measure:
        yield Figure(f"{loops} turns: {HARNESS} ÷ {PYPERF}", "not run", remark="pyperf is not installed")


def pyperf_median(setup: str, seconds: float) -> float:
    """Seconds of `f()` by `pyperf timeit`: three processes of three values each, after one warm-up value."""
    import pyperf

    timing = ["--processes", "3", "--values", "3", "--warmups", "1", "--min-time", f"{seconds / 9:.3f}"]
    with tempfile.TemporaryDirectory(prefix="benchlib-pyperf-") as folder:
        file = Path(folder) / "found.json"
        command = [sys.executable, "-m", "pyperf", "timeit", *timing, "--quiet", "--output", str(file)]
        output([*command, "-s", setup, "f()"])
        return pyperf.Benchmark.load(str(file)).median()


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
