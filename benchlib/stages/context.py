"""What a trial has before anything of it runs: the ground that every step stands on."""

from __future__ import annotations

import datetime
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchlib import machine
from benchlib.measure.contender import Launcher
from benchlib.measure.levels import Level, level_of
from benchlib.remembered import forget
from benchlib.stages.driver import MEASURING_LIMIT, WAITING, tell
from benchlib.stages.warm import WarmServer
from benchlib.trial import Trial
from benchlib.way import Way
from benchlib.worker import process


@dataclass(frozen=True)
class Context:
    """A trial, what its parameters resolve to here, and the means of running it."""

    trial: Trial
    key: str
    ways: tuple[Way, ...]  # of the contenders: the reference first where there is one, the trial's own last
    level: Level
    threads: int  # of every contender
    scratch: Path  # a folder that goes with the trial
    warm: WarmServer
    launcher: Launcher
    began: datetime.datetime  # UTC
    clock: float  # time.perf_counter() at that moment

    def say_measuring(self, note: str) -> None:
        """Tells the driver how far measuring has come."""
        tell("measure", MEASURING_LIMIT, note)

    def say_waiting(self, words: str) -> None:
        """Tells the driver, and who reads the notebook, that the trial waits for a quiet host, and why; "": it goes on.
        Waiting has no deadline."""
        if words:
            print(f"{WAITING}: {words}")
            tell("measure", None, f"{WAITING}: {words}")
        else:
            self.say_measuring("")


def start_context(trial: Trial) -> Context:
    """The context of a run of a trial that begins now; nothing is started yet."""
    forget()
    key = trial.key()
    scratch = Path(tempfile.mkdtemp(prefix=f"benchlib-{key}-"))
    threads = trial.num_cores or machine.allowed_cores()
    warm = WarmServer(trial, threads)
    return Context(
        trial=trial,
        key=key,
        ways=(*filter(None, [trial.reference_way]), trial.way),
        level=level_of(trial),
        threads=threads,
        scratch=scratch,
        warm=warm,
        launcher=Launcher(process.own_mark(key), threads, scratch, warm.lease, trial.timeout),
        began=datetime.datetime.now(datetime.UTC),
        clock=time.perf_counter(),
    )
