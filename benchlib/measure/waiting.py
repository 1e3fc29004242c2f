"""Waiting for a quiet host before a replicate: never on a quiet one, and never while others wait for this trial.

How busy others are is read from the seconds before, in which workers were started or rounds were run anyway. While a
trial waits it gives the host's lock away, and has no session open but those of its first replicate; the time that
another trial then keeps the host does not count as waiting.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from benchlib.measure.host_load import HostLoad, HostWatch
from benchlib.measure.thresholds import BUSY, LOOK

VARIABLE = "BENCHLIB_WAIT_FOR_QUIET"  # "0": nobody waits, whatever the trial says
_BLOCKED = 0.15  # seconds of taking the host back, above which another trial had it: the lock is tried every 0.2 s


def may_wait(seconds: float) -> float:
    """Seconds that a trial may wait that was asked to wait so long: none where the environment forbids it."""
    return 0.0 if os.environ.get(VARIABLE) == "0" else seconds


@dataclass(frozen=True)
class Waited:
    """What waiting before a replicate came to."""

    seconds: float = 0.0  # waited for quiet
    away: float = 0.0  # in all, with the time in which another trial had the host
    quiet: bool | None = None  # whether others left the host alone in the end; None: nobody can tell


@dataclass
class Waiting:
    """The waiting of one trial.

    Attributes:
        limit: seconds, in all.
        watch: tells how busy others are.
        give_away: gives away what other trials wait for, for as long as its context lasts.
        say: is told in words that the trial waits, and then "" when it does so no longer.
        others: what besides keeps a device busy, in words; "" where nothing does.
    """

    limit: float
    watch: HostWatch
    give_away: Callable[[], AbstractContextManager[None]] = nullcontext
    say: Callable[[str], None] = lambda words: None
    others: Callable[[], str] = lambda: ""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    spent: float = field(default=0.0, init=False)

    def before_replicate(self, left: int) -> Waited:
        """Waits until others leave the host alone, at most an even share of what is left to this trial.

        Args:
            left: replicates that are to come, this one included.
        """
        begin, waited = self.clock(), 0.0
        if self.watch.was_lent and self.limit:
            self.sleep(LOOK)
        load = self.watch.recent()
        words = self._why_busy(load)
        budget = (self.limit - self.spent) / left
        if not words or budget <= 0:
            return Waited(0.0, self.clock() - begin, (_is_known(load) or None) if not words else False)
        self.say(words)
        while words and waited < budget:
            nap = min(LOOK, budget - waited)
            words, blocked = self._look(nap)
            waited += nap
            if blocked:
                self.watch.forget()
        self.spent += waited
        self.say("")
        return Waited(waited, self.clock() - begin, not words)

    def _look(self, nap: float) -> tuple[str, bool]:
        """What keeps the host busy during a nap, in words, and whether another trial had the host: then nothing of
        it says anything of the host as it is now."""
        before = self.watch.note()
        with self.give_away():
            self.sleep(nap)
            awake = self.clock()
        if self.clock() - awake > _BLOCKED:
            return "another trial had the host", True
        return self._why_busy(self.watch.since(before)), False

    def _why_busy(self, load: HostLoad | None) -> str:
        if device := self.others():
            return device
        if load is None or load.busy is None or load.busy <= BUSY:
            return ""
        return f"others keep {load.busy * load.cores:.1f} of {load.cores} cores busy"


def _is_known(load: HostLoad | None) -> bool:
    return load is not None and load.busy is not None
