"""The processes that a script starts: what they call is not seen, and that is told."""

from __future__ import annotations

import multiprocessing.process
import os
import sys
from collections.abc import Callable
from typing import Any

from benchlib.discovery import names

_STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system")  # of Python's audit events
_PASS_ON = ("subprocess", "asyncio", "concurrent", "multiprocessing", "os", "pty")  # they start them for somebody
_FORKS = ("os.fork", "os.forkpty")


def watch(script: str, started: Callable[[], None]) -> None:
    """Calls `started` for each process that can call a model: a fork of this one, one that multiprocessing starts, one
    that runs Python, and whatever the script itself starts. What a package runs while it is imported is none."""
    process, start = os.getpid(), multiprocessing.process.BaseProcess.start

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if event not in _STARTS or os.getpid() != process:
            return
        by = sys._getframe(1).f_globals.get("__name__") or ""
        if by.startswith("multiprocessing.") or (by == "subprocess" and event != "subprocess.Popen"):
            return  # seen below, and as a Popen
        if _is_scripts(script) or event in _FORKS or (event == "subprocess.Popen" and _runs_python(args)):
            started()

    def start_process(self: Any) -> None:
        if os.getpid() == process:
            started()
        start(self)

    sys.addaudithook(audit)
    multiprocessing.process.BaseProcess.start = start_process  # type: ignore[method-assign]


def _is_scripts(script: str) -> bool:
    """Whether the script's own code starts a process, rather than a package for its own ends."""
    frame = sys._getframe(2)
    while frame is not None:
        if names.is_users(frame.f_code.co_filename, script):
            return True
        if (frame.f_globals.get("__name__") or "").partition(".")[0] not in _PASS_ON:
            return False
        frame = frame.f_back
    return False


def _runs_python(popen: tuple[Any, ...]) -> bool:
    executable, words = popen[0], popen[1]
    first = executable or (words.split()[:1] or [""] if isinstance(words, str) else list(words))[0]
    return os.path.basename(os.fsdecode(first)).startswith("python")
