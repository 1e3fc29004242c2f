"""The dry run: what a sweep would do, how long it would take, and how much room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchlib.execution import durations
from benchlib.execution.progress import Progress, minutes
from benchlib.execution.resume import Task, tasks
from benchlib.execution.runoff import RunOff, not_run
from benchlib.plan import details, estimate
from benchlib.plan.expand import Plan
from benchlib.plan.in_words import size
from benchlib.plan.only import select


def preview(plan: Plan, folder: Path, rerun: str, only: str) -> str:
    """One line per trial, then the sum. Starts and writes nothing."""
    todo, unreadable = tasks(plan, folder, rerun)
    chosen = {p.key for p in select(plan, only)} if only else {p.key for p in plan.trials}
    todo = [t for t in todo if t.planned.key in chosen]
    progress = Progress(durations.known(folder), quiet=True)
    progress.begin(todo, unreadable)
    width = max((len(t.planned.name) for t in todo), default=0)
    lines = []
    for task in todo:
        planned = task.planned
        if planned.status:
            what = f"{planned.status}: {planned.reason}"
        elif not task.why:
            what = f"done ({task.record['status']})"
        else:
            what = f"run, about {minutes(progress.expected(task))}" + ("" if task.why == "new" else f"; {task.why}")
            if found := details.known(planned.trial):
                what += f"; at least {size(estimate.need(planned.trial, found).host)} of memory"
        lines.append(f"{planned.name:<{width}}  {what}")
    refused = sum(t.planned.status == "refused" for t in todo)
    skipped = sum(t.planned.status == "skipped" for t in todo)
    runs = sum(bool(t.why) and not t.planned.status for t in todo)
    done = len(todo) - refused - skipped - runs
    pairs = [] if only or not plan.runoff else list(RunOff([_record(t) for t in todo], folder, rerun).left())
    room = estimate.of_plan(t.planned.trial for t in todo if t.why and not t.planned.status)
    total = f"{len(todo)} planned = {runs} to run + {done} done + {refused} refused + {skipped} skipped"
    return "\n".join(
        [
            *lines,
            *(f"skipped {line}" for line in unreadable),
            f"{total}; about {minutes(progress.left())}" if runs else total,
            *([room] if room else []),
            *([f"+ up to {len(pairs)} run-offs, about {minutes(sum(pairs))}"] if pairs else []),
        ]
    )


def _record(task: Task) -> dict[str, Any]:
    return not_run(task.planned) if task.why else task.record
