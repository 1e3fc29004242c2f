"""What is done and what has to run: the plan held against the executed notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from benchlib import import_closure
from benchlib.execution import journal, store
from benchlib.execution.unplanned import Unplanned, unplanned
from benchlib.fingerprint import difference, fingerprint
from benchlib.plan.expand import Plan, Planned
from benchlib.record import Record, scrap
from benchlib.registry import Parameters

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


def held_against(
    plan: Plan,
    folder: Path,
    rerun: Rerun = "",
    only: frozenset[str] | None = None,
    belong: Mapping[str, Parameters] = MappingProxyType({}),
) -> Work:
    """What a sweep of the plan has to do.

    Args:
        plan: all of its trials.
        folder: of the study.
        rerun: what runs again although it is done. Of "all", what an interrupted sweep of the same trials ran just
            before stays done: the same command goes on where it was.
        only: the keys of the trials that are chosen; None: all.
        belong: the parameters of trials that belong to the folder, those of the plan or not, by key.
    """
    records, unreadable = scrap.read_all(folder / store.TRIALS)
    by_key = store.by_key(records, {planned.key: planned.name for planned in plan.trials})
    chosen = [p for p in plan.trials if only is None or p.key in only]
    done = journal.done_before_interrupt(folder, (p.key for p in chosen)) if rerun == "all" else frozenset()
    tasks = [Task(p, why(p, by_key.get(p.key), "" if p.key in done else rerun), by_key.get(p.key)) for p in chosen]
    import_closure.keep()
    planned = {p.key: p.trial.model_dump() for p in plan.trials}
    return Work(tasks, unreadable, unplanned({**belong, **planned}, folder, records))


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
