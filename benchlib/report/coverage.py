"""Which ways work for which models: pass rates, every cell of models × ways, and the reasons of the others by kind."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from benchlib.record import NOT_RUN, STAGES, STATUSES, ExportReport
from benchlib.report.cases import Case, cases
from benchlib.report.collate import Results
from benchlib.report.columns import Column, clipped, kind_of, link, page_of, quiet, status_badge
from benchlib.report.export_report import root_cause
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row, rows_of
from benchlib.report.tables import table
from benchlib.report.units import known
from benchlib.report.words import STATUS_WORDS
from benchlib.stages.blank import cluster

MANY = 10  # models, beyond which a study is one of coverage
_MARK = """\
{% set inner %}{% if stage %}<span aria-hidden="true">✗</span> {{ stage }}{% else %}{{ word }}{% endif %}{% endset %}\
{% set more %}class="badge {{ kind }}" title="{{ title }}" aria-label="{{ whose }}: {{ word }}"{% endset %}\
{% if page %}<a {{ more }} href="{{ page }}">{{ inner }}</a>{% else %}<span role="img" {{ more }}>{{ inner }}</span>\
{% endif %}"""
STATIC, DYNAMIC = "static", "dynamic"
LEGEND = (
    "A word opens the executed notebook of its trial; behind ✗ stands the stage in which it failed. "
    "Point at it for what was said, click a column head to sort by how trials ended."
)
# The statuses in their order; a failure is told by its stage, from the first to the last, so in the place of one stand
# as many as there are stages.
_STAGED = {"failed": [f"failed: {stage}" for stage in STAGES]}
_ORDER = {word: n for n, word in enumerate(w for status in (*STATUSES, NOT_RUN) for w in _STAGED.get(status, [status]))}


@dataclass
class Rate:
    """How the trials of one way ended. `shapes` are static or dynamic."""

    way: str
    shapes: str
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def planned(self) -> int:
        return self.outcomes.total()

    @property
    def ok(self) -> int:
        return self.outcomes["ok"]

    @property
    def share(self) -> float:
        return self.ok / self.planned


@dataclass(frozen=True)
class Reason:
    """What stands behind trials that ended in one way which is not ok."""

    outcome: str
    text: str
    rows: list[Row]

    @property
    def models(self) -> int:
        return len({row["model_name"] for row in self.rows})


def shown(results: pd.DataFrame) -> bool:
    """Whether the section says what the main table does not: several ways of which some end otherwise than ok, or
    many models."""
    several, all_ok = results["way"].nunique() > 1, (results["status"] == "ok").all()
    return (several and not all_ok) or results["model_name"].nunique() > MANY


def outcome(row: Row) -> str:
    """How a trial ended, with the stage of a failure: `ok`, `timeout`, `failed: export`."""
    staged = row["status"] == "failed" and known(row["stage"])
    return f"failed: {row['stage']}" if staged else str(row["status"])


def shapes_of(row: Row) -> str:
    """`dynamic` of an export with free shapes, else `static`."""
    return DYNAMIC if known(row.get("dynamic")) and row["dynamic"] else STATIC


def plain_way(row: Row) -> str:
    """The way without its word for free shapes."""
    words = str(row["way"]).split()
    return " ".join(w for w in words if w != DYNAMIC) if shapes_of(row) == DYNAMIC else str(row["way"])


def ways(results: pd.DataFrame) -> list[tuple[str, str]]:
    """All ways as (way, shapes), in the order of the plan, those with and without free shapes side by side."""
    found = dict.fromkeys((plain_way(row), shapes_of(row)) for row in rows_of(results))
    first = list(dict.fromkeys(way for way, _ in found))
    return sorted(found, key=lambda pair: (first.index(pair[0]), pair[1] == DYNAMIC))


def findings(results: pd.DataFrame) -> str:
    """The pass rate of the study and of its best and worst way, in words."""
    ok, n = int((results["status"] == "ok").sum()), len(results)
    text = f"{ok} of {n} planned trials are ok ({_percent(ok, n)})."
    rates = _rates(results)
    if len(rates) > 1:
        best, worst = max(rates, key=lambda r: r.share), min(rates, key=lambda r: r.share)
        if best.share > worst.share:
            told = [f"{r.way}, {r.shapes} shapes, with {r.ok} of {r.planned}" for r in (best, worst)]
            text += f" The way that works most often is {told[0]}, the one that works least often {told[1]}."
    return text


def rates_table(results: pd.DataFrame) -> str:
    """A row for each way: its pass rate, ok ÷ planned, and how its trials ended."""
    rates = _rates(results)
    outcomes = sorted({o for rate in rates for o in rate.outcomes} | {"ok"}, key=lambda o: _ORDER.get(o, 99))
    columns: list[Column[Rate]] = [
        Column("way", lambda r: r.way, lambda r: r.way, hover="exporter, passes and runtime", kind="name"),
        Column("shapes", lambda r: r.shapes, lambda r: r.shapes, hover="whether shapes are free in the export"),
        Column("pass rate", _rate_cell, lambda r: r.share, number=True,
               hover="ok ÷ planned: what fails counts, whatever it is"),
        Column("planned", lambda r: str(r.planned), lambda r: r.planned, number=True),
        *(_count_column(o) for o in outcomes),
    ]  # fmt: skip
    return table(columns, rates, "Pass rate of each way")


def matrix(results: pd.DataFrame) -> str:
    """A row for each model, a column for each way, in each cell how the trial ended, with a link to its notebook."""
    study_cases = cases(results)
    columns: list[Column[Case]] = [Column("model", lambda c: clipped(c.model), lambda c: c.model, kind="name")]
    if any(case.conditions for case in study_cases):
        columns.append(Column("conditions", lambda c: c.conditions, lambda c: c.conditions, kind="tight"))
    columns += [_way_column(pair) for pair in ways(results)]
    shown = table(columns, study_cases, "How each model ended in each way")
    return html('<div class="matrix">{{ table }}</div>', table=shown)


def reasons(results: Results) -> list[Reason]:
    """What stands behind the trials that are not ok, the most frequent reason first.

    A failed export counts by its root cause, where that is known: exporters wrap what went wrong in a text of their
    own, which is the same for all.
    """
    not_ok = results.table[results.table["status"] != "ok"]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows_of(not_ok):
        groups.setdefault((outcome(row), _reason(row, results.export_report_of(row))), []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Reason(*key, rows) for key, rows in ordered]


def reasons_table(results: Results) -> str:
    """The reasons as a table, each with its ways and an example; "" where every trial is ok."""
    columns: list[Column[Reason]] = [
        Column("trials", lambda r: str(len(r.rows)), lambda r: len(r.rows), number=True),
        Column("models", lambda r: str(r.models), lambda r: r.models, number=True),
        Column("ended as", lambda r: _badge(r.outcome), lambda r: _ORDER.get(r.outcome, 99), kind="tight"),
        Column("reason", lambda r: r.text, lambda r: r.text, kind="message",
               hover="numbers and names are taken out of a message, so that failures of one kind count together"),
        Column("ways", _ways_cell, lambda r: len({row["way"] for row in r.rows}), kind="prose"),
        Column("an example", _example, lambda r: r.rows[0]["model_name"], kind="example"),
    ]  # fmt: skip
    rows = reasons(results)
    return table(columns, rows, "Reasons of the trials that are not ok") if rows else ""


def _rates(results: pd.DataFrame) -> list[Rate]:
    rates = {pair: Rate(*pair) for pair in ways(results)}
    for row in rows_of(results):
        rates[plain_way(row), shapes_of(row)].outcomes[outcome(row)] += 1
    return list(rates.values())


def _percent(ok: int, n: int) -> str:
    """A whole per cent, which is 100 only where all are ok and 0 only where none is."""
    return f"{min(round(100 * ok / n), 99) if ok < n else 100 if n else 0} %" if ok != 0 else "0 %"


def _rate_cell(rate: Rate) -> Markup:
    return html(
        '<meter min="0" max="1" value="{{ share }}" aria-hidden="true"></meter> {{ percent }}',
        share=f"{rate.share:.3f}", percent=_percent(rate.ok, rate.planned),
    )  # fmt: skip


def _count_column(word: str) -> Column[Rate]:
    hover = STATUS_WORDS.get(word.partition(":")[0], "")
    return Column(word, lambda r: str(r.outcomes[word] or "–"), lambda r: r.outcomes[word], number=True, hover=hover)


def _way_column(pair: tuple[str, str]) -> Column[Case]:
    def own(case: Case) -> list[Row]:
        return [r for r in case.rows if (plain_way(r), shapes_of(r)) == pair]

    def cell(case: Case) -> str:
        return joined((_mark(r, case) for r in own(case)), " ") or quiet("·", "not planned")

    def order(case: Case) -> str:
        return ",".join(f"{_ORDER.get(outcome(r), 99):02}" for r in own(case)) or "–"

    return Column(" ".join(pair), cell, order, hover=f"{pair[0]}, {pair[1]} shapes", kind="mark")


def _mark(row: Row, case: Case) -> Markup:
    """One word in the colour of its status; of a failure the stage. It says all of it when hovered over or read out."""
    word = outcome(row)
    said = row["error_message"] if known(row["error_message"]) else row["reason"] if known(row["reason"]) else ""
    title = f"{word}: {_first_line(said)}" if said else STATUS_WORDS.get(word, word)
    stage = word.removeprefix("failed: ") if word.startswith("failed: ") else ""
    whose, page = f"{case.title}, {row['way']}", page_of(row["notebook"]) if known(row["notebook"]) else ""
    return html(_MARK, kind=kind_of(str(row["status"])), title=title, whose=whose, stage=stage, word=word, page=page)


def _reason(row: Row, report: ExportReport | None) -> str:
    cause = root_cause(report)
    if cause:
        text = cluster(*cause)
    elif known(row["error_cluster"]):
        text = str(row["error_cluster"])
    else:
        text = str(row["reason"]) if known(row["reason"]) else str(row["status"])
    return re.sub(r" \[[0-9a-f]{6}\]$", "", text)  # what tells clusters of one beginning apart says nothing here


def _ways_cell(reason: Reason) -> str:
    """`script 3 + 4 dynamic`: how many trials of each way."""
    counts: dict[str, Counter[str]] = {}
    for row in reason.rows:
        counts.setdefault(plain_way(row), Counter())[shapes_of(row)] += 1
    told = []
    for way, found in sorted(counts.items(), key=lambda item: -item[1].total()):
        parts = [str(found[STATIC]), f"{found[DYNAMIC]} {DYNAMIC}"]
        told.append(f"{way} {' + '.join(p for p, n in zip(parts, (found[STATIC], found[DYNAMIC]), strict=True) if n)}")
    return ", ".join(text.replace(" ", "\N{NO-BREAK SPACE}") for text in told)


def _example(reason: Reason) -> str:
    row = reason.rows[0]
    text = f"{row['model_name']}, {row['way']}"
    return link(page_of(row["notebook"]), text) if known(row["notebook"]) else text


def _badge(word: str) -> str:
    return status_badge(word.partition(":")[0], word)


def _first_line(text: Any) -> str:
    lines = str(text).strip().splitlines()
    return lines[0][:240] if lines else ""
