"""Processes that do nothing but burn processor time, beside what is measured."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import TracebackType

_BURN = "import ctypes; ctypes.CDLL(None).prctl(1, 9)\nwhile True: pass"  # it dies with us, stopped or not


class BusyLoops:
    """So many loops at our own priority, stopped at first; all end with the context."""

    def __init__(self, count: int):
        self.count = count

    def __enter__(self) -> BusyLoops:
        self.processes = [subprocess.Popen([sys.executable, "-c", _BURN]) for _ in range(self.count)]
        self.stop()
        return self

    def __exit__(self, type_: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def go(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def _signal(self, number: int) -> None:
        for process in self.processes:
            process.send_signal(number)
