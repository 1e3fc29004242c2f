"""The harness, torch.utils.benchmark and pyperf on the same counted loop: one median.

In every round each tool measures for a moment, the rounds of a set by the same processes where the tool allows that
(pyperf starts its own for every figure), and all on one core, drawn for the round: a machine drifts, and its cores
differ, by more than the tools do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchlib import machine
from benchlib.measure.contender import Contender, Launcher, Opened, open_contender
from benchlib.measure.lock import alone
from benchlib.worker import process
from tests.bench.against_loops import compared, in_turn
from tests.bench.figure import Figure, near_one
from tests.bench.own_worker import calls_of, planted_contender

LOOPS = 1_500_000  # about 2 ms
SETS, ROUNDS, BLOCK = 10, 5, 0.1  # sets of processes, each of which keeps its luck, rounds in each, seconds
FUNCTION = "from benchlib_planted.works import consumed; f = consumed({{'loops': {loops}}}, None)"
# Answers every line, a core, with a median, in seconds.
TORCH = """
import os, sys
from torch.utils.benchmark import Timer
timer = Timer("f()", setup={setup!r})
for line in sys.stdin:
    os.sched_setaffinity(0, {{int(line)}})
    print(timer.blocked_autorange(min_run_time={seconds}).median, flush=True)
"""
HARNESS, TIMER, PYPERF = "harness", "torch.utils.benchmark", "pyperf"


def figures(sets: int = SETS, rounds: int = ROUNDS, loops: int = LOOPS, seconds: float = BLOCK) -> Iterator[Figure]:
    contender, setup = planted_contender({"work": "consumed", "loops": loops}), FUNCTION.format(loops=loops)
    with tempfile.TemporaryDirectory(prefix="benchlib-tools-") as folder, alone("cpu", "make bench"):
        found = [one_set(contender, setup, Path(folder), number, rounds, seconds) for number in range(sets)]
    for tool in (TIMER, PYPERF):
        title = f"{loops} turns: {HARNESS} ÷ {tool}"
        if tool in found[0]:
            ratio, remark = compared(found, HARNESS, tool)
            yield near_one(title, ratio, 0.03, remark)
        else:
            yield Figure(title, "not run", remark=f"{tool} is not installed")


def one_set(
    contender: Contender, setup: str, folder: Path, number: int, rounds: int, seconds: float
) -> dict[str, np.ndarray]:
    """The medians that each tool found, a value per round, in seconds."""
    with contextlib.ExitStack() as stack:
        launcher = Launcher(process.UNMARKED, 1, folder, lambda: None, timeout=300.0)
        stack.callback(launcher.end)
        opened = open_contender(contender, launcher, "fresh", number, 0, f"set{number}")
        tools: dict[str, Callable[[int], float]] = {
            HARNESS: functools.partial(block, opened, calls_of(opened, seconds)),
            TIMER: stack.enter_context(torch_timer(setup, seconds)),
        }
        if find_spec("pyperf"):
            tools[PYPERF] = functools.partial(pyperf_median, setup, seconds)
        names, medians = list(tools), {name: [] for name in tools}
        cores = machine.like_cores()
        for round_ in range(rounds):
            core = random.Random(f"{number}/{round_}").choice(cores)
            for name in (names[index] for index in in_turn(round_, len(names))):
                medians[name].append(tools[name](core))
    return {name: np.array(values) for name, values in medians.items()}


def block(opened: Opened, calls: int, core: int) -> float:
    reply = opened.run(calls + 1, core=core)
    opened.freeze()
    return float(np.median(reply.value.ns[1:])) / 1e9  # the first call follows the stop


@contextlib.contextmanager
def torch_timer(setup: str, seconds: float) -> Iterator[Callable[[int], float]]:
    """Asks a process of its own, which blocks meanwhile, for `blocked_autorange().median` on a core."""
    command = [sys.executable, "-c", TORCH.format(setup=setup, seconds=seconds)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as timer:

        def ask(core: int) -> float:
            print(core, file=timer.stdin, flush=True)
            answer = timer.stdout.readline()
            if not answer:
                raise RuntimeError(f"{TIMER}: {timer.stderr.read()}")
            return float(answer)

        ask(min(os.sched_getaffinity(0)))  # imports torch, and warms up
        yield ask


def pyperf_median(setup: str, seconds: float, core: int) -> float:
    """Seconds of `f()` by `pyperf timeit` on a core: one process, three values after one that warms up."""
    import pyperf

    timing = ["--processes", "1", "--values", "3", "--warmups", "1", "--min-time", f"{seconds / 3:.3f}"]
    with tempfile.TemporaryDirectory(prefix="benchlib-pyperf-") as folder:
        file = Path(folder) / "found.json"
        options = ["--affinity", str(core), *timing, "--quiet", "--output", str(file)]
        command = [sys.executable, "-m", "pyperf", "timeit", *options, "-s", setup, "f()"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return pyperf.Benchmark.load(str(file)).median()
