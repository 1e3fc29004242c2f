"""How long a sweep goes on waiting for a quiet host, and what it says of it.

Each trial waits by itself, in its kernel (`benchlib.measure.waiting`). On a host that is always busy that would add a
minute to every trial and change nothing: after some trials in a row that waited in vain the sweep waits no longer,
until a replicate found the host quiet.
"""

from __future__ import annotations

from collections.abc import Callable

from benchlib.measure.thresholds import VAIN_TRIALS
from benchlib.measure.waiting import VARIABLE
from benchlib.record import Record
from benchlib.stages.driver import WAITING

NO_LONGER = (
    f"{VAIN_TRIALS} trials in a row waited in vain for a quiet host: this sweep waits no longer, until the host is "
    "quiet before a replicate"
)


class Patience:
    """The patience of one sweep; `say` is told a line when a trial waits, and when the sweep waits no longer."""

    def __init__(self, say: Callable[[str], None] = lambda line: None):
        self.waits = True
        self._say = say
        self._vain = 0  # trials in a row that waited in vain
        self._has_told = False
        self._told_of_trial = False

    def environment(self) -> dict[str, str]:
        """What the kernel of the next trial is told by its environment."""
        self._told_of_trial = False
        return {} if self.waits else {VARIABLE: "0"}

    def hear(self, note: str) -> None:
        """Takes a word of the trial that runs: that it waits is told once for each trial."""
        if note.startswith(WAITING) and not self._told_of_trial:
            self._told_of_trial = True
            self._say(f"  {note}")

    def learn(self, record: Record) -> None:
        """Takes note of how a trial waited."""
        metrics = record.metrics
        if metrics.get("replicates_quiet"):
            self._vain, self.waits = 0, True
        elif metrics.get("waited_for_quiet"):
            self._vain += 1
            self.waits = self._vain < VAIN_TRIALS
        if not self.waits and not self._has_told:
            self._has_told = True
            self._say(NO_LONGER)
