"""Planted contenders of known latency, through worker, protocol and record: what comes out is what went in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from benchlib.measure.reproducibility import within_trial
from benchlib.measure.statistics import Interval
from tests.bench.figure import Figure, at_most, between
from tests.bench.whole_trial import consumed, planted

BUSY = {100e-6: 0.01, 1e-3: 0.005, 10e-3: 0.005, 100e-3: 0.005}  # seconds: by what share the median may be longer
ASLEEP, ASLEEP_LIMIT = 5e-3, 5.6e-3  # seconds
LOOPS = 1_500_000  # about 2 ms
TIMEIT_LOOPS, TIMEIT_RUNS = 2_000_000, 5
# work of the planted runtime -> the same for timeit
SHORT = {"nothing": "f = lambda: None", "item": "x = (0,); f = lambda: x[0]"}


def figures(
    busy: Mapping[float, float] = BUSY, loops: int = LOOPS, timeit_loops: int = TIMEIT_LOOPS, **shorter: Any
) -> Iterator[Figure]:
    for seconds, tolerance in busy.items():
        yield busy_until(seconds, tolerance, shorter)
    yield from asleep(shorter)
    yield from twice_the_loops(loops, shorter)
    for work, setup in SHORT.items():
        yield from against_timeit(work, setup, timeit_loops, shorter)


def busy_until(seconds: float, tolerance: float, shorter: dict[str, Any]) -> Figure:
    found = planted({"seconds": seconds}, **{"level": "quick", **shorter})
    ratio = found.metrics["time_latency"] / seconds
    smallest = min(int(block.ns.min()) for block in found.samples.blocks) / (seconds * 1e9)
    shown = f"1…{1 + tolerance:g}"
    met = ratio <= 1 + tolerance and smallest >= 1
    remark = f"{found.metrics['repeat']} samples, the smallest of all {smallest:.5f}, which may not be below 1"
    return Figure(f"busy until {seconds * 1e3:g} ms: median ÷ nominal", f"{ratio:.4f}", shown, met, remark)


def asleep(shorter: dict[str, Any]) -> Iterator[Figure]:
    metrics = planted({"work": "sleep", "seconds": ASLEEP}, **{"level": "quick", **shorter}).metrics
    title = f"asleep for {ASLEEP * 1e3:g} ms:"
    yield between(f"{title} median", metrics["time_latency"] * 1e3, ASLEEP * 1e3, ASLEEP_LIMIT * 1e3, " ms")
    yield at_most(f"{title} CPU time ÷ wall time", metrics["cpu_utilisation"], 0.05, "0.05")


def twice_the_loops(loops: int, shorter: dict[str, Any]) -> Iterator[Figure]:
    metrics = planted(consumed(loops), consumed(2 * loops), **{"level": "precise", **shorter}).metrics
    published = Interval(metrics["speedup"], metrics["speedup_low"], metrics["speedup_high"])
    _, low, high = within_trial(published, metrics["reproducibility"])
    title = f"2 × {loops} turns against {loops}:"
    yield between(f"{title} ratio", metrics["speedup"], 1.94, 2.06)
    if low is None:
        yield Figure(f"{title} interval", "none", "contains 2", False)
    else:
        yield Figure(f"{title} interval", f"{low:.3f}…{high:.3f}", "contains 2", low <= 2 <= high)


def against_timeit(work: str, setup: str, loops: int, shorter: dict[str, Any]) -> Iterator[Figure]:
    """The call of a function that takes less than a microsecond; timeit before and after."""
    theirs = timeit(setup, loops)
    metrics = planted({"work": work}, **{"level": "quick", **shorter}).metrics
    theirs += timeit(setup, loops)
    usual, ours = float(np.median(theirs)), metrics["time_latency"] * 1e9
    remark = f"timeit {usual:.1f} ns; {metrics['calls_per_sample']} calls in a sample"
    off = abs(ours - usual)
    yield Figure(f"`{setup}`: a call of f", f"{ours:.1f} ns", "10 % or 10 ns", off <= max(0.1 * usual, 10.0), remark)
    tails = [name for name in metrics if re.fullmatch(r"time_latency_(p\d+|max|std)", name) and metrics[name]]
    yield Figure(f"`{setup}`: percentiles and other tails", str(len(tails)), "none", not tails, ", ".join(tails))


def timeit(setup: str, loops: int) -> list[float]:
    """Nanoseconds of `f()` by `python -m timeit`, a value per run."""
    command = [sys.executable, "-m", "timeit", "-v", "-u", "nsec", "-n", str(loops), "-r", str(TIMEIT_RUNS)]
    text = subprocess.run([*command, "-s", setup, "f()"], check=True, capture_output=True, text=True).stdout
    (raw,) = re.findall(r"^raw times: (.*)$", text, re.MULTILINE)
    return [float(value) / loops for value in re.findall(r"([\d.e+]+) nsec", raw)]
