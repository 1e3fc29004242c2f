"""What came of a race: which way to use, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchlib.choosing.choice import Choice
from benchlib.choosing.where import Bound
from benchlib.execution.contest import why_no_candidate
from benchlib.plan.expand import Plan, Planned
from benchlib.record import Record
from benchlib.report.belief import belief_in
from benchlib.report.collate import Results, StoredPlan, collate
from benchlib.report.fastest import Answer, answers


@dataclass(frozen=True)
class Raced:
    """The two studies that a race leaves: of the close ways at full length, and of all of them at a first look."""

    folder: Path
    plan: Plan
    look_folder: Path
    look: Plan


def has_figure(record: Record) -> bool:
    """Whether a trial says how fast its way is, if only roughly, and that it is right."""
    return record.status == "ok" and bool(record.metrics.get("time_latency")) and not record.suspect


def may_be_chosen(record: Record, bounds: Sequence[Bound]) -> bool:
    """Whether the figure of a trial at full length counts, and keeps the bounds."""
    return has_figure(record) and not why_no_candidate(record) and not _broken(record, bounds)


def rank_of(record: Record) -> float:
    """The latency over that of the trial's own reference, or as it is where there is none: the smaller, the faster."""
    metrics = record.metrics
    if record.is_control:
        return 1.0
    return 1.0 / metrics["speedup"] if metrics.get("speedup") else float(metrics["time_latency"])


def nothing(folder: Path, look: Plan, left_out: Mapping[str, str]) -> Choice:
    """The answer where no way gave a figure at the first look."""
    results = _collated(folder, look)
    others = {p.trial.way.label: _why_not(p, results.records.get(p.key), None) for p in look.trials}
    return Choice(results, None, None, others, left_out, belief_in(results))


def chosen(raced: Raced, bounds: Sequence[Bound], left_out: Mapping[str, str]) -> Choice:
    """Reads what a race left in its folders."""
    results, looked = _collated(raced.folder, raced.plan), _collated(raced.look_folder, raced.look)
    records = [results.records[p.key] for p in raced.plan.trials if p.key in results.records]
    able = [record for record in records if may_be_chosen(record, bounds)]
    found = next(iter(answers(able, results.direct)), None)
    use = _to_use(able, found)
    tied = found.tied if found else ()
    best = min(map(rank_of, filter(has_figure, looked.records.values())), default=None)
    full = {p.trial.way.label: (p, results.records.get(p.key)) for p in raced.plan.trials}
    others = {}
    for planned in raced.look.trials:
        label = planned.trial.way.label
        own, record = full.get(label, (planned, None))
        if record is None:
            why = _why_not(planned, looked.records.get(planned.key), best)
            others[label] = f"not measured at length within the budget; {why}" if label in full else why
        elif use is None or record.key != use.key:
            others[label] = _why_not_at_length(own, record, use, tied, bounds)
    return Choice(results, found, use, others, left_out, belief_in(results))


def _collated(folder: Path, plan: Plan) -> Results:
    return collate(folder, StoredPlan.of(plan.resolved(), folder.name))


def _to_use(able: Sequence[Record], found: Answer | None) -> Record | None:
    if found is None:
        return None
    wanted = found.fastest or next(iter(found.tied), "") or (able[0].key if len(able) == 1 else "")
    return next((record for record in able if record.key == wanted), None)


def _why_not(planned: Planned, record: Record | None, best: float | None) -> str:
    """Of a way that came no farther than the first look; `best` is the rank of the best there."""
    if record is None:
        return planned.reason or "not reached within the budget"
    if not has_figure(record):
        return _ended(record)
    times = f"about {rank_of(record) / best:.2g} times as long as the best" if best else "longer than the best"
    return f"{times}, at a first look"


def _why_not_at_length(
    planned: Planned, record: Record, use: Record | None, tied: Sequence[str], bounds: Sequence[Bound]
) -> str:
    if not has_figure(record):
        return _ended(record)
    if broken := _broken(record, bounds):
        return broken
    if why := why_no_candidate(record):
        return f"{why}: its figure decides nothing"
    if record.key in tied:
        return "cannot be told from it" if use else "cannot be told from the others"
    return f"slower: {rank_of(record) / rank_of(use):.3g} times as long" if use else "not decided"


def _ended(record: Record) -> str:
    """How a trial without a figure that counts ended, in a line."""
    said = " ".join(record.reason.split())[:160] or ", ".join(record.suspect)
    word = {"inaccurate": "wrong", "ok": "suspect"}.get(record.status, record.status)
    stage = f" at {record.stage}" if record.stage and record.status not in ("inaccurate", "unverified") else ""
    return f"{word}{stage}: {said}" if said else f"{word}{stage}"


def _broken(record: Record, bounds: Sequence[Bound]) -> str:
    return next(filter(None, (bound.broken_by(record.metrics) for bound in bounds)), "")
