"""Processes that do nothing but burn processor time, beside what is measured."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import TracebackType

_DIES_WITH_US = "import ctypes; ctypes.CDLL(None).prctl(1, 9)\n"  # stopped or not
# kind -> what such a loop does, for ever
KINDS = {
    "busy": "while True: pass",
    # More than any last-level cache holds is moved from one half of an array to the other.
    "memory": "import numpy as np\na, b = np.ones((2, 1 << 26), np.uint8)\nwhile True: np.copyto(b, a)",
    # As the threads of a pool that wait actively: always runnable, and the processor is given away at once.
    "spinning": "import os\nwhile True: os.sched_yield()",
}


class BusyLoops:
    """So many loops of a kind at our own priority, stopped at first; all end with the context."""

    def __init__(self, count: int, kind: str = "busy"):
        self.count, self.kind = count, kind

    def __enter__(self) -> BusyLoops:
        code = _DIES_WITH_US + KINDS[self.kind]
        self.processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(self.count)]
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
