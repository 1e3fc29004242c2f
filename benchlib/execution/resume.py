"""What is done and what has to run: the plan held against the executed notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchlib.fingerprint import difference, fingerprint
from benchlib.plan.expand import Plan, Planned
from benchlib.record import scrap

Rerun = Literal["", "failed", "all"]
_FAILED = ("failed", "timeout", "crashed", "oom")


@dataclass
class Task:
    """One trial of the plan and what to do with it: nothing (`why` is empty), or run it, and why."""

    planned: Planned
    why: str
    record: dict[str, Any] | None = None  # what stands there now


def tasks(plan: Plan, folder: Path, rerun: Rerun = "") -> tuple[list[Task], list[str]]:
    """A task for every trial of the plan, and a line for each notebook that could not be read."""
    records, unreadable = scrap.read_all(folder / "trials")
    by_key = {record["key"]: record for record in records.values()}
    return [Task(p, why(p, by_key.get(p.key), rerun), by_key.get(p.key)) for p in plan.trials], unreadable


def why(planned: Planned, record: dict[str, Any] | None, rerun: Rerun) -> str:
    """Why a trial has to run, given the record that stands there; empty: it has not."""
    if record is None:
        return "new"
    if planned.status:  # a refusal or a want is told again whenever it is told differently
        return "" if (record["status"], record["reason"]) == (planned.status, planned.reason) else planned.status
    if record["status"] in ("refused", "skipped"):
        return f"no longer {record['status']}"
    if rerun == "all" or (rerun == "failed" and record["status"] in _FAILED):
        return f"asked for (--rerun {rerun})"
    changed = difference(record["fingerprint"], fingerprint(planned.trial))
    return f"changed: {changed}" if changed else ""
