"""What is timed: contenders, the workers that hold them, and how those are started."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchlib.measure.host_load import HostReader, HostWatch
from benchlib.measure.lock import HeldHost
from benchlib.record.metadata import Session
from benchlib.worker.client import Lease, Reply, Worker, WorkerError, start_forked, start_fresh
from benchlib.worker.messages import (
    CheckOutputs,
    GiveOutputs,
    NewOutputs,
    OpenSession,
    Outputs,
    RotateInputs,
    RunBlock,
    TimedBlock,
)


@dataclass
class Launcher:
    """How the workers of one trial are started."""

    mark: str
    threads: int
    scratch: Path  # working folder, logs and compile caches of the trial
    lease: Callable[[], Lease]
    timeout: float  # seconds allowed to each step
    deadline: float | None = None  # of the step that runs, on the clock of time.monotonic
    starting: float = 0.0  # seconds that starting workers took until now, and the warm server before the first one
    workers: list[Worker] = field(default_factory=list)
    held: HeldHost | None = None  # the host, while a step of the trial has it for itself
    host: HostWatch = field(init=False)  # what others take of it

    def __post_init__(self) -> None:
        self.host = HostWatch(HostReader(self.workers).read)
        self.host.note()

    def give_host_away(self) -> AbstractContextManager[None]:
        """Other trials may have the host while the context lasts."""
        return self.held.given_away() if self.held else nullcontext()

    def left(self) -> float:
        """Seconds that a request may take: what is left to the step; without a deadline all of `timeout`."""
        return self.timeout if self.deadline is None else max(0.001, self.deadline - time.monotonic())

    def start(self, name: str, how: str) -> Worker:
        """A worker, `forked` or `fresh`, whose output goes to `<scratch>/<name>.log`."""
        log = self.scratch / f"{name}.log"
        environment = {
            "TORCHINDUCTOR_CACHE_DIR": str(self.scratch / "compile-cache"),
            "TORCHINDUCTOR_COMPILE_THREADS": "1",  # pools of compilers would outlive the compilation
        }
        begin = self.host.note().at
        if how == "forked":
            worker = start_forked(self.lease(), self.mark, log, environment, Path(os.getcwd()))
        else:
            worker = start_fresh(self.mark, log, environment, Path(os.getcwd()), self.threads)
        self.starting += time.monotonic() - begin
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """Ends every worker that is still there."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()


@dataclass(frozen=True)
class Contender:
    """What is to be opened, and how it is called."""

    label: str
    compiles: bool  # its first call compiles
    open: OpenSession
    # Files of inputs that rotate with the recorded ones while it is timed -> the hash that each worker has to find.
    input_sets: dict[Path, str] = field(default_factory=dict)
    fresh_inputs: bool = False  # the model changes its inputs: each timed call gets them as they were

    @property
    def set_numbers(self) -> list[int]:
        """The saved model's own number of each set that is timed, the recorded one first: files of the others are
        called `inputs-<number>.npz`. Raises ValueError for another name."""
        return [0, *(int(file.stem.rpartition("-")[2]) for file in self.input_sets)]


@dataclass
class Opened:
    """A contender in a worker of its own, ready to be timed. After each request the worker is stopped again, but for
    `run`: who times it says when."""

    contender: Contender
    worker: Worker
    session: Session
    left: Callable[[], float]  # seconds that a request may take
    first_call: TimedBlock | None = None
    # Hashes of what it answered, by the file of the inputs, as blocks compare their outputs.
    answers: dict[Path, str] = field(default_factory=dict)

    def run(
        self, samples: int, loops: int = 1, core: int | None = None, input_set: int | None = None, discarded: int = 0
    ) -> Reply[TimedBlock]:
        """A block of samples.

        Args:
            samples: how many.
            loops: calls in each.
            core: on which the block begins.
            input_set: with which it begins, counted on beyond their number.
            discarded: samples at its start that do not count: one of them gives its outputs to be looked at.

        Returns:
            The block as it came: it is decoded when its `value` is looked at.
        """
        return self.worker.ask_later(RunBlock(samples, loops, core, input_set, discarded), self.left())

    def freeze(self) -> None:
        """Stops the worker."""
        self.worker.freeze()

    def rotate_inputs(self, outputs: Path | None = None, known: Mapping[int, Collection[str]] | None = None) -> None:
        """Times on all sets of inputs from now on.

        Args:
            outputs: how files of outputs begin that blocks give and nobody knows; None: they are not looked at.
            known: hashes of outputs that need no file, by the place of their set in the rotation.

        Raises:
            WorkerError: a file holds other bytes than it did, or inputs cannot be given afresh.
        """
        sets, fresh = self.contender.input_sets, self.contender.fresh_inputs
        if not (sets or fresh or outputs):
            return
        request = RotateInputs(list(sets), fresh, outputs, {n: sorted(own) for n, own in (known or {}).items()})
        reply = self.worker.ask(request, self.left())
        if reply.hashes != list(sets.values()):
            message = f"{self.contender.label} holds other inputs than the saved ones"
            raise WorkerError("failed", "Mismatch", message)
        self.freeze()

    def check_outputs(self) -> list[NewOutputs]:
        """Looks at the outputs of some calls in a row, and for the sets that were timed and of which no block gave any.
        Raises WorkerError."""
        reply = self.worker.ask(CheckOutputs(), self.left())
        self.freeze()
        return reply.new_outputs

    def outputs(self, path: Path | None) -> Outputs:
        """Makes the first call if it was not made, and stores in `path` the outputs for the recorded inputs."""
        reply = self.worker.ask(GiveOutputs(path), self.left())
        self.first_call = reply.first_call or self.first_call
        self.session.compile_cache = reply.compile_cache or self.session.compile_cache
        self.answers[self.contender.open.inputs] = reply.compared_hash
        self.freeze()
        return reply

    def outputs_for(self, inputs: Path, path: Path, thin: bool) -> Outputs:
        """Stores in `path` the outputs of one call on other inputs, which counts as none of the session's calls;
        of large ones only a part, if `thin`."""
        reply = self.worker.ask(GiveOutputs(path, inputs, thin), self.left())
        self.answers[inputs] = reply.compared_hash
        self.freeze()
        return reply


def open_contender(contender: Contender, launcher: Launcher, how: str, replicate: int, seed: int, name: str) -> Opened:
    """Starts a worker and opens a contender in it; leaves it stopped.

    Args:
        contender: what is opened.
        launcher: starts the worker.
        how: `forked` or `fresh`.
        replicate: number of the processes that belong together.
        seed: of the trial; with the replicate and the name it decides how the heap is padded.
        name: of the worker's log.

    Raises:
        WorkerError: when the artifact cannot be opened.
    """
    worker = launcher.start(name, how)
    request = replace(contender.open, heap_seed=f"{launcher.mark}/{seed}/{replicate}/{name}")
    session = worker.ask(request, launcher.left())
    worker.freeze()
    return Opened(contender, worker, session, launcher.left)
