"""A plan executed in a process of its own: both ends of the conversation with it.

    carry_out(Order(plan, "outputs/run", rerun="all"), say=print)      # here; the other end: `python -m` this module

The order goes over as data, the trials in it ready: the child expands nothing, and needs no module of its parent's.
What comes back are messages: a `Line` that the sweep says, a trial that has `Finished`, and at last `Ended` or
`Stopped`. A notebook with torch and a model in it neither disturbs the measurement nor is disturbed by it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from benchlib.errors import ChildDied, Interrupted, UserError
from benchlib.execution import signals
from benchlib.plan.expand import Plan, Planned
from benchlib.record import Record
from benchlib.trial import Trial
from benchlib.worker import process
from benchlib.worker.channel import Channel, Closed

COMMAND = (sys.executable, "-m", "benchlib.execution.child")
_TO_FINISH = 20.0  # seconds that an interrupted sweep has to end its trial and to note where it stands
_TO_EXIT = 5.0  # seconds from a child's last word to its end
_TAIL = 4000  # bytes of its output that tell how a child died


@dataclass(frozen=True)
class Order:
    """What a child is to do: execute `plan` into `folder`.

    Attributes:
        rerun: which of the trials that are done already run again: "" (none), "failed" or "all".
        adds: whether the folder's study keeps its other trials.
        only: keys of the trials to which the sweep is restricted; None: all of the plan.
        seconds: after which no further trial is begun; None: no such limit.
        rivals: keys of the only trials between whose ways direct pairs decide; None: all.
    """

    plan: Plan
    folder: str
    rerun: Literal["", "failed", "all"] = ""
    adds: bool = False
    only: list[str] | None = None
    seconds: float | None = None
    rivals: list[str] | None = None

    def to_json(self) -> dict[str, Any]:
        """The order as JSON can hold it, every trial with all of its parameters."""
        trials = [{**vars(p), "trial": p.trial.model_dump(mode="json")} for p in self.plan.trials]
        return {**vars(self), "plan": {**vars(self.plan), "trials": trials}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Order:
        """The order as it was given. Its trials are taken as they are: the parent has judged and resolved them."""
        trials = [Planned(**{**p, "trial": Trial.model_construct(**p["trial"])}) for p in data["plan"]["trials"]]
        return cls(**{**data, "plan": Plan(**{**data["plan"], "trials": trials})})


@dataclass(frozen=True)
class Line:
    """A line for the user, as the sweep goes on."""

    text: str


@dataclass(frozen=True)
class Finished:
    """A trial of the matrix whose notebook stands in the folder now, by its key, and what it ended as."""

    key: str
    status: str


@dataclass(frozen=True)
class Stopped:
    """The sweep came to an end before its time: what the user has to mend, or how far it came until a signal."""

    kind: Literal["user", "interrupted"]
    complaints: list[str]


@dataclass(frozen=True)
class Ended:
    """The sweep is done. `statuses` has, by key and in the order of the plan, what every trial stands as."""

    statuses: dict[str, str]


Message = Line | Finished | Stopped | Ended
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (Line, Finished, Stopped, Ended)}


def to_json(message: Message) -> dict[str, Any]:
    """A message as it goes over: its fields, and which kind it is."""
    return {"message": type(message).__name__, **dataclasses.asdict(message)}


def from_json(data: dict[str, Any]) -> Message:
    """The message that `to_json` made into `data`."""
    fields = dict(data)
    return _KINDS[fields.pop("message")](**fields)


# -- the parent's end ----------------------------------------------------------------------------------------------


def carry_out(order: Order, say: Callable[[str], None]) -> Ended:
    """Executes an order in a process of its own, and returns what it came to.

    Args:
        order: what to do.
        say: called with every line of progress as it comes.

    Raises:
        UserError: what the user can mend, with every complaint of the child's.
        Interrupted: somebody sent the child SIGINT or SIGTERM; what was finished is kept.
        KeyboardInterrupt: after Ctrl-C here, when the child has ended too, as it does on the command line.
        ChildDied: the child ended in any other way.
    """
    with tempfile.TemporaryFile() as output:
        child = _Child(output)
        try:
            last = child.follow(order, say)
        except BaseException:  # Ctrl-C, or nobody reads what we say any more
            child.interrupt(say)
            raise
        finally:
            child.end()
        match last:
            case Ended():
                if text := _tail(output):  # of the system's and of libraries written in C
                    say(text)
                return last
            case Stopped("user", complaints):
                raise UserError(*complaints)
            case Stopped(_, complaints):
                raise Interrupted("\n".join(complaints))
        raise ChildDied(child.process.returncode, child.cause_of_death(), _tail(output))


class _Child:
    """A child process as its parent sees it; what it prints itself goes to the file `output`."""

    def __init__(self, output: IO[bytes]):
        self.finished, self._oom_kills = 0, process.oom_kills()
        ours, theirs = socket.socketpair()
        with theirs:
            # In a process group of its own: Ctrl-C reaches it through its parent alone, and once.
            self.process = subprocess.Popen(
                [*COMMAND, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        self._channel, self._messages = Channel(ours), queue.SimpleQueue[Message | None]()
        # Read in a thread, so that Ctrl-C never leaves half a message behind.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def follow(self, order: Order, say: Callable[[str], None]) -> Message | None:
        """Hands the order over and passes its lines on. Returns the child's last word; None where it has none."""
        with contextlib.suppress(Closed):  # it died at once: no message will come
            self._channel.send(order.to_json())
        while (message := self._messages.get()) is not None:
            match message:
                case Line(text):
                    say(text)
                case Finished():
                    self.finished += 1
                case _:
                    return message
        return None

    def interrupt(self, say: Callable[[str], None]) -> None:
        """Sends it Ctrl-C, passes on what it still says, and waits for its end as long as that may take."""
        self.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _TO_FINISH
        with contextlib.suppress(queue.Empty):
            while message := self._messages.get(timeout=max(0.0, deadline - time.monotonic())):
                with contextlib.suppress(OSError):  # nobody reads it any more
                    match message:
                        case Line(text):
                            say(text)
                        case Stopped(_, complaints):
                            say("\n".join(complaints))

    def end(self) -> None:
        """Lets it exit, and sees to it."""
        try:
            self.process.wait(_TO_EXIT)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            self._channel.close()

    def cause_of_death(self) -> str:
        """Of a child that has ended without a last word: `signal SIGKILL; trials finished before: 1`."""
        code = self.process.returncode
        cause = f"signal {process.signal_name(-code)}" if code < 0 else f"exit code {code}"
        if code == -signal.SIGKILL and process.oom_kills() > self._oom_kills:
            cause += " (the system ended it for want of memory)"
        return f"{cause}; trials finished before: {self.finished}"

    def _read(self) -> None:
        try:
            while True:
                self._messages.put(from_json(self._channel.receive()))
        except Closed:
            pass
        finally:  # whatever ended it, nothing more will come
            self._messages.put(None)


def _tail(output: IO[bytes]) -> str:
    """The end of what was written to a file."""
    output.seek(max(0, output.seek(0, io.SEEK_END) - _TAIL))
    return output.read().decode(errors="replace").strip()


# -- the child's end -----------------------------------------------------------------------------------------------


class _Lines(io.TextIOBase):
    """What is printed, as lines that are passed on one by one."""

    def __init__(self, pass_on: Callable[[str], None]):
        self._pass_on, self._begun = pass_on, ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._pass_on(line)
        return len(text)


def main() -> None:
    """Takes an order from the socket whose number is the only argument, and carries it out."""
    process.die_with_parent()
    signals.install()  # as the sweep will: an interrupt counts from here on, also where a shell started us without
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)  # so that it closes when this process ends, whoever outlives it
    channel = Channel(sock)

    def tell(message: Message) -> None:
        channel.send(to_json(message))

    lines = _Lines(lambda line: tell(Line(line)))
    with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines):
        try:
            last: Ended | Stopped = _sweep(Order.from_json(channel.receive()), tell)
        except UserError as error:
            last = Stopped("user", list(error.complaints))
        except (Interrupted, KeyboardInterrupt) as error:
            last = Stopped("interrupted", [str(error) or "interrupted before the first trial"])
    tell(last)


def _sweep(order: Order, tell: Callable[[Message], None]) -> Ended:
    from benchlib.execution.driver import Options, sweep  # the kernels' side, which no parent needs

    def tell_of(record: Record) -> None:
        tell(Finished(record.key, record.status))

    only, rivals = (None if keys is None else frozenset(keys) for keys in (order.only, order.rivals))
    seconds = math.inf if order.seconds is None else order.seconds
    options = Options(rerun=order.rerun, adds=order.adds, only=only, each=tell_of, seconds=seconds, rivals=rivals)
    outcome = sweep(order.plan, Path(order.folder), options)
    return Ended({record.key: record.status for record in outcome.records})


if __name__ == "__main__":
    main()
