"""The dry run: what a sweep would do, how long it would take, and how much room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchlib.execution import durations
from benchlib.execution.progress import Progress
from benchlib.execution.resume import Rerun, Task, Work, held_against
from benchlib.execution.runoff import RunOff, not_run
from benchlib.plan import details, estimate
from benchlib.plan.expand import Plan
from benchlib.plan.in_words import minutes, size
from benchlib.plan.only import select
from benchlib.record import Record


@dataclass(frozen=True)
class _Foreseen:
    """A task of a sweep, with what is expected of it where it runs."""

    task: Task
    seconds: float = 0.0
    memory: int | None = None  # bytes of the host, at least; None where nothing is known of the model


def preview(plan: Plan, folder: Path, rerun: Rerun, only: str) -> str:
    """One line per trial, then the sum. Starts and writes nothing."""
    chosen = frozenset(p.key for p in select(plan, only)) if only else None
    work = held_against(plan, folder, rerun, chosen)
    progress = Progress(durations.known(folder), quiet=True)
    foreseen = [_foresee(task, progress) for task in work.tasks]
    has_runoff = plan.runoff and not only
    pairs = list(RunOff([_record(t) for t in work.tasks], folder, rerun).left()) if has_runoff else []
    room = estimate.of_plan(task.planned.trial for task in work.tasks if task.runs)
    width = max((len(f.task.planned.name) for f in foreseen), default=0)
    return "\n".join(
        [
            *(f"{f.task.planned.name:<{width}}  {_in_words(f)}" for f in foreseen),
            *(f"skipped {line}" for line in work.unreadable),
            *work.unplanned.words,
            _sum(work, sum(f.seconds for f in foreseen)),
            *([room] if room else []),
            *([f"+ up to {len(pairs)} run-offs, about {minutes(sum(pairs))}"] if pairs else []),
        ]
    )


def _foresee(task: Task, progress: Progress) -> _Foreseen:
    if not task.runs:
        return _Foreseen(task)
    trial = task.planned.trial
    model = details.known(trial)
    return _Foreseen(task, progress.expected(task), estimate.need(trial, model).host if model else None)


def _in_words(foreseen: _Foreseen) -> str:
    task = foreseen.task
    if task.planned.status:
        return f"{task.planned.status}: {task.planned.reason}"
    if not task.why:
        return f"done ({task.record.status})"
    text = f"run, about {minutes(foreseen.seconds)}"
    text += "" if task.why == "new" else f"; {task.why}"
    return text if foreseen.memory is None else f"{text}; at least {size(foreseen.memory)} of memory"


def _sum(work: Work, seconds: float) -> str:
    statuses = [task.planned.status for task in work.tasks]
    refused, skipped, runs = statuses.count("refused"), statuses.count("skipped"), sum(t.runs for t in work.tasks)
    done = len(statuses) - refused - skipped - runs
    total = f"{len(statuses)} planned = {runs} to run + {done} done + {refused} refused + {skipped} skipped"
    return f"{total}; about {minutes(seconds)}" if runs else total


def _record(task: Task) -> Record:
    return not_run(task.planned) if task.why else task.record
