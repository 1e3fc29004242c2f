"""The builder of a trial: the one worker that loads the model, exports it and applies passes, started when needed."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from benchlib.measure.contender import Launcher
from benchlib.worker.client import Worker
from benchlib.worker.messages import Request

R = TypeVar("R")


class Builder:
    """A worker that is started by its first request."""

    def __init__(self, launcher: Launcher, start: str):
        self.launcher, self.start = launcher, start  # forked or fresh
        self._worker: Worker | None = None

    def ask(self, request: Request[R]) -> R:
        """The reply, within what is left to the step. Raises WorkerError."""
        return self.worker.ask(request, self.launcher.left())

    @property
    def worker(self) -> Worker:
        """The worker, started now where there is none yet."""
        if self._worker is None:
            self._worker = self.launcher.start("builder", self.start)
        return self._worker

    @property
    def log(self) -> Path:
        """What the worker prints goes here."""
        return self.worker.log

    def end(self) -> None:
        """Ends the worker, where there is one."""
        if self._worker:
            self._worker.end()
            self.launcher.workers.remove(self._worker)
            self._worker = None
