"""Waits for the kernel's words outside Papermill, and ends the trial when the next one does not come in time."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchlib.stages.driver import DONE
from benchlib.worker import process

START_LIMIT = 120.0  # seconds until the kernel's first word
BETWEEN_LIMIT = 120.0  # … and between two steps
GRACE = 2.0  # the kernel ends its own workers first


class Watchdog:
    """Listens on a socket (`path`) while a trial runs. `overdue` names the step that did not end in time; `hear` is
    told each step with its note, in a thread of its own."""

    def __init__(self, path: Path, mark: str, hear: Callable[[str, str], None] = lambda step, note: None):
        self.path, self.mark, self.hear = path, mark, hear
        self.step, self.note = "load", ""
        self.overdue: str | None = None
        self.limit: float | None = START_LIMIT
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"null", str(self.path))
        self._thread.join()
        self._sock.close()

    def _watch(self) -> None:
        deadline: float | None = time.monotonic() + START_LIMIT
        while True:
            try:
                self._sock.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
                word = json.loads(self._sock.recv(1 << 16))
            except TimeoutError:
                self.overdue = self.step
                process.end_marked(self.mark)
                deadline = None
                continue
            if word is None:
                return
            if word["note"] == DONE:
                self.limit = BETWEEN_LIMIT
            else:
                self.step, self.note = word["step"], word["note"]
                self.hear(self.step, self.note)
                self.limit = None if word["seconds"] is None else word["seconds"] + GRACE
            deadline = None if self.limit is None else time.monotonic() + self.limit
