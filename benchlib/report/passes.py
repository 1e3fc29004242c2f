"""What each pass did to the graph that it was given: its time, and size, nodes and operators before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import pandas as pd

from benchlib.record.metadata import PassStep
from benchlib.report import units
from benchlib.report.collate import Results
from benchlib.report.columns import Column, identity, interval_below
from benchlib.report.filters import handle
from benchlib.report.markup import joined
from benchlib.report.rows import Row, rows_of
from benchlib.report.tables import folded, table

MANY = 30  # rows, beyond which they stand behind a summary by pass
LONG = 160  # characters of what a pass says itself
NAMED = 4  # operators whose number changed most
T = TypeVar("T")


@dataclass(frozen=True)
class PassRow:
    """A pass of a trial, the trial being a row of the table of results."""

    trial: Row
    number: int  # its place among the passes of the trial
    step: PassStep


@dataclass(frozen=True)
class PassSummary:
    """One pass of one way, over all graphs that it made. Seconds are a median, as are the ratios after ÷ before."""

    way: str
    name: str
    steps: list[PassStep]

    @property
    def seconds(self) -> float:
        return median(step.seconds for step in self.steps)

    @property
    def size(self) -> float | None:
        return _median_ratio([(step.size_before, step.size_after) for step in self.steps])

    @property
    def nodes(self) -> float | None:
        return _median_ratio([(step.nodes_before, step.nodes_after) for step in self.steps])

    @property
    def changes(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for step in self.steps:
            total.update(operator_changes(step))  # `+` would drop what became less
        return total


def passes_tables(results: Results) -> list[str]:
    """A row for each pass of each trial; of many, a summary by way and pass before them. Empty where no pass ran."""
    rows = [
        PassRow(row, number, step)
        for row in rows_of(results.table)
        if (record := results.record_of(row))
        for number, step in enumerate(record.passes)
    ]
    if not rows:
        return []
    every = _every(results.table, rows)
    if len(rows) <= MANY:
        return [every]
    return [_summary(rows), folded(f"every one of the {len(rows)} passes", every)]


def operator_changes(step: PassStep) -> Counter[str]:
    """How many more there are of each operator after a pass; those of which there are as many are not in it."""
    before, after = step.operators_before, step.operators_after
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    return Counter({name: n for name, n in changes.items() if n})


def name_of(step: PassStep) -> str:
    """`default without Gelu, Cast; level extended`."""
    without = f" without {', '.join(step.without)}" if step.without else ""
    options = ", ".join(f"{name} {value}" for name, value in step.options.items())
    return f"{step.name}{without}{f'; {options}' if options else ''}"


def _every(results: pd.DataFrame, rows: list[PassRow]) -> str:
    scale = units.scale_for([row.step.seconds for row in rows], "s")
    columns: list[Column[PassRow]] = [
        *(column.of(lambda r: r.trial) for column in identity(results)),
        Column("pass", lambda r: name_of(r.step), lambda r: f"{r.number} {r.step.name}"),
        _seconds_column(lambda r: r.step.seconds, scale, "one sample, of the pass that made the graph"),
        _change_column("size", lambda r: (r.step.size_before, r.step.size_after), "bytes"),
        _change_column("nodes", lambda r: (r.step.nodes_before, r.step.nodes_after), "count"),
        *_operator_columns(lambda r: operator_changes(r.step)),
    ]
    if any(_more(row.step) for row in rows):
        columns.append(Column("it says", lambda r: _more(r.step), lambda r: _more(r.step), kind="prose"))
    return table(columns, rows, "What each pass did", lambda r: handle(r.trial))


def _summary(rows: list[PassRow]) -> str:
    groups: dict[tuple[str, str], list[PassStep]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        groups.setdefault((str(row.trial["way"]), name_of(row.step)), []).append(row.step)
    planned = list(dict.fromkeys(str(row.trial["way"]) for row in rows))
    summaries = [PassSummary(way, name, steps) for (way, name), steps in groups.items()]
    summaries.sort(key=lambda summary: planned.index(summary.way))
    scale = units.scale_for([summary.seconds for summary in summaries], "s")
    columns: list[Column[PassSummary]] = [
        Column("way", lambda s: s.way, lambda s: s.way, kind="name"),
        Column("pass", lambda s: s.name, lambda s: s.name),
        Column("graphs", lambda s: str(len(s.steps)), lambda s: len(s.steps), number=True),
        _seconds_column(lambda s: s.seconds, scale, "the median over the graphs"),
        _ratio_column("size", lambda s: s.size),
        _ratio_column("nodes", lambda s: s.nodes),
        *_operator_columns(lambda s: s.changes),
    ]
    return table(columns, summaries, "What the passes did, by way")


def _median_ratio(pairs: list[tuple[int, int]]) -> float | None:
    ratios = [after / before for before, after in pairs if before]
    return median(ratios) if ratios else None


def _seconds_column(get: Callable[[T], float], scale: units.Scale, hover: str) -> Column[T]:
    return Column("time", lambda r: units.number(scale.of(get(r))), get, number=True, unit=scale.unit, hover=hover)


def _ratio_column(name: str, get: Callable[[PassSummary], float | None]) -> Column[PassSummary]:
    hover = f"{name} after ÷ {name} before, the median over the graphs"
    return Column(name, lambda s: units.number(get(s)), get, number=True, unit="×", hover=hover)


def _change_column(head: str, pair: Callable[[T], tuple[int, int]], unit: str) -> Column[T]:
    """`55.6 → 13.9 MiB`, and below it the ratio, by which it sorts."""

    def ratio(row: T) -> float | None:
        before, after = pair(row)
        return after / before if before else None

    def cell(row: T) -> str:
        before, after = pair(row)
        scale = units.scale_for([max(before, after)], unit)
        show = (lambda v: f"{v:,}") if unit == "count" else (lambda v: units.number(scale.of(v)))
        times = interval_below(f"× {units.number(ratio(row))}") if before else ""
        return joined([f"{show(before)} → {show(after)} {scale.unit}", times], " ")

    return Column(head, cell, ratio, number=True, hover=f"{head} before → after; it sorts by the ratio")


def _operator_columns(changes: Callable[[T], Counter[str]]) -> list[Column[T]]:
    def text(row: T) -> str:
        ordered = sorted(changes(row).items(), key=lambda item: (-abs(item[1]), item[0]))
        more = f", {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
        return ", ".join(f"{name} {n:+,}".replace("-", "−") for name, n in ordered[:NAMED]) + more or "–"

    def casts(row: T) -> int:
        return changes(row).get("Cast", 0)

    hover = "the operators whose number changed most"
    return [
        Column("operators", text, text, kind="prose", hover=hover),
        Column("casts added", lambda r: f"{casts(r):+,}".replace("-", "−") if casts(r) else "0", casts, number=True,
               hover="Cast nodes after − before"),
    ]  # fmt: skip


def _more(step: PassStep) -> str:
    """What a pass says beside what all of them say."""
    facts = {name: value for name, value in step.details.items() if value not in (None, "", [], {})}
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
    return text if len(text) <= LONG else f"{text[:LONG]}…"
