"""One run of a script in a process of its own, which may fail, hang, crash or leave processes: it ends here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib import artifacts
from benchlib.discovery import journal, seeds
from benchlib.worker import process

_MAIN = Path(__file__).parent / "__main__.py"
_USAGE = re.compile(r"^usage:.*?\n(?:[^\n]*: )?error: ([^\n]*)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_TAIL = 20_000  # characters of the output that are kept


@dataclass
class Run:
    lines: list[journal.Line]
    ended: str
    output: str
    seconds: float


def run(
    script: Path, args: Sequence[str], max_depth: int, timeout: float, wanted: str = "", into: Path = Path()
) -> Run:
    """Runs the script to its end or to the timeout. With `wanted`, a hash, it ends when that model is saved `into`."""
    with tempfile.TemporaryDirectory(prefix="benchlib-discovery-") as name:
        folder = Path(name)
        journal.prepare(folder)
        told = {
            "script": str(script),
            "args": list(args),
            "folder": name,
            "max_depth": max_depth,
            "wanted": wanted,
            "into": str((into or folder).resolve()),
        }
        # Inside a trial its processes carry the trial's mark, and end with it.
        mark = os.environ.get(process.MARK) or uuid.uuid4().hex
        kills, begin = process.oom_kills(), time.monotonic()
        child = subprocess.Popen(
            [sys.executable, str(_MAIN), json.dumps(told)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Without the thread counts of a worker, the same everywhere: what is computed here is part of the model.
            env={
                **process.environment(mark),
                **seeds.ENVIRONMENT,
                "BENCHLIB_CACHE": str(artifacts.root(make=False)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
        )
        output = _Tail(child.stdout)
        stopped = False
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            stopped = True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # those that it started too
            child.wait()
            if mark != os.environ.get(process.MARK):
                process.end_marked(mark)
        seconds = time.monotonic() - begin
        lines = journal.read(folder)
        text = output.text()
    if stopped:
        ended = f"still running after {timeout:g} s: stopped"
    else:
        ended = _usage(script, child.returncode, text) or _ended(lines, child.returncode, process.oom_kills() > kills)
    return Run(lines, ended, text, seconds)


def _usage(script: Path, code: int, output: str) -> str:
    """What a script has against its command line: the error under a usage, as argparse, click and others print it
    before they end with status 2."""
    said = _USAGE.findall(output)
    if code != 2 or not said:
        return ""
    return f"{script.name}: its command line: {' '.join(said[-1].split())} (script_args: '--name value …' gives it)"


def _ended(lines: list[journal.Line], code: int, memory: bool) -> str:
    """One line on what went wrong, "" when nothing did."""
    said = [line.text for line in lines if isinstance(line, journal.Ended)]
    if said and said[-1]:
        return said[-1]
    if code < 0:
        name = process.signal_name(-code)
        meaning = signal.strsignal(-code) or ""
        return "ran out of memory (SIGKILL)" if memory and code == -signal.SIGKILL else f"{meaning} ({name})"
    if said:
        return f"ended with exit status {code}" if code else ""
    if any(isinstance(line, journal.Taken | journal.NotTaken) for line in lines):
        return ""
    return f"left with os._exit({code})"


class _Tail:
    """The end of what comes out of a pipe, read all the while so that the writer never waits."""

    def __init__(self, pipe: Any):
        self._pipe, self._kept = pipe, b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe:
            while data := self._pipe.read1(1 << 16):
                self._kept = (self._kept + data)[-4 * _TAIL :]

    def text(self) -> str:
        self._thread.join(5)  # what holds the pipe open now is none of the script's
        return self._kept.decode(errors="replace")[-_TAIL:]
