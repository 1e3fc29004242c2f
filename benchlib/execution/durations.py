"""How long trials take, from what trials took: those of this study and of the studies beside it.

What a trial loaded and exported stays in the cache, so its own next run is expected without that; a trial that never
ran here is expected to take what trials of its kind took with it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchlib.execution import journal
from benchlib.execution.journal import Event
from benchlib.plan.expand import Planned
from benchlib.record import Record
from benchlib.trial import Trial, default_of

# Seconds of a trial of whose level none ever ran here.
GUESS = {"smoke": 4.0, "quick": 35.0, "precise": 150.0}

# The parameters that say how much is measured.
EFFORT = ("device", "until", "processes", "warmup", "warmup_time", "repeat", "duration", "memory", "energy", "profile")
# What makes trials alike, the likest first.
KINDS = (("effort", "model", "way"), ("effort", "way"), ("effort", "model"), ("effort",))
_RAN = ("ok", "unverified", "inaccurate")  # a trial that failed says nothing about others


@dataclass(frozen=True)
class Kind:
    """What a trial's duration depends on, as its event in the journal says it."""

    effort: str
    model: str
    way: str


class Durations:
    """What past trials took, as their journals' events tell."""

    def __init__(self, events: Iterable[Event] = ()):
        self.last: dict[str, Event] = {}  # key -> its last event
        self.prepared: dict[str, float] = {}  # key -> seconds of loading and exporting when they really happened
        for event in sorted((e for e in events if e["event"] == "trial" and "effort" in e), key=lambda e: e["time"]):
            self.add(event)

    def add(self, event: Event) -> None:
        """Takes note of a trial that ran."""
        key = event["key"]
        self.last[key] = event
        self.prepared[key] = max(event["prepared"], self.prepared.get(key, 0.0))

    def expected(self, planned: Planned) -> float:
        """Seconds that a trial will take: from its own last run, else from the likest trials, else a guess."""
        if planned.key in self.last:
            return self._warm(planned.key)
        wanted = kind(planned.trial)
        for names in KINDS:
            alike = [
                self._warm(key) + self.prepared[key]
                for key, event in self.last.items()
                if event["status"] in _RAN and all(event[name] == getattr(wanted, name) for name in names)
            ]
            if alike:
                return statistics.median(alike)
        return GUESS[planned.trial.level]

    def _warm(self, key: str) -> float:
        event = self.last[key]
        return event["seconds"] - event["prepared"] - event.get("waited", 0.0)  # how long it waits nobody can know


def known(folder: Path) -> Durations:
    """What the journals of a study and of its neighbours know; one that cannot be read knows nothing."""
    events: list[Event] = []
    for file in folder.parent.glob(f"*/{journal.NAME}"):
        with suppress(OSError, UnicodeDecodeError):
            events += journal.events(file.parent)
    return Durations(events)


def kind(trial: Trial) -> Kind:
    """What the duration of a trial depends on."""
    fixed = {name: getattr(trial, name) for name in EFFORT if getattr(trial, name) != default_of(name)}
    reference = trial.reference_way
    return Kind(
        effort=" ".join([trial.level, *(f"{name}={value}" for name, value in fixed.items())]),
        model=trial.model,
        way=f"{trial.way.label} against {reference.label if reference else 'nothing'}",
    )


def prepared(record: Record) -> float:
    """Seconds that a trial spent on loading and exporting, which its next run is spared where they went well; starting
    a process for it, and the warm server before, is the next run's affair too."""
    steps = [step for name in ("load", "export") if (step := record.steps.get(name))]
    return sum(step.seconds - step.starting for step in steps if step.outcome == "ok")
