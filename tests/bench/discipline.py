"""What the harness promises around the calls: garbage, threads, an idle controller.

That a killed, hanging or chattering worker becomes a record and the rest goes on is no matter of time: it is held in
`make test`, by tests/execution/test_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.bench.figure import Figure, at_most, between
from tests.bench.whole_trial import counted, planted

LOOPS = 400_000  # about 2 ms
GARBAGE = 200  # cyclic objects that a call leaves
MATRIX = 1500  # its side
MINUTE = {"level": "quick", "duration": 10.0}  # six pairs of processes


def figures(minute: dict[str, Any] = MINUTE, matrix: int = MATRIX, **shorter: Any) -> Iterator[Figure]:
    effort = {"level": "quick", **shorter}
    yield from garbage(effort)
    yield from threads(matrix, effort)
    yield idle_controller(minute)


def garbage(effort: dict[str, Any]) -> Iterator[Figure]:
    for inside in (False, True):
        metrics = planted({"garbage": GARBAGE, "seconds": 1e-3}, gc=inside, **effort).metrics
        found, held = metrics["collections"], metrics["collections_held"]
        yield Figure(
            f"gc {'on' if inside else 'off'}, {GARBAGE} cyclic objects a call: collections inside the timing",
            str(found), "> 0" if inside else "0", (found > 0) if inside else (found == 0),
            f"{held} held back; {metrics['repeat']} calls",
        )  # fmt: skip


def threads(matrix: int, effort: dict[str, Any]) -> Iterator[Figure]:
    for count, low, high in ((1, 0.95, 1.05), (2, 1.7, 2.05)):
        metrics = planted({"work": "matmul", "loops": matrix}, num_cores=count, **effort).metrics
        remark = f"{metrics['time_latency'] * 1e3:.1f} ms a call"
        title = f"matmul {matrix}×{matrix} asked to use {count} thread{'s' if count > 1 else ''}"
        yield between(f"{title}: CPU time ÷ wall time", metrics["cpu_utilisation"], low, high, remark=remark)
    found = planted({**counted(LOOPS), "spin": 1}, num_cores=1, **effort)
    named = ", ".join(found.record.suspect) or "nothing"
    yield Figure(
        "one thread asked for, one more spins: suspect", named, "threads_mismatch",
        "threads_mismatch" in found.record.suspect, f"CPU time ÷ wall time {found.metrics['cpu_utilisation']:.2f}",
    )  # fmt: skip


def idle_controller(minute: dict[str, Any]) -> Figure:
    metrics = planted(counted(LOOPS), counted(LOOPS), **minute).metrics
    used = 60 * metrics["time_controller_cpu"] / metrics["time_measure"]
    remark = f"{metrics['time_controller_cpu']:.3f} s in {metrics['time_measure']:.1f} s"
    return at_most("CPU time of the controller in a measured minute", used, 0.5, "0.5 s", " s", remark)
