"""What is done and what has to run: the plan held against the executed notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchlib import import_closure
from benchlib.execution import store
from benchlib.execution.unplanned import Unplanned, unplanned
from benchlib.fingerprint import difference, fingerprint
from benchlib.plan.expand import Plan, Planned
from benchlib.record import Record, scrap

Rerun = Literal["", "failed", "all"]
_FAILED = ("failed", "timeout", "crashed", "oom")


@dataclass
class Task:
    """One trial of the plan and what to do with it: nothing (`why` is empty), or run it, and why."""

    planned: Planned
    why: str
    record: Record | None = None  # what stands there now

    @property
    def runs(self) -> bool:
        """Whether the trial is executed; one that is refused or skipped only leaves its record."""
        return bool(self.why) and not self.planned.status


@dataclass(frozen=True)
class Work:
    """A plan held against its folder."""

    tasks: list[Task]  # one for every trial, or for those that were chosen, in the order of the plan
    unreadable: list[str]  # a line for each notebook that could not be read
    unplanned: Unplanned


def held_against(plan: Plan, folder: Path, rerun: Rerun = "", only: frozenset[str] | None = None) -> Work:
    """What a sweep of the plan has to do; `only` are the keys of the trials that are chosen, None: all."""
    records, unreadable = scrap.read_all(folder / store.TRIALS)
    by_key = store.by_key(records, {planned.key: planned.name for planned in plan.trials})
    chosen = [p for p in plan.trials if only is None or p.key in only]
    tasks = [Task(p, why(p, by_key.get(p.key), rerun), by_key.get(p.key)) for p in chosen]
    import_closure.keep()
    return Work(tasks, unreadable, unplanned(plan, folder, records))


def why(planned: Planned, record: Record | None, rerun: Rerun) -> str:
    """Why a trial has to run, given the record that stands there; empty: it has not."""
    if record is None:
        return "new"
    if planned.status:  # a refusal or a want is told again whenever it is told differently
        return "" if (record.status, record.reason) == (planned.status, planned.reason) else planned.status
    if record.status in ("refused", "skipped"):
        return f"no longer {record.status}"
    if rerun == "all" or (rerun == "failed" and record.status in _FAILED):
        return "asked for"
    changed = difference(record.fingerprint, fingerprint(planned.trial))
    return f"changed: {changed}" if changed else ""
