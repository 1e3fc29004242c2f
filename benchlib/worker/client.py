"""The controller's side: start a worker, ask it, stop it, end it, and say how it died."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from benchlib.record import ExportReport
from benchlib.typed_json import from_json, to_json
from benchlib.worker import process
from benchlib.worker.channel import Channel, Closed
from benchlib.worker.messages import Leave, Problem, Request

FRESH = Path(__file__).with_name("__main__.py")
SERVER = Path(__file__).with_name("server.py")
SOCKET_VARIABLE = "BENCHLIB_SERVER"
_ERROR = b'{"error":'  # how a reply begins that is none
_GRACE = 5.0  # seconds that an ended worker's status may take to arrive
R = TypeVar("R")


class WorkerError(Exception):
    """A request that came to nothing. `kind` is a trial status: failed, skipped, oom, crashed, timeout or refused.

    `stage` names the trial's stage where it is another than the step that runs; `report` explains a failing export.
    """

    stage = ""
    report: ExportReport | None = None

    def __init__(self, kind: str, type_: str, message: str, traceback: str = ""):
        super().__init__(message)
        self.kind, self.type, self.message, self.traceback = kind, type_, message, traceback


class Server:
    """A warm server process of this process's own; it ends with us."""

    def __init__(self, packages: tuple[str, ...], threads: int, mark: str = process.UNMARKED):
        self.folder = tempfile.TemporaryDirectory(prefix="benchlib-")
        self.path = os.path.join(self.folder.name, "server")
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), self.path, json.dumps(packages)],
            env=process.environment(mark, threads),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # Collected as soon as it ends: a kernel that shuts down waits for its children, zombies included.
        threading.Thread(target=self.process.wait, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Lease:
    """A connection to a warm server; the workers forked over it end when it closes."""

    def __init__(self, path: str, patience: float = 60.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._statuses: dict[int, int] = {}
        deadline = time.monotonic() + patience
        while True:
            try:
                self.sock.connect(path)
                return
            except (FileNotFoundError, ConnectionRefusedError) as error:
                if time.monotonic() > deadline:
                    raise WorkerError("failed", "ServerError", f"the warm server does not answer at {path}") from error
                time.sleep(0.01)

    def fork(self, channel: socket.socket, log: int, mark: str, environment: dict[str, str], cwd: str) -> int:
        request = json.dumps({"mark": mark, "environment": environment, "cwd": cwd}).encode()
        socket.send_fds(self.sock, [request], [channel.fileno(), log])
        while "pid" not in (answer := self._receive(None)):
            self._ended(answer)
        return answer["pid"]

    def status(self, pid: int) -> int | None:
        """The exit code of a worker that has ended; negative for a signal."""
        deadline = time.monotonic() + _GRACE
        while pid not in self._statuses and (left := deadline - time.monotonic()) > 0:
            try:
                self._ended(self._receive(left))
            except OSError:  # no word in time, or no server any more: a worker does not outlive it
                break
        return self._statuses.get(pid)

    def close(self) -> None:
        self.sock.close()

    def _receive(self, timeout: float | None) -> dict[str, int]:
        self.sock.settimeout(timeout)
        message = self.sock.recv(1 << 16)
        if not message:
            raise ConnectionError("the warm server has ended")
        answer: dict[str, int] = json.loads(message)
        return answer

    def _ended(self, answer: dict[str, int]) -> None:
        self._statuses[answer["ended"]] = answer["status"]


class Reply(Generic[R]):
    """What a worker answered, decoded when it is looked at: between blocks the controller has better to be idle."""

    def __init__(self, kind: type[Request[R]], text: bytes):
        self._kind, self._text = kind, text

    @cached_property
    def value(self) -> R:
        value: R = from_json(self._kind.reply, json.loads(self._text))
        return value


@dataclass
class Worker:
    """A worker as its controller sees it."""

    channel: Channel
    pid: int
    start: str  # forked or fresh
    log: Path
    lease: Lease | None = None
    popen: subprocess.Popen | None = None
    frozen: bool = False
    oom_before: int = field(default_factory=process.oom_kills)

    def ask(self, request: Request[R], timeout: float | None = None) -> R:
        """The worker's reply to a request.

        Args:
            request: what it is asked for.
            timeout: the longest that this may take, in seconds; a worker that does not answer by then is killed.

        Raises:
            WorkerError: when the verb failed, the time is over, or the worker died.
        """
        return self.ask_later(request, timeout).value

    def ask_later(self, request: Request[R], timeout: float | None = None) -> Reply[R]:
        """As `ask`, which waits for the reply too; for whoever has no time to decode it now."""
        self.thaw()
        try:
            self.channel.send({"verb": request.verb, **to_json(request)})
            text = self.channel.receive_text(timeout)
        except TimeoutError:
            self.kill()
            message = f"'{request.verb}' did not end within the {timeout:.3g} s left to it"
            raise WorkerError("timeout", "Timeout", message) from None
        except Closed:
            raise self._post_mortem(request.verb) from None
        if text.startswith(_ERROR):
            problem = from_json(Problem, json.loads(text)["error"])
            raise WorkerError(problem.kind, problem.type, problem.message, problem.traceback)
        return Reply(type(request), text)

    def freeze(self) -> None:
        """Stops the process: its spinning threads and timers must not disturb the one that is measured."""
        if not self.frozen:
            os.kill(self.pid, signal.SIGSTOP)
            self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        """Asks it to go, and sees to it."""
        with contextlib.suppress(WorkerError):
            self.ask(Leave(), timeout=_GRACE)
        self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        if self.popen:
            self.popen.wait()
        elif self.lease:
            self.lease.status(self.pid)  # gone when its server says so
        self.channel.close()

    def log_tail(self, size: int = 4000) -> str:
        """The end of what the worker printed."""
        try:
            return self.log.read_bytes()[-size:].decode(errors="replace")
        except OSError:
            return ""

    def _post_mortem(self, verb: str) -> WorkerError:
        code = None
        if self.popen:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.popen.wait(_GRACE)
        elif self.lease:
            code = self.lease.status(self.pid)
        self.kill()
        if code is None:
            return WorkerError("crashed", "WorkerDied", f"the worker was lost during '{verb}'")
        if code == -signal.SIGKILL and process.oom_kills() > self.oom_before:
            return WorkerError("oom", "OutOfMemory", f"the system ended the worker during '{verb}' for want of memory")
        how = f"signal {process.signal_name(-code)}" if code < 0 else f"exit code {code}"
        return WorkerError("crashed", "WorkerDied", f"the worker died during '{verb}': {how}")


def start_forked(lease: Lease, mark: str, log: Path, environment: dict[str, str], cwd: Path) -> Worker:
    """A worker forked from a warm server: 0.1 s instead of the seconds that importing torch takes."""
    ours, theirs = socket.socketpair()
    with theirs, log.open("ab") as file:
        pid = lease.fork(theirs, file.fileno(), mark, environment, str(cwd))
    return Worker(Channel(ours), pid, "forked", log, lease=lease)


def start_fresh(
    mark: str, log: Path, environment: dict[str, str], cwd: Path, threads: int, python: str = sys.executable
) -> Worker:
    """A worker in a process of its own, with an address space and a hash seed of its own."""
    ours, theirs = socket.socketpair()
    with theirs, log.open("ab") as file:
        popen = subprocess.Popen(
            [python, str(FRESH), str(theirs.fileno())],
            env={**process.environment(mark, threads), **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=cwd,
            pass_fds=[theirs.fileno()],
        )
    return Worker(Channel(ours), popen.pid, "fresh", log, popen=popen)
