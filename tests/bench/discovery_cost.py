"""What discovery adds to a script's own time, for a model of BERT's size.

The script runs under plain Python and under the profiler in turns, each time from the start of a process to its end:
the imports, the model's construction and ten calls. The cache of discoveries plays no part.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchlib.discovery import contained
from benchlib.discovery.journal import FoundRow
from tests.bench.figure import Figure, at_most

PAIRS = 7
LIMIT = 1.1
SCRIPT = Path(__file__).parents[1] / "planted" / "scripts" / "bert_sized.py"


def figures(pairs: int = PAIRS) -> Iterator[Figure]:
    ways = {"discovered": discovered, "plain": plain}
    wall: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(pairs + 1):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            begin, before = time.perf_counter(), os.times()
            ways[name]()
            after = os.times()
            wall[name].append(time.perf_counter() - begin)
            processor[name].append(sum(after[2:4]) - sum(before[2:4]))  # of children that have ended
    for what, seconds in (("wall time", wall), ("processor time", processor)):
        # The first pair may have found files that nobody had read.
        ours, theirs = np.array(seconds["discovered"][1:]), np.array(seconds["plain"][1:])
        ratio = float(np.median(ours / theirs))
        remark = f"{np.median(theirs):.2f} s plain; pairs {' '.join(f'{r:.3f}' for r in ours / theirs)}"
        yield at_most(f"discovered ÷ plain, {what}", ratio, LIMIT, f"{LIMIT}", remark=remark)


def discovered() -> None:
    run = contained.run(SCRIPT, [], 0, 600)
    found = [(line.model.name, line.model.executed) for line in run.lines if isinstance(line, FoundRow)]
    if run.ended or found != [("model", 10)]:
        raise RuntimeError(f"the script ended as '{run.ended}' with {found}")


def plain() -> None:
    subprocess.run([sys.executable, str(SCRIPT)], check=True, capture_output=True)
