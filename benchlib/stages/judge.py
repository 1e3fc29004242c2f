"""Processes that judge: each opens the ground truth's way, answers, and ends. None of them is ever timed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchlib.measure.contender import Contender
from benchlib.stages.context import Context
from benchlib.worker.client import Worker, WorkerError
from benchlib.worker.messages import Judgement, JudgeModel, NameRandomOperators


@dataclass
class Judge:
    """A process that has not opened its way yet."""

    contender: Contender
    worker: Worker
    context: Context
    inputs: Mapping[int, Path] = field(default_factory=dict)

    def answer(self, inputs: Mapping[int, Path], folder: Path, seed: int, repeats: Path | None = None) -> Judgement:
        """Its outputs for sets of inputs, in `folder`; with `repeats`, a folder, it is asked again too.

        Raises:
            WorkerError: when it does not open, or fails on the recorded inputs.
        """
        self.inputs = inputs
        request = JudgeModel(self.contender.open, dict(inputs), folder, seed, repeats)
        return self.worker.ask(request, self.context.launcher.left())

    def random_operators(self) -> list[str]:
        """What draws random numbers in a call; nothing where that cannot be seen."""
        request = NameRandomOperators(self.contender.open.artifact, self.inputs[min(self.inputs)])
        try:
            return self.worker.ask(request, self.context.launcher.left()).names
        except WorkerError as error:
            if error.kind != "failed":  # a model that does not bear to be looked at is random all the same
                raise
            return []


@contextlib.contextmanager
def started(context: Context, contender: Contender) -> Iterator[Judge]:
    """A judge in a worker of its own, forked where the level forks, which ends with the block."""
    workers = context.launcher.workers
    worker = context.launcher.start("judge", context.level.start)
    try:
        yield Judge(contender, worker, context)
    finally:
        worker.kill()
        if worker in workers:
            workers.remove(worker)
