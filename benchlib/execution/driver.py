"""Runs a plan on this machine: what is done is kept, what is left is executed one trial after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.artifacts.shown import in_bytes
from benchlib.errors import Interrupted, UnusableHost
from benchlib.execution import durations, journal, signals, store
from benchlib.execution.execute import execute, without_running
from benchlib.execution.progress import Progress
from benchlib.execution.resume import Rerun, Task, tasks
from benchlib.execution.runoff import RunOff
from benchlib.plan.expand import Plan
from benchlib.stages.warm import packages_of
from benchlib.trial import Trial
from benchlib.worker import process
from benchlib.worker.client import Server


@dataclass
class Outcome:
    """What a sweep came to: the records in plan order, and which of them are new."""

    records: list[dict[str, Any]] = field(default_factory=list)
    ran: int = 0

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for record in self.records:
            found[record["status"]] = found.get(record["status"], 0) + 1
        return found


def sweep(
    plan: Plan,
    folder: Path,
    rerun: Rerun = "",
    quiet: bool = False,
    only: set[str] | None = None,
    each: Callable[[dict[str, Any]], None] = lambda record: None,
    until: Callable[[dict[str, Any]], bool] = lambda record: False,
    lean: bool = False,
) -> Outcome:
    """Executes what the plan asks for and the folder does not hold yet, then its run-off where it wants one.

    `only` restricts it to trials with these keys, without a run-off; `each` is called with every new record of the
    matrix; `until` ends the sweep when it returns True for one; `lean` drops from the cache, when all has run, the
    files of every entry that a trial of the plan made. Raises Interrupted, UnusableHost when a trial cannot have the
    host for itself, and UserError when another sweep writes to the folder.
    """
    artifacts.root()  # complains here, before it does so in each trial
    process.adopt_orphans()
    signals.install()
    with store.opened(folder):
        store.write_study(folder, plan.resolved())
        progress = Progress(durations.known(folder), quiet=quiet)
        todo, unreadable = tasks(plan, folder, rerun)
        todo = [t for t in todo if only is None or t.planned.key in only]
        journal.note(folder, "sweep", trials=len(todo), to_run=sum(bool(t.why) for t in todo))
        progress.begin(todo, unreadable)
        runoff = plan.runoff and only is None
        served = [t.planned.trial for t in todo if (t.why or runoff) and not t.planned.status]
        outcome, servers, direct = Outcome(), _Servers(served), None
        try:
            for task in todo:
                record = task.record
                if task.why:
                    record, event = _one(task, folder, servers)
                    if not task.planned.status:
                        progress.trial(task, record, event)
                    outcome.ran += 1
                    each(record)
                outcome.records.append(record)
                if task.why and until(record):
                    break
            else:
                if runoff:
                    direct = RunOff(outcome.records, folder, rerun)
                    direct.run(lambda task: _one(task, folder, servers, store.RUNOFF), progress.say)
        except KeyboardInterrupt:
            journal.note(folder, "interrupted", done=progress.done)
            run_off = f" and {direct.measured} of the run-off" if direct else ""
            raise Interrupted(
                f"interrupted after {progress.done} of {progress.total} trials{run_off}; all of them are kept"
            ) from None
        except UnusableHost as error:
            journal.note(folder, "stopped", done=progress.done, reason=str(error))
            raise
        finally:
            servers.end()
        if lean:
            made, freed = artifacts.lean_made_by({t.planned.key for t in todo} | set(direct.held if direct else ()))
            journal.note(folder, "lean", entries=made, freed=freed)
            progress.say(f"lean: {made} entries of the cache dropped their files, {in_bytes(freed)} freed")
        journal.note(folder, "end", counts=outcome.counts)
    return outcome


def _one(
    task: Task, folder: Path, servers: _Servers, room: str = store.TRIALS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Executes one trial, or notes why it cannot be; its record and its event in the journal."""
    planned = task.planned
    if planned.status:
        record = without_running(planned, folder, room)
        event = journal.note(folder, planned.status, name=planned.name, key=planned.key, reason=planned.reason)
        return record, event
    journal.note(folder, "start", name=planned.name, key=planned.key, why=task.why)
    begin = time.monotonic()
    record = execute(planned, servers.of(planned.trial), folder, room)
    took = time.monotonic() - begin
    facts = {"name": planned.name, "key": planned.key, "status": record["status"], "seconds": round(took, 3)}
    facts |= durations.kind(planned.trial) | {"prepared": round(durations.prepared(record), 3)}
    event = journal.note(folder, "trial", exports=record["metrics"].get("exports", 0), **facts)
    return record, event


class _Servers:
    """The warm servers of a sweep, one for each number of threads (libraries read it when they are imported)."""

    def __init__(self, trials: list[Trial]):
        self.packages, self.running = packages_of(trials), {}

    def of(self, trial: Trial) -> Server:
        threads = trial.num_cores or machine.allowed_cores()
        if threads not in self.running or not self.running[threads].alive:
            self.running[threads] = Server(self.packages, threads)
        return self.running[threads]

    def end(self) -> None:
        for server in self.running.values():
            server.end()
