"""What a sweep says while it runs: a line per trial, with the time left. Plain lines, so that a terminal, a log
file and a notebook's output all read well."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

from benchlib.execution.durations import Durations
from benchlib.execution.journal import Event
from benchlib.execution.live import LiveLine
from benchlib.execution.resume import Task, Work
from benchlib.measure.verdicts import in_words
from benchlib.plan.in_words import counted, minutes
from benchlib.record import Record
from benchlib.stages.shown import seconds, two_digits

REASON = 300  # characters of why a trial came to what it did, in its line


class Progress:
    """Prints the lines of one sweep.

    Args:
        past: how long trials took before.
        out: where they go; by default standard error.
        quiet: whether nothing is said.
        steps: whether each step of a trial has a line, with the seconds that it took.
        clock: seconds.
    """

    def __init__(
        self,
        past: Durations,
        out: TextIO | None = None,
        quiet: bool = False,
        steps: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.past, self.quiet, self.line = past, quiet, LiveLine(out or sys.stderr)
        self.done = self.total = 0
        self._tells_steps, self._clock = steps, clock
        self._step, self._begun = "", 0.0

    def begin(self, work: Work) -> None:
        """Takes note of what has to run, and tells it."""
        self.waiting = [task for task in work.tasks if task.runs]
        self.total = len(self.waiting)
        for line in work.unreadable:
            self.say(f"skipped {line}")
        for line in work.unplanned.words:
            self.say(line)
        self.say(self._sum(work.tasks))
        for task in self.waiting:
            if task.why != "new":
                self.say(f"  again: {task.planned.name}: {task.why}")

    def _sum(self, tasks: list[Task]) -> str:
        """`12 trials, 3 to run, 8 done already, 1 refused or skipped, about 2 min`."""
        reused = sum(1 for t in tasks if not t.why)
        told = sum(1 for t in tasks if t.planned.status)
        parts = [counted(len(tasks), "trial"), f"{self.total} to run"]
        parts += [f"{reused} done already"] if reused else []
        parts += [f"{told} refused or skipped"] if told else []
        if self.total:
            parts.append(f"about {minutes(self.left())}")
        return ", ".join(parts)

    def trial(self, task: Task, record: Record, event: Event) -> None:
        """Tells of a trial that ran, and learns from its event in the journal how long the others will take."""
        self.done += 1
        self.past.add(event)
        self.waiting.remove(task)
        left = f" · about {minutes(self.left())} left" if self.waiting else ""
        head = f"[{self.done:>{len(str(self.total))}}/{self.total}] {record.status:<10} {task.planned.name}"
        self.say(f"{head}  {figures(record)}  ({event['seconds']:.0f} s{left})")

    def expected(self, task: Task) -> float:
        return self.past.expected(task.planned)

    def left(self) -> float:
        """Seconds that the waiting trials are expected to take."""
        return sum(map(self.expected, self.waiting))

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Says what a trial does while it runs, in the last line of a terminal."""
        number = f"[{self.done + 1}/{self.total}] " if self.done < self.total else ""
        with nullcontext() if self.quiet else self.line.of(f"{number}{name}"):
            yield
            self._begin_step("")

    def tell(self, step: str, note: str) -> None:
        """The trial that runs has come to a step, or says what it does in it."""
        if step != self._step:
            self._begin_step(step)
        self.line.tell(step, note)

    def _begin_step(self, step: str) -> None:
        now = self._clock()
        if self._tells_steps and self._step:
            self.say(f"    {self._step:<8} {seconds(now - self._begun)}")
        self._step, self._begun = step, now

    def say(self, line: str) -> None:
        if not self.quiet:
            self.line.above(line)


def figures(record: Record) -> str:
    """The headline of a record in a few words."""
    metrics = record.metrics
    if record.status in ("ok", "unverified") and metrics.get("time_latency"):
        text = seconds(metrics["time_latency"])
        verdict = metrics.get("verdict") or metrics.get("verdict_withheld")
        if metrics.get("speedup") and metrics.get("speedup_low") is None:  # it decides nothing
            text += f", about {two_digits(metrics['speedup'])} × {metrics['reference_way']}"
        elif metrics.get("speedup") and verdict:
            text += f", {metrics['speedup']:.2f} × {metrics['reference_way']}: {verdict}"
        if metrics.get("disturbed_by"):
            text += f" ({in_words(metrics['disturbed_by'])})"
        if metrics.get("inputs_guessed"):
            text += " (inputs guessed)"
        return text if record.status == "ok" else f"{text}, unverified: {record.reason.partition(chr(10))[0][:REASON]}"
    where = f"at stage {record.stage}: " if record.stage else ""
    return f"{where}{record.reason.splitlines()[0][:REASON] if record.reason else ''}"
