"""What `import benchlib` adds to the start of Python: the one absolute threshold."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from tests.bench.figure import Figure, at_most

PAIRS = 20
LIMIT = 0.3  # seconds


def figures(pairs: int = PAIRS) -> Iterator[Figure]:
    seconds: dict[str, list[float]] = {"import benchlib": [], "pass": []}
    for number in range(pairs + 1):
        for code in list(seconds)[:: -1 if number % 2 else 1]:
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds[code].append(time.perf_counter() - begin)
    # The first pair may have compiled the modules.
    with_, without = np.array(seconds["import benchlib"][1:]), np.array(seconds["pass"][1:])
    remark = f"{np.median(with_):.3f} s with, {np.median(without):.3f} s without, {pairs} pairs of fresh processes"
    yield at_most("import benchlib", float(np.median(with_ - without)), LIMIT, f"{LIMIT} s", " s", remark)
