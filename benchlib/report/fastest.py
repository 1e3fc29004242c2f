"""Which way is fastest, for each model and its conditions: the run-off's own conclusions, as rows and as lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.execution.contest import Lookup, contests, in_words, stored, way_label
from benchlib.measure.runoff import Fastest, Tie
from benchlib.report.columns import Column, escape, page_of
from benchlib.report.tables import table

FASTEST, TIE, OPEN = "fastest", "tie", "open"


@dataclass(frozen=True)
class Answer:
    """One model under one set of conditions: how many ways were planned, which kind of answer, and its words.

    `pairs` are the direct pairs that it rests on: what each compared, and its notebook.
    """

    title: str
    ways: int
    kind: str
    text: str
    pairs: list[tuple[str, str]] = field(default_factory=list)


def answers(records: Iterable[dict[str, Any]], direct: dict[Path, dict[str, Any]]) -> list[Answer]:
    """An answer for each model and its conditions, in the order of the plan.

    `records` are those of all planned trials (see `benchlib.execution.contest.contests`), `direct` those of the direct
    pairs, by the path of their notebook from the study's folder.
    """
    notebooks = {record["key"]: path for path, record in direct.items()}
    lookup, found = stored(direct.values()), []
    for contest in contests(records):
        used: list[tuple[str, str]] = []
        outcome = contest.settle(_noting(lookup, notebooks, used))
        kind = FASTEST if isinstance(outcome, Fastest) else TIE if isinstance(outcome, Tie) else OPEN
        found.append(Answer(contest.title, len(contest.records), kind, in_words(outcome), used))
    return found


def fastest_table(found: Iterable[Answer]) -> str:
    """A row for each answer, with links to the notebooks of its direct pairs."""
    columns = [
        Column("model", lambda a: escape(a["title"]), lambda a: a["title"], hover="and what tells its rows apart"),
        Column("which way is fastest", lambda a: escape(a["text"]), lambda a: a["text"], kind="message"),
        Column("direct pairs", _links, lambda a: len(a["pairs"]), hover="the notebooks of the run-off"),
    ]
    return table(columns, [vars(answer) for answer in found], "Which way is fastest for each model")


def findings(found: list[Answer]) -> str:
    """How many models have a fastest way, in a sentence."""
    contested = [a for a in found if a.ways > 1]
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


def _noting(lookup: Lookup, notebooks: dict[str, Path], used: list[tuple[str, str]]) -> Lookup:
    """The same lookup; the notebooks that it takes results from are noted in `used`."""

    def noting(way: dict[str, Any], rival: dict[str, Any], look: int):
        found = lookup(way, rival, look)
        if found:
            again = ", once more" if look > 1 else ""
            used.append((f"{way_label(way)} against {way_label(rival)}{again}", notebooks[found.source].as_posix()))
        return found

    return noting


def _links(answer: dict[str, Any]) -> str:
    return "<br>".join(f'<a href="{escape(page_of(path))}">{escape(text)}</a>' for text, path in answer["pairs"]) or "–"
