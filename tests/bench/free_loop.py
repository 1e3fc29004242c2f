"""A script that times a loop, running free in a process of its own, and what it measured between two signals."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from bisect import bisect_left
from pathlib import Path

import numpy as np

from benchlib.worker import process

SHOWN = Path(__file__).with_name("shown.py")
_START_LIMIT = 300.0  # seconds until the first sample


class LoopEnded(Exception):
    """The script ended before it was told to: it failed, or it was given too few calls."""


class FreeLoop:
    """`script CALLS arguments…` under `shown.py`; runs until it is in its timed loop, and is stopped then."""

    def __init__(self, script: Path, calls: int, arguments: list[str], log: Path, threads: int):
        self.script, self.log = script, log
        descriptor = os.memfd_create("samples")
        try:
            os.ftruncate(descriptor, calls * 8)
            self.samples = np.frombuffer(mmap.mmap(descriptor, calls * 8, prot=mmap.PROT_READ), np.float64)
            with log.open("wb") as output:
                self.process = subprocess.Popen(
                    [sys.executable, str(SHOWN), str(descriptor), str(script), str(calls), *arguments],
                    env=process.environment(process.UNMARKED, threads),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=log.parent,
                    pass_fds=[descriptor],
                )
        finally:
            os.close(descriptor)
        self.done = 0
        try:
            self._until_the_loop()
        except BaseException:
            self.end()
            raise

    def block(self, seconds: float) -> np.ndarray:
        """Lets the process run for so long. Returns the samples of its whole undisturbed calls, in nanoseconds."""
        before = self.done
        self.process.send_signal(signal.SIGCONT)
        time.sleep(seconds)
        self._stop()
        return undisturbed(self.samples, before, self.done)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def _until_the_loop(self) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while not self.samples[0]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LoopEnded(f"{self.script.name} did not come to its loop:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        self._stop()

    def _stop(self) -> None:
        """Returns when all threads of the process have stopped."""
        self.process.send_signal(signal.SIGSTOP)
        over = self.process.returncode is not None  # it had ended before the signal
        if not over:
            over = os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED).si_code != os.CLD_STOPPED
        self.done = filled(self.samples, self.done)
        if over or self.done == len(self.samples):
            raise LoopEnded(f"{self.script.name} ended in the middle:\n{self.log.read_text()[-2000:]}")


def filled(samples: np.ndarray, start: int) -> int:
    """How many samples there are; they are written in order, none is zero, and `start` were there before."""
    return bisect_left(range(len(samples)), True, lo=start, key=lambda i: samples[i] == 0)


def undisturbed(samples: np.ndarray, before: int, after: int) -> np.ndarray:
    """Of a process stopped at `before` samples, continued and stopped at `after`: the samples that count.

    Number `before` was under way when the process was stopped, so it contains the stop; the next one is the first
    after the resume, which finds cold caches. The call that the second stop cut is not among these samples yet.
    """
    return samples[before + 2 : after].copy()
