"""What came of a race: which way to use, and why not the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchlib.choosing.choice import Choice, label_of
from benchlib.choosing.question import Question
from benchlib.choosing.where import Bound
from benchlib.execution.contest import why_no_candidate
from benchlib.measure import thresholds
from benchlib.plan.expand import Plan, Planned
from benchlib.record import Record
from benchlib.report import prose
from benchlib.report.belief import belief_in
from benchlib.report.collate import Results, StoredPlan, collate
from benchlib.report.fastest import FASTEST, TIE, Answer, answers
from benchlib.report.units import with_interval


@dataclass(frozen=True)
class Swept:
    """A study of a race: its folder, its plan, and the keys of the trials whose records are of now."""

    folder: Path
    plan: Plan
    keys: Collection[str]


def has_figure(record: Record) -> bool:
    """Whether a trial says how fast its way is, if only roughly, and that it is right."""
    return record.status == "ok" and bool(record.metrics.get("time_latency")) and not record.suspect


def was_quiet(record: Record) -> bool:
    """Whether others left the trial its time: where they did not, its ratio may be off several times over."""
    lost = (record.metrics.get(name) or 0.0 for name in ("time_lost", "time_lost_reference"))
    return max(lost) <= thresholds.LOST


def may_be_chosen(record: Record, bounds: Sequence[Bound]) -> bool:
    """Whether the figure of a trial at full length counts, and keeps the bounds."""
    return has_figure(record) and not why_no_candidate(record) and not _broken(record, bounds)


def nothing(question: Question, look: Swept, left_out: Mapping[str, str]) -> Choice:
    """The answer where no way gave a figure at the first look."""
    results = _collated(look)
    others = {_name(question, p): _why_not(question, p, results.records.get(p.key), None) for p in look.plan.trials}
    return Choice(results, None, None, others, left_out, belief_in(results))


def chosen(question: Question, study: Swept, look: Swept, left_out: Mapping[str, str]) -> Choice:
    """Reads what a race left: of the close ways at full length, and of all of them at a first look."""
    results, looked = _collated(study), _collated(look)
    records = [results.records[p.key] for p in study.plan.trials if p.key in results.records]
    able = [record for record in records if may_be_chosen(record, question.bounds)]
    found = _answer(question, able, results)
    use = _to_use(able, found)
    sure = [record for record in looked.records.values() if has_figure(record) and was_quiet(record)]
    best = min(map(question.rank_of, sure), default=None)
    full = {_name(question, p): results.records.get(p.key) for p in study.plan.trials}
    others = {}
    for planned in look.plan.trials:
        name = _name(question, planned)
        record = full.get(name)
        if record is None:
            why = _why_not(question, planned, looked.records.get(planned.key), best)
            others[name] = f"not measured at length within the budget; {why}" if name in full else why
        elif use is None or record.key != use.key:
            others[name] = _why_not_at_length(question, record, use, found.tied if found else ())
    return Choice(results, found, use, others, left_out, belief_in(results))


def _name(question: Question, planned: Planned) -> str:
    return question.name_of(planned.trial.way.label, planned.trial.model_dump())


def _answer(question: Question, able: Sequence[Record], results: Results) -> Answer | None:
    """Which of the ways that may be chosen is the best; of several conditions, which of their best."""
    found = answers(able, results.direct)
    if not question.varied:
        return next(iter(found), None)
    by_key = {record.key: record for record in able}
    winners = [by_key[key] for answer in found if (key := _winner(answer))]
    if not winners:
        return None
    best, *others = sorted(winners, key=question.rank_of)
    near = [record for record in others if _rate(record)[2] >= _rate(best)[1]]
    names = [question.name_of(label_of(record), record.trial) for record in (best, *near)]
    text = f"most items per second: {names[0]}, {_rate_text(best)}"
    if near:
        text += f"; {prose.listed(names[1:])} cannot be told from it, as different conditions are not paired"
    elif others:
        text += f"; the best of the other conditions gives {_rate_text(others[0])}"
    keys, tied = tuple(by_key), tuple(record.key for record in (best, *near))
    fastest = "" if near else best.key
    return Answer(question.title, len(keys), FASTEST if fastest else TIE, text, keys=keys, fastest=fastest, tied=tied)


def _winner(answer: Answer) -> str:
    return answer.fastest or next(iter(answer.tied), "") or (answer.keys[0] if len(answer.keys) == 1 else "")


def _rate(record: Record) -> tuple[float, float, float]:
    """Items per second, with the interval that the latency has."""
    metrics = record.metrics
    rate, latency = metrics["throughput"], metrics["time_latency"]
    low, high = metrics.get("time_latency_low") or latency, metrics.get("time_latency_high") or latency
    return rate, rate * latency / high, rate * latency / low


def _rate_text(record: Record) -> str:
    value, interval = with_interval(*_rate(record))
    return f"{value} items/s ({interval})"


def _collated(study: Swept) -> Results:
    plan = replace(study.plan, runoff=True)  # its direct pairs, too
    return collate(study.folder, StoredPlan.of(plan.resolved(), study.folder.name), study.keys)


def _to_use(able: Sequence[Record], found: Answer | None) -> Record | None:
    if found is None:
        return None
    return next((record for record in able if record.key == _winner(found)), None)


def _why_not(question: Question, planned: Planned, record: Record | None, best: float | None) -> str:
    """Of a way that came no farther than the first look; `best` is the rank of the best there."""
    if record is None:
        return planned.reason or "not reached within the budget"
    if not has_figure(record):
        return _ended(record)
    if not was_quiet(record):
        return "the host was busy at its first look, so nobody knows how fast it runs"
    times = question.rank_of(record) / best if best else 1.0
    return f"about {times:.2g} times as long as the best, at a first look"


def _why_not_at_length(question: Question, record: Record, use: Record | None, tied: Sequence[str]) -> str:
    if not has_figure(record):
        return _ended(record)
    if broken := _broken(record, question.bounds):
        return broken
    if why := why_no_candidate(record):
        return f"{why}: its figure decides nothing"
    if record.key in tied:
        return "cannot be told from it" if use else "cannot be told from the others"
    return f"slower: {question.rank_of(record) / question.rank_of(use):.3g} times as long" if use else "not decided"


def _ended(record: Record) -> str:
    """How a trial without a figure that counts ended, in a line."""
    said = " ".join(record.reason.split())[:160] or ", ".join(record.suspect)
    word = {"inaccurate": "wrong", "ok": "suspect"}.get(record.status, record.status)
    stage = f" at {record.stage}" if record.stage and record.status not in ("inaccurate", "unverified") else ""
    return f"{word}{stage}: {said}" if said else f"{word}{stage}"


def _broken(record: Record, bounds: Sequence[Bound]) -> str:
    return next(filter(None, (bound.broken_by(record.metrics) for bound in bounds)), "")
