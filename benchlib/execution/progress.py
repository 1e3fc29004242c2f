"""What a sweep says while it runs: a line per trial, with the time left. Plain lines, so that a terminal, a log
file and a notebook's output all read well."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from benchlib.execution.durations import Durations
from benchlib.execution.resume import Task
from benchlib.stages.shown import seconds


class Progress:
    """Prints the lines of one sweep."""

    def __init__(self, past: Durations, out: TextIO | None = None, quiet: bool = False):
        self.past, self.out, self.quiet = past, out or sys.stderr, quiet
        self.done = self.total = 0

    def begin(self, tasks: list[Task], unreadable: list[str]) -> None:
        self.waiting = [t for t in tasks if t.why and not t.planned.status]
        self.total = len(self.waiting)
        for line in unreadable:
            self.say(f"skipped {line}")
        reused = sum(1 for t in tasks if not t.why)
        told = sum(1 for t in tasks if t.planned.status)
        parts = [f"{len(tasks)} trials", f"{self.total} to run"]
        parts += [f"{reused} done already"] if reused else []
        parts += [f"{told} refused or skipped"] if told else []
        if self.total:
            parts.append(f"about {minutes(self.left())}")
        self.say(", ".join(parts))
        for task in tasks:
            if task.why not in ("", "new") and not task.planned.status:
                self.say(f"  again: {task.planned.name}: {task.why}")

    def trial(self, task: Task, record: dict[str, Any], event: dict[str, Any]) -> None:
        """Tells of a trial that ran, and learns from its event in the journal how long the others will take."""
        self.done += 1
        self.past.add(event)
        self.waiting.remove(task)
        left = f" · about {minutes(self.left())} left" if self.waiting else ""
        head = f"[{self.done:>{len(str(self.total))}}/{self.total}] {record['status']:<10} {task.planned.name}"
        self.say(f"{head}  {figures(record)}  ({event['seconds']:.0f} s{left})")

    def expected(self, task: Task) -> float:
        return self.past.expected(task.planned)

    def left(self) -> float:
        """Seconds that the waiting trials are expected to take."""
        return sum(map(self.expected, self.waiting))

    def say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=self.out, flush=True)


def figures(record: dict[str, Any]) -> str:
    """The headline of a record in a few words."""
    metrics = record["metrics"]
    if record["status"] == "ok" and metrics.get("time_latency"):
        text = seconds(metrics["time_latency"])
        if metrics.get("speedup") and metrics.get("verdict"):
            text += f", {metrics['speedup']:.2f} × {metrics['reference_way']}: {metrics['verdict']}"
        return text
    where = f"at stage {record['stage']}: " if record["stage"] else ""
    return f"{where}{record['reason'].splitlines()[0][:100] if record['reason'] else ''}"


def minutes(value: float) -> str:
    """`40 s`, `2.5 min`, `12 min`, `3 h 20 min`."""
    if value < 90:
        return f"{max(1, round(value))} s"
    if value < 600:
        return f"{value / 60:.2g} min"
    if value < 5400:
        return f"{round(value / 60)} min"
    return f"{int(value // 3600)} h {round(value % 3600 / 60)} min"
