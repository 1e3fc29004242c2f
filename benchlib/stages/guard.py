"""What every step of a trial goes through: its time, the host for itself, and its failure as an outcome.

A step never raises for what the model, the exporter or a worker did: the failure becomes the trial's outcome,
and later steps answer "not reached". Only broken code of our own raises.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchlib.errors import Unavailable
from benchlib.measure.lock import alone
from benchlib.stages import views
from benchlib.stages.driver import tell
from benchlib.worker.client import WorkerError

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun

STEPS = ("load", "export", "open", "check", "measure")
MEASURING_LIMIT = 3600.0  # seconds; measuring bounds itself, this is for a controller that hangs


def step(function: Callable[[TrialRun], Any]) -> Callable[[TrialRun], Any]:
    """Makes a method a step: timed, alone on the host, its failure noted instead of raised."""
    name = function.__name__

    @functools.wraps(function)
    def run(self: TrialRun) -> Any:
        if self.failure:
            self.steps[name] = {"seconds": 0.0, "outcome": "not reached"}
            return views.NotReached(name, self.failure)
        if STEPS.index(name) > STEPS.index(self.trial.until):
            self.steps[name] = {"seconds": 0.0, "outcome": "not asked for"}
            return views.NotAsked(name, self.trial)
        tell(name, None, "waiting for this host")
        try:
            with alone(self.trial.device, f"trial {self.key} of {self.trial.model_name}", self._waiting):
                # Measuring bounds itself; every other step has `timeout`, of which its requests get what is left.
                self.launcher.deadline = None if name == "measure" else time.monotonic() + self.trial.timeout
                tell(name, MEASURING_LIMIT if name == "measure" else self.trial.timeout)
                begin, starting = time.perf_counter(), self.launcher.starting
                view, outcome = None, "ok"
                try:
                    view = function(self)
                except WorkerError as error:
                    self.failure = {"stage": error.stage or name, "status": error.kind, "type": error.type,
                                    "message": error.message, "traceback": error.traceback,
                                    "log": self._log_tail(), "report": dict(error.report)}  # fmt: skip
                except KeyboardInterrupt:
                    self.launcher.end()
                    raise
                except Unavailable as error:
                    self.failure = {"stage": name, "status": "skipped", "type": "Unavailable", "message": str(error)}
                if self.failure:
                    outcome = self.failure["status"]
                    self.launcher.end()
                self.steps[name] = {"seconds": time.perf_counter() - begin,
                                    "starting": self.launcher.starting - starting, "outcome": outcome}  # fmt: skip
        finally:
            tell(name, None, "done")
        return view or views.Failure(self.failure)

    return run
