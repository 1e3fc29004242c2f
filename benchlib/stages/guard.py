"""What every step of a trial goes through: its time, the host for itself, and its failure as an outcome.

A step never raises for what the model, the exporter or a worker did: the failure becomes the trial's outcome,
and later steps answer "not reached". Only broken code of our own raises.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, Protocol

from benchlib.errors import InterruptedByHand, Unavailable
from benchlib.measure.lock import alone
from benchlib.record import StepTime
from benchlib.stages import views
from benchlib.stages.blank import failure_of
from benchlib.stages.context import Context
from benchlib.stages.driver import DONE, FOR_TURN, MEASURING_LIMIT, is_there, tell
from benchlib.stages.outcome import Outcome, StepFailure
from benchlib.worker.client import WorkerError

STEPS = ("load", "export", "open", "check", "measure")


class Stepped(Protocol):
    """What has steps."""

    context: Context
    outcome: Outcome

    def restart(self) -> None: ...


def step(function: Callable[[Any], views.View]) -> Callable[[Any], views.View]:
    """Makes a method a step: timed, alone on the host, its failure noted instead of raised."""
    name = function.__name__

    @functools.wraps(function)
    def run(self: Stepped) -> views.View:
        context, outcome = self.context, self.outcome
        if outcome.failure:
            outcome.steps[name] = StepTime(0.0, "not reached")
            return views.NotReached(name, outcome.failure)
        if STEPS.index(name) > STEPS.index(context.trial.until):
            outcome.steps[name] = StepTime(0.0, "not asked for")
            return views.NotAsked(name, context.trial)
        tell(name, None, FOR_TURN)
        try:
            owner = f"trial {context.key} of {context.trial.model_name}"
            before: list[str] = []  # owners that had the host until now
            with alone(context.trial.device, owner, lambda owner: before.append(_say_waiting(owner))) as held:
                context.launcher.held = held
                if before:
                    context.launcher.host.forget()
                # Measuring bounds itself; every other step has `timeout`, of which its requests get what is left.
                limit = None if name == "measure" else context.trial.timeout
                context.launcher.deadline = limit and time.monotonic() + limit
                tell(name, limit or MEASURING_LIMIT)
                return _take(self, name, function)
        finally:
            tell(name, None, DONE)

    return run


def _take(self: Stepped, name: str, function: Callable[[Any], views.View]) -> views.View:
    """Runs a step and notes its time and how it ended."""
    launcher, outcome = self.context.launcher, self.outcome
    begin, starting = time.perf_counter(), launcher.starting
    view: views.View | None = None
    try:
        view = function(self)
    except WorkerError as error:
        log = "\n".join(worker.log_tail() for worker in launcher.workers[-1:])
        failure = failure_of(error.stage or name, error.type, error.message, error.traceback, log)
        outcome.failure = StepFailure(error.kind, failure, error.report)
    except Unavailable as error:
        outcome.failure = StepFailure("skipped", failure_of(name, "Unavailable", str(error)))
    except KeyboardInterrupt:
        launcher.end()
        if is_there():
            raise
        self.restart()
        raise InterruptedByHand(
            f"'{name}' was interrupted and its processes ended: begin again at trial.load()"
        ) from None
    if outcome.failure:
        launcher.end()
    status = outcome.failure.status if outcome.failure else "ok"
    outcome.steps[name] = StepTime(time.perf_counter() - begin, status, launcher.starting - starting)
    return view or views.FailureView(outcome.failure)


def _say_waiting(owner: str) -> str:
    print(f"waiting for this host: {owner} is being measured")
    return owner
