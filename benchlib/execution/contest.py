"""The ways of one model under one set of conditions, from their records to the run-off and to its words.

The sweep and the report ask the same questions of the same records here, so that they never disagree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchlib.execution.progress import minutes
from benchlib.measure.levels import LEVELS
from benchlib.measure.runoff import (
    Conclusion,
    Contestant,
    Direct,
    Fastest,
    Pair,
    Tie,
    field_of,
    inverse,
    processes_of,
    settle,
)
from benchlib.measure.statistics import Interval
from benchlib.record import STATUSES
from benchlib.trial import NOT_IN_KEY, Trial, default_of
from benchlib.way import WAY, canonical, computes

_BESIDE = ("memory", "energy", "profile")  # runs of their own, which a direct pair does without
_NEVER = 24 * 3600.0  # seconds of measuring more that nobody spends
Lookup = Callable[[dict[str, Any], dict[str, Any], int], Direct | None]  # the records of way and rival; which look


@dataclass
class Contest:
    """All planned trials that differ in nothing but the way, and compute in the same. A record without a known status
    has not run yet."""

    name: str  # of the model
    conditions: dict[str, Any]
    records: list[dict[str, Any]]
    title: str = ""  # the name, with what tells contests of one name apart

    @property
    def level(self) -> str:
        return self.conditions["level"]

    @property
    def ok(self) -> dict[str, dict[str, Any]]:
        """The records that have a figure, by the label of their way; a short key tells equal labels apart."""
        found = [r for r in self.records if r["status"] == "ok" and r["metrics"].get("time_latency")]
        found = [r for r in found if not r["metrics"].get("not_comparable")]
        labels = [way_label(r) for r in found]
        return {
            label if labels.count(label) == 1 else f"{label} ({r['key'][:8]})": r
            for label, r in zip(labels, found, strict=True)
        }

    @property
    def waiting(self) -> int:
        """How many ways have not run yet."""
        return sum(r["status"] not in STATUSES for r in self.records)

    def settle(self, lookup: Lookup) -> Conclusion | Pair | str:
        """What the run-off comes to with the direct results that `lookup` gives, the pair that it lacks, or in words
        why there is none."""
        if reason := self.without():
            return reason
        ok = self.ok

        def direct(pair: Pair) -> Direct | None:
            way, rival = ok[pair.way], ok[pair.rival]
            return (_in_matrix(way, rival) if pair.look == 1 else None) or lookup(way, rival, pair.look)

        return settle(_contestants(ok), direct, LEVELS[self.level].margin, self.floor)

    @property
    def floor(self) -> float:
        """The smallest difference that the host could tell at this level, as the records say; 0 where none does."""
        return max((r["metrics"].get("smallest_effect") or 0.0 for r in self.ok.values()), default=0.0)

    def field(self) -> list[dict[str, Any]]:
        """The records of the ways between which direct pairs decide, the best first."""
        labels, _ = field_of(_contestants(self.ok), LEVELS[self.level].margin, self.floor)
        return [self.ok[label] for label in labels]

    def without(self) -> str:
        """Why there is nothing to decide, in words; empty where there is something."""
        ok = self.ok
        if len(self.records) == 1:
            return "one way only"
        if self.waiting:
            return f"not decided ({self.waiting} of {len(self.records)} ways have not run yet)"
        if len(ok) < 2:
            return f"only {next(iter(ok))} gives a figure" if ok else "no way gives a figure"
        if self.level == "smoke":
            return "not decided (level smoke decides nothing)"
        return ""


def contests(records: Iterable[dict[str, Any]]) -> list[Contest]:
    """The records of all planned trials that are timed in groups, in their order. Of a trial without a record the
    parameters are enough: {"status": "…", "trial": {…}}."""
    found: dict[str, Contest] = {}
    for record in records:
        trial = record["trial"]
        if trial.get("until", default_of("until")) != default_of("until"):
            continue
        beside = {
            n: trial.get(n, default_of(n)) for n in Trial.model_fields if n not in (*WAY, *NOT_IN_KEY, "sequence")
        }
        beside["computes"] = computes(trial.get("opt_patterns", ""), beside["dtype"])
        name = (record.get("metrics") or {}).get("model_name") or trial.get("label") or trial["model"]
        found.setdefault(canonical(beside), Contest(name, beside, [])).records.append(record)
    for contest in found.values():
        others = [c.conditions for c in found.values() if c.name == contest.name]
        varying = [n for n, v in contest.conditions.items() if any(c[n] != v for c in others)]
        contest.title = ", ".join([contest.name, *(f"{n} {contest.conditions[n]}" for n in varying)])
    return list(found.values())


def way_label(record: dict[str, Any]) -> str:
    """How the way of a trial that ran is called."""
    return record["contenders"][-1]["label"]


def pair_parameters(way: dict[str, Any], rival: dict[str, Any], look: int = 1) -> dict[str, Any]:
    """The parameters of the trial that times the way of one record directly against that of another. A later look
    has processes of its own number: it is a trial of its own, whatever the first was asked for."""
    values = {n: rival["trial"].get(n, default_of(n)) for n in WAY}
    reference = {n: v for n, v in values.items() if n == "exporter" or v != default_of(n)}
    first = way["trial"].get("processes", default_of("processes"))
    pairs = LEVELS[way["trial"]["level"]].pairs if first == "auto" else first
    more = {"processes": processes_of(look, pairs)} if look > 1 else {}
    return {**way["trial"], **{n: default_of(n) for n in _BESIDE}, "reference": reference, **more}


def direct_of(record: dict[str, Any]) -> Direct:
    """What the record of a direct pair says; its source is the trial's key."""
    metrics, key = record["metrics"], record["key"]
    if record["status"] != "ok":
        stage = f" at stage {record['stage']}" if record["stage"] else ""
        return Direct(None, failure=f"{record['status']}{stage}", source=key)
    ratio = Interval(*(metrics[n] for n in ("speedup", "speedup_low", "speedup_high")))
    return Direct(ratio, metrics["processes"], metrics["time_measure"] / metrics["processes"], source=key)


def stored(records: Iterable[dict[str, Any]]) -> Lookup:
    """Looks direct results up among the records of executed pairs. One that was found under other circumstances than
    the trials of its ways (another version, other code) is none."""
    by_parameters = {_asked(record["trial"]): record for record in records}

    def lookup(way: dict[str, Any], rival: dict[str, Any], look: int) -> Direct | None:
        for inverted, (one, other) in enumerate(((way, rival), (rival, way))):
            record = by_parameters.get(_asked(pair_parameters(one, other, look)))
            if record and agrees(record["fingerprint"], way["fingerprint"], rival["fingerprint"]):
                return direct_of(record).inverted() if inverted else direct_of(record)
        return None

    return lookup


def agrees(found: dict[str, Any], *others: dict[str, Any]) -> bool:
    """Whether fingerprints say the same wherever they speak of the same."""
    return all(
        found.get(part, {}).get(name, value) == value
        for other in others
        for part, values in other.items()
        for name, value in values.items()
    )


def in_words(found: Conclusion | Pair | str) -> str:
    """A conclusion as one clause. "Fastest" is said of nothing but a way that won its run-offs."""
    match found:
        case Fastest(way, wins, unpaired):
            if not wins:
                return f"fastest: {way}; every other way is clearly slower"
            over = [f"{ratio_text(result.ratio)} directly over {rival}" for rival, result in wins.items()]
            return f"fastest: {way}, {_and(over)}{_beside(unpaired)}"
        case Tie(ways, open_, seconds, unpaired):
            failed = [f"{ways[0]} against {rival} {r.failure}" for rival, r in open_.items() if r.failure]
            if seconds == 0:
                return f"{_and(ways)} are the same for all practical purposes{_beside(unpaired)}"
            text = f"{_and(ways)} cannot be told apart here"
            if failed:
                text += f": {_and(failed)}"
            elif seconds is not None:
                enough = f"about {minutes(seconds)} more" if seconds < _NEVER else "no reasonable"
                text += f"; {enough} measuring would decide"
            return text + _beside(unpaired)
        case Pair():
            return "not decided (no run-off was run)"
    return found


def ratio_text(ratio: Interval) -> str:
    """`1.12 × (1.08–1.16)`, with as many digits as tell the ends apart."""
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.2f} ×"
    digits = max(2, min(4, -math.floor(math.log10(max(ratio.high - ratio.low, 1e-4)))))
    return f"{ratio.value:.{digits}f} × ({ratio.low:.{digits}f}–{ratio.high:.{digits}f})"


def _contestants(ok: dict[str, dict[str, Any]]) -> list[Contestant]:
    """With speedups over the common reference, whose own one is 1; without a reference, with calls per second."""
    if all(r["metrics"].get("speedup") for r in ok.values()):
        return [
            Contestant(label, Interval(1.0, 1.0, 1.0) if _is_reference(r) else _metric(r, "speedup"))
            for label, r in ok.items()
        ]
    return [Contestant(label, inverse(_metric(r, "time_latency"))) for label, r in ok.items()]


def _metric(record: dict[str, Any], name: str) -> Interval:
    return Interval(*(record["metrics"].get(n) for n in (name, f"{name}_low", f"{name}_high")))


def _is_reference(record: dict[str, Any]) -> bool:
    """Whether a trial's way is its own reference: the A/A control."""
    contenders = [(c["label"], c["way"]) for c in record["contenders"]]
    return len(contenders) > 1 and contenders[0] == contenders[-1]


def _in_matrix(way: dict[str, Any], rival: dict[str, Any]) -> Direct | None:
    """A way against its own reference has been measured directly in its trial already."""
    if _is_reference(rival):
        return direct_of(way)
    return direct_of(rival).inverted() if _is_reference(way) else None


def _asked(trial: dict[str, Any]) -> str:
    return canonical({n: v for n, v in trial.items() if n not in NOT_IN_KEY})


def _beside(unpaired: tuple[str, ...]) -> str:
    return f"; not paired: {_and(unpaired)}" if unpaired else ""


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
