"""A worker's life: it answers requests until it is told to go. What it can be asked for are its verbs."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from benchlib.errors import Refused, Unavailable, UserError, missing_package, plain
from benchlib.tensors import FlatArrays
from benchlib.typed_json import to_json
from benchlib.worker.channel import Channel, Closed
from benchlib.worker.messages import Leave, Problem, Request, request_named
from benchlib.worker.rotation import Rotation
from benchlib.worker.timed_outputs import KeptOutputs, OutputCheck

# The modules that register verbs.
MODULES = (
    "verbs", "building", "failing_export", "judging", "timed", "reference_load", "device", "profiled", "footprint",
    "peaks", "details", "tracing",
)  # fmt: skip
VERBS: dict[type[Request[Any]], Callable[[Worker, Any], Any]] = {}  # by the class of the request
OUT_OF_MEMORY = ("out of memory", "bad_alloc", "can't allocate memory", "failed to allocate memory")
Verb = TypeVar("Verb", bound=Callable[..., Any])


def verb(function: Verb) -> Verb:
    """Registers `function(worker, request: SomeRequest) -> SomeReply` as what answers that class of requests."""
    VERBS[typing.get_type_hints(function)["request"]] = function
    return function


class Worker:
    """The state of one worker between requests."""

    def __init__(self, channel: Channel):
        self.channel = channel
        self.model: Any = None  # a LoadedModel, in a builder
        self.importing = 0.0  # seconds of imports before the model was loaded
        self.session: Any = None
        self.inputs: Path | None = None  # the file of the recorded inputs
        self.arrays: FlatArrays = {}  # the recorded inputs as they were bound
        self.rotation = Rotation([])  # the sets of inputs that are timed, the recorded ones first
        self.calls: Iterator[Callable[[], Any]] = iter(())  # what is timed: a call on each of them in turn, for ever
        self.last: Any = None  # the outputs of the last call
        self.kept: KeptOutputs | None = None  # the outputs of a call that a block discards, until it has ended
        self.rotates = False  # several sets of inputs are timed
        self.rotated = False  # so that the last call may have been on another set than the recorded one
        self.blocks = 0  # that were told with which set to begin
        self.output_check: OutputCheck | None = None  # of the outputs that blocks give
        self.padding: list[bytearray] = []
        self.device = "cpu"
        self.collects = False  # garbage is collected inside the timing

    @property
    def call(self) -> Callable[[], Any]:
        """A call on the recorded inputs."""
        return self.rotation.call_on(0)

    def time_calls(self, *calls: Callable[[], Any]) -> None:
        """What is timed from now on: calls on the recorded inputs and, where there are more, on others by rotation."""
        self.rotate(Rotation(calls))

    def rotate(self, rotation: Rotation) -> None:
        """What is timed from now on: these sets of inputs, the recorded one first."""
        self.rotation, self.rotates = rotation, len(rotation.calls) > 1
        self.begin_with(0)

    def begin_with(self, input_set: int) -> None:
        """The next timed call is on this set of inputs, counted on beyond their number: contenders that begin a round
        alike are timed on the same inputs in it, however many calls each of them made before."""
        self.calls = self.rotation.calls_from(input_set)

    def serve(self) -> None:
        """Answers requests until `Leave`, or until the controller is gone."""
        while True:
            try:
                message = self.channel.receive()
            except Closed:
                return
            name = message.pop("verb")
            try:
                request = request_named(name, message)
                reply = to_json(VERBS[type(request)](self, request))
            except BaseException as error:  # whatever a model raises, KeyboardInterrupt too, is an answer
                reply = {"error": to_json(problem_of(error))}
            sys.stdout.flush()
            sys.stderr.flush()
            self.channel.send(reply)
            if name == Leave.verb:
                return


def problem_of(error: BaseException) -> Problem:
    """An exception as a reply: its kind is the status that the trial ends with."""
    if package := missing_package(error):
        error = Unavailable(f"it needs the package {package}, which is not installed")
    names = {kind.__name__ for kind in type(error).__mro__}
    text = plain(error) or type(error).__name__
    if isinstance(error, Unavailable):
        kind = "skipped"
    elif isinstance(error, Refused):
        kind = "refused"
    elif isinstance(error, MemoryError) or "OutOfMemoryError" in names or any(m in text.lower() for m in OUT_OF_MEMORY):
        kind = "oom"
    else:
        kind = "failed"
    trace = "" if isinstance(error, UserError | Unavailable) else plain("".join(traceback.format_exception(error)))
    return Problem(kind, type(error).__name__, text, trace)


def know_all_verbs() -> None:
    """Imports the modules in which verbs register themselves; a server does so before it forks."""
    for module in MODULES:
        importlib.import_module(f"benchlib.worker.{module}")


def main(channel: Channel) -> None:
    """A worker's life; ends without running destructors, which may hang or crash in foreign libraries."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's affair
    know_all_verbs()
    try:
        Worker(channel).serve()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
