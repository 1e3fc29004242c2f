"""Does the reference take as long in each trial of a study? It is the same model under the same conditions every time.

Where it does not, the host was another one meanwhile: whatever the trials say of their ways is `disturbed`. The sweep
and the report ask it of the same records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from benchlib.measure import thresholds
from benchlib.measure.verdicts import DISTURBED
from benchlib.record import Record
from benchlib.trial import Trial
from benchlib.trial_key import BORN_WITH, NOT_IN_KEY
from benchlib.way import WAY, canonical

CAUSE = "reference_moved"
BESIDE = ("memory", "energy", "profile")  # runs of their own beside the timing


@dataclass(frozen=True)
class MovedReference:
    """A reference of which the trials of a study do not agree. Latencies in seconds."""

    model: str
    way: str  # what the reference is
    low: float
    high: float
    trials: int

    @property
    def ratio(self) -> float:
        return self.high / self.low


def conditions_of(trial: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a trial but those that say which way it runs or how it is called, or that touch no timing."""
    left_out = (*WAY, *NOT_IN_KEY, "sequence", *BESIDE, "timeout")
    return {n: trial.get(n, BORN_WITH.get(n)) for n in Trial.model_fields if n not in left_out}


def moved_references(records: Iterable[Record]) -> list[tuple[MovedReference, list[Record]]]:
    """Each reference that moved, with the records of its trials, in their order. Records of the time before this was
    looked at keep what was said of them then."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.metrics.get("time_latency_reference") and not record.is_of_earlier_rules:
            groups.setdefault(canonical(conditions_of(record.trial)), []).append(record)
    found = []
    for group in groups.values():
        # A trial that is disturbed by itself says nothing of the others' host.
        times = [float(r.metrics["time_latency_reference"]) for r in group if not r.metrics.get("disturbed_by")]
        if times and max(times) > thresholds.REFERENCE_MOVED * min(times):
            model = str(group[0].metrics.get("model_name") or group[0].trial.get("model", ""))
            way = str(group[0].metrics.get("reference_way", ""))
            found.append((MovedReference(model, way, min(times), max(times), len(group)), group))
    return found


def with_moved_references(records: Iterable[Record]) -> list[Record]:
    """The records, those of trials whose reference moved as disturbed ones: copies, with a verdict that decides nothing
    where they had one."""
    records = list(records)
    moved = {id(record) for _, group in moved_references(records) for record in group}
    return [_disturbed(record) if id(record) in moved else record for record in records]


def _disturbed(record: Record) -> Record:
    causes = [name for name in (record.metrics.get("disturbed_by") or "").split(", ") if name and name != CAUSE]
    metrics = record.metrics | {"disturbed_by": ", ".join([*causes, CAUSE])}
    if metrics.get("verdict"):
        metrics["verdict"] = DISTURBED
    return replace(record, metrics=metrics)
