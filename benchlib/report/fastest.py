"""Which way is fastest, for each model and its conditions: the run-off's own conclusions, as rows and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchlib.execution.contest import Lookup, contests, stored, way_label
from benchlib.measure.runoff import Fastest, PairedResult, Tie
from benchlib.record import Record
from benchlib.report import prose
from benchlib.report.columns import Column, link, page_of
from benchlib.report.markup import joined
from benchlib.report.tables import table
from benchlib.report.units import number, ratio, scale_for, with_interval

FASTEST, TIE, OPEN = "fastest", "tie", "open"


@dataclass(frozen=True)
class Answer:
    """One model under one set of conditions: how many ways were planned, which kind of answer, and its words.

    `pairs` are the direct pairs that it rests on: what each compared, and its notebook. `keys` are those of its trials,
    `fastest` is that of the trial whose way won, "" where none did; `tied` are those of ways that cannot be told apart,
    the best first.
    """

    title: str
    ways: int
    kind: str
    text: str
    pairs: list[tuple[str, str]] = field(default_factory=list)
    keys: tuple[str, ...] = ()
    fastest: str = ""
    figures: str = ""  # of the fastest, of those that are tied, or of the only way: by how much, and how right
    tied: tuple[str, ...] = ()


def answers(records: Iterable[Record], direct: Iterable[tuple[Path, Record]]) -> list[Answer]:
    """An answer for each model and its conditions, in the order of the plan.

    Args:
        records: those of all planned trials (see `benchlib.execution.contest.contests`).
        direct: those of the direct pairs, with the path of their notebook from the study's folder.
    """
    direct = list(direct)
    notebooks = {record.key: path for path, record in direct}
    look_up = stored(record for _, record in direct)
    made = []
    for contest in contests(records):
        pairs = _NotedPairs(look_up, notebooks)
        outcome = contest.settle(pairs.look_up_and_note)
        kind = FASTEST if isinstance(outcome, Fastest) else TIE if isinstance(outcome, Tie) else OPEN
        keys = tuple(record.key for record in contest.records)
        won = contest.ok[outcome.way] if isinstance(outcome, Fastest) else None
        tied = [contest.ok[way] for way in outcome.ways] if isinstance(outcome, Tie) else []
        text, figures = contest.in_words(outcome), figures_of(won) if won else figures_of_tie(tied)
        if len(keys) == 1 and contest.ok:
            figures = f"{way_label(alone := contest.records[0])} takes {_latency(alone)}; {figures_of(alone)}"
        fastest, tied_keys = won.key if won else "", tuple(record.key for record in tied)
        made.append(Answer(contest.title, len(keys), kind, text, pairs.used, keys, fastest, figures, tied_keys))
    return made


def figures_of(record: Record) -> str:
    """`2.21 × as fast as eager (2.16–2.26); its largest error uses 0.8 % of what is allowed`."""
    metrics, told = record.metrics, []
    if record.is_control:
        told.append("it is the reference")
    elif metrics.get("speedup"):
        value, interval = ratio(*(metrics.get(name) for name in ("speedup", "speedup_low", "speedup_high")))
        told.append(f"{value} × as fast as {metrics['reference_way']}{f' ({interval})' if interval else ''}")
    share = _share(record)
    if share is not None:
        told.append(
            f"its largest error uses {number(100 * share, 2)} % of what is allowed" if share else "it has no error"
        )
    return "; ".join(told)


def _latency(record: Record) -> str:
    latency = [record.metrics.get(f"time_latency{end}") for end in ("", "_low", "_high")]
    scale = scale_for(latency, "s")
    value, interval = with_interval(*(None if each is None else scale.of(each) for each in latency))
    return f"{value} {scale.unit}{f' ({interval})' if interval else ''}"


def figures_of_tie(records: Sequence[Record]) -> str:
    """`1.84, 1.83 and 1.79 × as fast as eager; their largest error uses 0.8 % of what is allowed`; "" of none."""
    told = []
    held = [record for record in records if not record.is_control and record.metrics.get("speedup")]
    if held:
        speedups = [ratio(*(r.metrics.get(n) for n in ("speedup", "speedup_low", "speedup_high")))[0] for r in held]
        told.append(f"{prose.listed(speedups)} × as fast as {held[0].metrics['reference_way']}")
    shares = [share for record in records if (share := _share(record)) is not None]
    if shares:
        most = max(shares)
        told.append(
            f"their largest error uses {number(100 * most, 2)} % of what is allowed" if most else "they have no error"
        )
    return "; ".join(told)


def _share(record: Record) -> float | None:
    """What the largest error of a trial uses of what is allowed."""
    return record.metrics.get("slice_share", record.metrics.get("tolerance_share"))


def fastest_table(study_answers: Iterable[Answer]) -> str:
    """A row for each answer, with links to the notebooks of its direct pairs."""
    columns: list[Column[Answer]] = [
        Column("model", lambda a: a.title, lambda a: a.title, hover="and what tells its rows apart"),
        Column("which way is fastest", lambda a: a.text, lambda a: a.text, kind="message"),
        Column("direct pairs", _links, lambda a: len(a.pairs), hover="the notebooks of the run-off"),
    ]
    return table(columns, study_answers, "Which way is fastest for each model")


def findings(study_answers: list[Answer]) -> str:
    """How many models have a fastest way, in a sentence."""
    contested = [a for a in study_answers if a.ways > 1]
    if not contested:
        return "No model of this study has more than one way to choose from."
    counts = {kind: sum(a.kind == kind for a in contested) for kind in (FASTEST, TIE, OPEN)}
    words = {
        FASTEST: "one way won every direct pair it needed",
        TIE: "the best ways cannot be told apart",
        OPEN: "nothing is decided",
    }
    parts = [f"for {n} {words[kind]}" for kind, n in counts.items() if n]
    return f"{len(contested)} model{'s'[: len(contested) > 1]} with several ways: {', '.join(parts)}."


@dataclass
class _NotedPairs:
    """Looks direct results up, and notes what each that there is compared, with its notebook."""

    look_up: Lookup
    notebooks: dict[str, Path]  # by the key of the pair's trial
    used: list[tuple[str, str]] = field(default_factory=list)

    def look_up_and_note(self, way: Record, rival: Record, analysis: int) -> PairedResult | None:
        direct = self.look_up(way, rival, analysis)
        if direct:
            again = ", once more" if analysis > 1 else ""
            notebook = self.notebooks[direct.source].as_posix()
            self.used.append((f"{way_label(way)} against {way_label(rival)}{again}", notebook))
        return direct


def _links(answer: Answer) -> str:
    return joined((link(page_of(path), text) for text, path in answer.pairs), "<br>") or "–"
