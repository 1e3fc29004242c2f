"""Runs a plan on this machine: what is done is kept, what is left is executed one trial after another."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.artifacts.shown import in_bytes
from benchlib.errors import Interrupted, UnusableHost, UserError
from benchlib.execution import durations, journal, signals, store
from benchlib.execution.execute import execute, without_running
from benchlib.execution.patience import Patience
from benchlib.execution.progress import Progress
from benchlib.execution.resume import Rerun, Task, held_against
from benchlib.execution.runoff import RunOff
from benchlib.plan.expand import Plan
from benchlib.record import Record
from benchlib.stages.warm import packages_of
from benchlib.trial import Trial
from benchlib.worker import process
from benchlib.worker.client import Server


@dataclass
class Outcome:
    """What a sweep came to: the records in plan order, and which of them are new."""

    records: list[Record] = field(default_factory=list)
    ran: int = 0

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for record in self.records:
            found[record.status] = found.get(record.status, 0) + 1
        return found


def _ignore(record: Record) -> None:
    """Nobody wants to hear of a record."""


def _never(record: Record) -> bool:
    """No record ends the sweep."""
    return False


@dataclass(frozen=True)
class Options:
    """How a plan is swept."""

    rerun: Rerun = ""  # what runs again although it is done: "failed" or "all" of it
    adds: bool = False  # the folder's study keeps its other trials, and has those of the plan besides
    only: frozenset[str] | None = None  # the keys of the only trials to take, without a run-off; None: all
    quiet: bool = False  # says nothing
    steps: bool = False  # says when each step of a trial has ended
    lean: bool = False  # when all has run, drops from the cache the files of what trials of the plan made
    each: Callable[[Record], None] = _ignore  # is called with every new record of the matrix
    until: Callable[[Record], bool] = _never  # ends the sweep by returning True for a new record of the matrix
    seconds: float = math.inf  # after which no further trial of the matrix is begun
    rivals: frozenset[str] | None = (
        None  # the keys of the only trials between whose ways direct pairs decide; None: all
    )


def sweep(plan: Plan, folder: Path, options: Options) -> Outcome:
    """Executes what the plan asks for and the folder does not hold yet, then its run-off where it wants one.

    Notebooks of no planned trial go to `past/` before. Raises Interrupted, UnusableHost when a trial cannot have the
    host for itself, and UserError when another sweep writes to the folder.
    """
    artifacts.root()  # complains here, before it does so in each trial
    process.adopt_orphans()
    signals.install()
    with store.opened(folder):
        resolved = plan.resolved()
        stored = store.added_to(folder, resolved) if options.adds else resolved
        store.write_study(folder, stored)
        return _Sweep(plan, folder, options, stored["trials"]).run()


class _Sweep:
    """One sweep of a plan into a folder that it holds."""

    def __init__(self, plan: Plan, folder: Path, options: Options, stored: Sequence[Mapping[str, Any]]):
        self.folder, self.options = folder, options
        belong = {str(trial["key"]): store.parameters_of(trial) for trial in stored}
        self.work = held_against(plan, folder, options.rerun, options.only, belong)
        if options.rerun == "failed" and not any(task.why for task in self.work.tasks):
            counts = Counter(task.record.status for task in self.work.tasks if task.record)
            told = " + ".join(f"{n} {status}" for status, n in counts.items())
            raise UserError(f"rerun failed: no trial in {folder} failed ({told})")
        self.has_runoff = plan.runoff and options.only is None
        self.progress = Progress(durations.known(folder), quiet=options.quiet, steps=options.steps)
        # A trial that is done runs again in direct pairs.
        served = [t for t in self.work.tasks if t.runs or (self.has_runoff and not t.planned.status)]
        self.servers = _Servers([t.planned.trial for t in served])
        self.patience = Patience(self.progress.say)
        self.outcome = Outcome()
        self.runoff: RunOff | None = None

    def run(self) -> Outcome:
        self._begin()
        try:
            if self._run_matrix() and self.has_runoff:
                self._run_direct_pairs()
        except KeyboardInterrupt:
            raise self._interrupted() from None
        except UnusableHost as error:
            journal.note(self.folder, "stopped", done=self.progress.done, reason=str(error))
            raise
        finally:
            self.servers.end()
        if self.options.lean:
            self._drop_files()
        journal.note(self.folder, "end", counts=self.outcome.counts)
        return self.outcome

    def _begin(self) -> None:
        tasks = self.work.tasks
        keys = journal.digest(task.planned.key for task in tasks)
        journal.note(self.folder, "sweep", trials=len(tasks), to_run=sum(bool(t.why) for t in tasks), keys=keys)
        self.progress.begin(self.work)
        if paths := self.work.unplanned.paths:
            journal.note(self.folder, store.PAST, names=[path.stem for path in paths])
            self.work.unplanned.put_past(self.folder)

    def _run_matrix(self) -> bool:
        """Takes every task in turn; False when the options end the sweep before the last."""
        deadline = time.monotonic() + self.options.seconds
        for task in self.work.tasks:
            if not task.why:
                self.outcome.records.append(task.record)
                continue
            if time.monotonic() > deadline and task.runs:
                continue
            record, event = self._take(task)
            if task.runs:
                self.progress.trial(task, record, event)
            self.outcome.ran += 1
            self.options.each(record)
            self.outcome.records.append(record)
            if self.options.until(record):
                return False
        return True

    def _run_direct_pairs(self) -> None:
        rivals = self.options.rivals
        ways = [record for record in self.outcome.records if rivals is None or record.key in rivals]
        self.runoff = RunOff(ways, self.folder, self.options.rerun)
        self.runoff.run(lambda task: self._take(task, store.RUNOFF), self.progress.say)

    def _take(self, task: Task, room: str = store.TRIALS) -> tuple[Record, journal.Event]:
        """Executes one trial, or notes why it cannot be; its record and its event in the journal."""
        planned = task.planned
        if planned.status:
            record = without_running(planned, self.folder, room)
            facts = {"name": planned.name, "key": planned.key, "reason": planned.reason}
            return record, journal.note(self.folder, planned.status, **facts)
        journal.note(self.folder, "start", name=planned.name, key=planned.key, why=task.why)
        begin = time.monotonic()
        with self.progress.of(planned.name):
            server = self.servers.of(planned.trial)
            record = execute(planned, server, self.folder, room, self.patience, self.progress.tell)
        took = time.monotonic() - begin
        event = journal.note(
            self.folder,
            "trial",
            exports=record.metrics.get("exports", 0),
            name=planned.name,
            key=planned.key,
            status=record.status,
            seconds=round(took, 3),
            **vars(durations.kind(planned.trial)),
            prepared=round(durations.prepared(record), 3),
            waited=round(record.metrics.get("waited_for_quiet") or 0.0, 3),
        )
        return record, event

    def _interrupted(self) -> Interrupted:
        done, total = self.progress.done, self.progress.total
        journal.note(self.folder, "interrupted", done=done)
        pairs = f" and {self.runoff.measured} of the run-off" if self.runoff else ""
        return Interrupted(f"interrupted after {done} of {total} trials{pairs}; what has finished is kept")

    def _drop_files(self) -> None:
        keys = {task.planned.key for task in self.work.tasks} | set(self.runoff.held if self.runoff else ())
        made, freed = artifacts.lean_made_by(keys)
        journal.note(self.folder, "lean", entries=made, freed=freed)
        self.progress.say(f"lean: {made} entries of the cache dropped their files, {in_bytes(freed)} freed")


class _Servers:
    """The warm servers of a sweep, one for each number of threads (libraries read it when they are imported)."""

    def __init__(self, trials: list[Trial]):
        self.packages = packages_of(trials)
        self.running: dict[int, Server] = {}  # by the number of threads

    def of(self, trial: Trial) -> Server:
        threads = trial.num_cores or machine.allowed_cores()
        if threads not in self.running or not self.running[threads].alive:
            self.running[threads] = Server(self.packages, threads)
        return self.running[threads]

    def end(self) -> None:
        for server in self.running.values():
            server.end()
