"""The ways of one model under one set of conditions, from their records to the run-off and to its words.

The sweep and the report ask the same questions of the same records here, so that they never disagree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchlib.execution.reference_course import BESIDE, conditions_of, with_moved_references
from benchlib.measure.levels import LEVELS
from benchlib.measure.reproducibility import within_trial
from benchlib.measure.runoff import (
    Conclusion,
    Contestant,
    Fastest,
    Pair,
    PairedResult,
    Tie,
    inverse,
    processes_of,
    settle,
    shortlist,
)
from benchlib.measure.statistics import Interval
from benchlib.measure.verdicts import DISTURBED
from benchlib.plan.in_words import CONDITION_WORDS, minutes
from benchlib.record import STATUSES, Record
from benchlib.trial import Trial, default_of
from benchlib.trial_key import BORN_WITH, asked_of
from benchlib.way import WAY, canonical, computes

_NEVER = 24 * 3600.0  # seconds of measuring more that nobody spends
Lookup = Callable[[Record, Record, int], PairedResult | None]  # the records of way and rival; which analysis


@dataclass
class Contest:
    """All planned trials that differ in nothing but the way, and compute in the same. What has not run yet has a record
    with the status NOT_RUN."""

    name: str  # of the model
    conditions: dict[str, Any]
    records: list[Record]
    title: str = ""  # the name, with what tells contests of one name apart

    @property
    def level(self) -> str:
        return self.conditions["level"]

    @property
    def ok(self) -> dict[str, Record]:
        """The records that have a figure which can be believed, by the label of their way; a short key tells equal
        labels apart."""
        comparable = [r for r in self._timed if not why_no_candidate(r)]
        labels = [way_label(r) for r in comparable]
        return {
            label if labels.count(label) == 1 else f"{label} ({r.key[:8]})": r
            for label, r in zip(labels, comparable, strict=True)
        }

    @property
    def _timed(self) -> list[Record]:
        timed = [r for r in self.records if r.status == "ok" and r.metrics.get("time_latency")]
        return [r for r in timed if not r.metrics.get("not_comparable")]

    @property
    def left_out(self) -> str:
        """Which ways are no candidates although they have a figure, in words: a clause for the end of a conclusion."""
        found = [f"{way_label(r)} ({why})" for r in self._timed if (why := why_no_candidate(r))]
        return f"; left out: {_and(found)}" if found else ""

    @property
    def waiting(self) -> int:
        """How many ways have not run yet."""
        return sum(r.status not in STATUSES for r in self.records)

    def settle(self, lookup: Lookup) -> Conclusion | Pair | str:
        """What the run-off comes to with the direct results that `lookup` gives, the pair that it lacks, or in words
        why there is none."""
        if reason := self.without():
            return reason
        ok = self.ok

        def direct(pair: Pair) -> PairedResult | None:
            way, rival = ok[pair.way], ok[pair.rival]
            return (_in_matrix(way, rival) if pair.analysis == 1 else None) or lookup(way, rival, pair.analysis)

        return settle(self.contestants(), direct, LEVELS[self.level].margin, self.floor)

    def in_words(self, found: Conclusion | Pair | str) -> str:
        """What it came to as one clause, with the ways that could not be counted."""
        return found if isinstance(found, str) else f"{in_words(found)}{self.left_out}"

    @property
    def floor(self) -> float:
        """The difference below which no verdict of the level claims anything on the host, as the records say (those of
        an earlier version call it smallest_effect); 0 where none does."""
        known = (r.metrics.get("verdict_floor", r.metrics.get("smallest_effect")) for r in self.ok.values())
        return max((floor or 0.0 for floor in known), default=0.0)

    def contestants(self) -> list[Contestant]:
        """The ways that have a figure. With speedups over the common reference, whose own one is 1, and calls per
        second; without a reference, with these alone."""
        ok = self.ok
        calls = {label: inverse(_interval(r, "time_latency")) for label, r in ok.items()}
        if not all(r.metrics.get("speedup") for r in ok.values()):
            return [Contestant(label, speed) for label, speed in calls.items()]
        return [
            Contestant(label, Interval(1.0, 1.0, 1.0) if r.is_control else _within_trial(r), calls[label])
            for label, r in ok.items()
        ]

    def field(self) -> list[Record]:
        """The records of the ways between which direct pairs decide, the best first."""
        labels, _ = shortlist(self.contestants(), LEVELS[self.level].margin, self.floor)
        return [self.ok[label] for label in labels]

    def without(self) -> str:
        """Why there is nothing to decide, in words; empty where there is something."""
        ok = self.ok
        if len(self.records) == 1:
            return "one way only"
        if self.waiting:
            return f"not decided ({self.waiting} of {len(self.records)} ways have not run yet)"
        if len(ok) < 2:
            believed = " that can be believed" if self.left_out else ""
            return (f"only {next(iter(ok))} gives" if ok else "no way gives") + f" a figure{believed}{self.left_out}"
        if self.level == "smoke":
            return "not decided (level smoke decides nothing)"
        return ""


def contests(records: Iterable[Record]) -> list[Contest]:
    """The records of all planned trials that are timed, in groups, in their order. Of a trial that has not run yet the
    parameters are enough."""
    groups: dict[str, Contest] = {}
    for record in with_moved_references(records):
        trial = record.trial
        if trial.get("until", default_of("until")) != default_of("until"):
            continue
        conditions = conditions_of(trial)
        conditions["computes"] = computes(trial.get("opt_patterns", ""), conditions["dtype"])
        name = record.metrics.get("model_name") or trial.get("label") or trial["model"]
        groups.setdefault(canonical(conditions), Contest(name, conditions, [])).records.append(record)
    for contest in groups.values():
        others = [c.conditions for c in groups.values() if c.name == contest.name]
        varying = [n for n, v in contest.conditions.items() if any(c[n] != v for c in others)]
        words = (f"{CONDITION_WORDS.get(n, n)} {contest.conditions[n]}" for n in varying)
        contest.title = ", ".join([contest.name, *words])
    return list(groups.values())


def way_label(record: Record) -> str:
    """How the way of a trial that ran is called."""
    return record.contenders[-1].label


def pair_parameters(way: Record, rival: Record, analysis: int = 1) -> dict[str, Any]:
    """The parameters of the trial that times the way of one record directly against that of another. A later analysis
    has processes of its own number: it is a trial of its own, whatever the first was asked for."""
    values = {n: rival.trial.get(n, BORN_WITH[n]) for n in WAY}
    reference = {n: v for n, v in values.items() if n == "exporter" or v != default_of(n)}
    first = way.trial.get("processes", default_of("processes"))
    pairs = LEVELS[way.trial["level"]].replicates if first == "auto" else first
    more = {"processes": processes_of(analysis, pairs)} if analysis > 1 else {}
    return {**way.trial, **{n: default_of(n) for n in BESIDE}, "reference": reference, **more}


def way_alone(trial: Mapping[str, Any]) -> str:
    """The parameters of a trial without those that say what its way is timed against; a text, equal for equal ones."""
    against = ("reference", "processes", "sequence", *BESIDE, "timeout")
    return canonical({n: v for n, v in asked_of(trial).items() if n not in against})


def ways_of_pair(trial: Trial) -> set[str]:
    """Both ways of a direct pair, each as `way_alone` has that of the trial in which it was timed before."""
    values = trial.model_dump()
    reference = {"exporter": trial.reference} if isinstance(trial.reference, str) else trial.reference
    return {way_alone(values), way_alone({**values, **{n: default_of(n) for n in WAY}, **reference})}


def why_no_candidate(record: Record) -> str:
    """Why the figure of a trial can make its way neither the fastest nor the slower one, in a word or two; "" where it
    can. What was stored under earlier rules counts as it did then."""
    if record.suspect and not record.is_of_earlier_rules:
        return "suspect"
    return DISTURBED if record.metrics.get("disturbed_by") else ""


def direct_of(record: Record) -> PairedResult:
    """What the record of a direct pair says; its source is the trial's key."""
    metrics, key = record.metrics, record.key
    if record.status != "ok":
        stage = f" at stage {record.stage}" if record.stage else ""
        return PairedResult(None, failure=f"{record.status}{stage}", source=key)
    if why := why_no_candidate(record):
        return PairedResult(None, failure=f"was {why}", source=key)
    seconds = metrics["time_measure"] / metrics["processes"]
    return PairedResult(_within_trial(record), metrics["processes"], seconds, source=key, moves=_moves(record))


def stored(records: Iterable[Record]) -> Lookup:
    """Looks direct results up among the records of executed pairs. One that was found under other circumstances than
    the trials of its ways (another version, other code) is none."""
    by_parameters = {canonical(asked_of(record.trial)): record for record in records}

    def lookup(way: Record, rival: Record, analysis: int) -> PairedResult | None:
        for inverted, (one, other) in enumerate(((way, rival), (rival, way))):
            record = by_parameters.get(canonical(asked_of(pair_parameters(one, other, analysis))))
            if record and agrees(record, way, rival):
                return direct_of(record).inverted() if inverted else direct_of(record)
        return None

    return lookup


def agrees(record: Record, *others: Record) -> bool:
    """Whether the fingerprints of records say the same wherever they speak of the same."""
    return all(
        record.fingerprint.get(part, {}).get(name, value) == value
        for other in others
        for part, values in other.fingerprint.items()
        for name, value in values.items()
    )


def in_words(found: Conclusion | Pair | str) -> str:
    """A conclusion as one clause. "Fastest" is said of nothing but a way that won its run-offs."""
    match found:
        case Fastest(way, wins, unpaired):
            if not wins:
                return f"fastest: {way}; every other way is clearly slower"
            over = [f"{ratio_text(result.published)} directly over {rival}" for rival, result in wins.items()]
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
            return "not decided (no run-off was run: `run --runoff` and `sweep` run them)"
    return found


def ratio_text(ratio: Interval) -> str:
    """`1.12 × (1.08–1.16)`, with as many digits as tell the ends apart."""
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.2f} ×"
    digits = max(2, min(4, -math.floor(math.log10(max(ratio.high - ratio.low, 1e-4)))))
    return f"{ratio.value:.{digits}f} × ({ratio.low:.{digits}f}–{ratio.high:.{digits}f})"


def _interval(record: Record, metric: str) -> Interval:
    metrics = record.metrics
    return Interval(metrics[metric], metrics.get(f"{metric}_low"), metrics.get(f"{metric}_high"))


def _within_trial(record: Record) -> Interval:
    """The speedup as the pairs of processes of its trial tell it: how far ways differ is decided with margins
    of the run-off, which cover what moves between trials."""
    return within_trial(_interval(record, "speedup"), _moves(record))


def _moves(record: Record) -> float:
    return record.metrics.get("reproducibility") or 0.0


def _in_matrix(way: Record, rival: Record) -> PairedResult | None:
    """A way against its own reference has been measured directly in its trial already."""
    if rival.is_control:
        return direct_of(way)
    return direct_of(rival).inverted() if way.is_control else None


def _beside(unpaired: tuple[str, ...]) -> str:
    return f"; not paired: {_and(unpaired)}" if unpaired else ""


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
