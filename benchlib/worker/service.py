"""A worker's life: it answers requests until it is told to go. What it can be asked for are its verbs."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from benchlib.errors import Refused, Unavailable, UserError, plain
from benchlib.worker.channel import Channel, Closed

# The modules that register verbs.
MODULES = (
    "verbs", "building", "failing_export", "timed", "canary", "device", "profiled", "footprint", "peaks",
    "details",
)  # fmt: skip
VERBS: dict[str, Callable[[Worker, dict], dict]] = {}


def verb(function: Callable[[Worker, dict], dict]) -> Callable[[Worker, dict], dict]:
    """Registers a verb under the function's name (`open_` is `open`): (worker, request) -> reply."""
    VERBS[function.__name__.rstrip("_")] = function
    return function


class Worker:
    """The state of one worker between requests."""

    def __init__(self, channel: Channel):
        self.channel = channel
        self.model: Any = None  # a LoadedModel, in a builder
        self.importing = 0.0  # seconds of imports before the model was loaded
        self.session: Any = None
        self.call: Callable[[], Any] | None = None  # on the recorded inputs
        self.turns: tuple[Callable[[], Any], ...] = ()  # on each set of inputs, the recorded ones first
        self.calls: Iterator[Callable[[], Any]] = iter(())  # what is timed: those in turn, for ever
        self.last: Any = None  # the outputs of the last call
        self.several = False  # sets of inputs take turns
        self.cycled = False  # so that the last call may have been on another set than the recorded one
        self.padding: list[bytearray] = []
        self.device = "cpu"
        self.collects = False  # garbage is collected inside the timing

    def times(self, *calls: Callable[[], Any]) -> None:
        """What is timed from now on: calls on the recorded inputs and, where there are more, on others in turn."""
        self.call, self.turns, self.several = calls[0], calls, len(calls) > 1
        self.begin_with(0)

    def begin_with(self, turn: int) -> None:
        """The next timed call is that whose `turn` it is, counted on beyond the number of sets: contenders that begin a
        round alike are timed on the same inputs in it, however many calls each of them made before."""
        first = turn % len(self.turns)
        self.calls = cycle(self.turns[first:] + self.turns[:first])

    def serve(self) -> None:
        """Answers requests until `bye` or until the controller is gone."""
        while True:
            try:
                request = self.channel.receive()
            except Closed:
                return
            try:
                reply = VERBS[request["verb"]](self, request)
            except BaseException as error:  # whatever a model raises, KeyboardInterrupt too, is an answer
                reply = {"error": describe(error)}
            sys.stdout.flush()
            sys.stderr.flush()
            self.channel.send(reply)
            if request["verb"] == "bye":
                return


def describe(error: BaseException) -> dict[str, str]:
    """An exception as a reply: its kind is the status that the trial ends with."""
    names = {kind.__name__ for kind in type(error).__mro__}
    text = plain(error) or type(error).__name__
    memory = ("out of memory", "bad_alloc", "can't allocate memory", "failed to allocate memory")
    if isinstance(error, Unavailable):
        kind = "skipped"
    elif isinstance(error, Refused):
        kind = "refused"
    elif isinstance(error, MemoryError) or "OutOfMemoryError" in names or any(m in text.lower() for m in memory):
        kind = "oom"
    else:
        kind = "failed"
    trace = "" if isinstance(error, UserError | Unavailable) else plain("".join(traceback.format_exception(error)))
    return {"kind": kind, "type": type(error).__name__, "message": text, "traceback": trace}


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
