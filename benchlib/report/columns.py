"""Columns of the report's tables: what a cell shows, what it sorts by, and what its head says on hovering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from benchlib.label_line import COLUMN as LABEL
from benchlib.measure.verdicts import in_words
from benchlib.plan.in_words import CONDITION_WORDS
from benchlib.record.metrics import METRICS
from benchlib.report import discoveries, units
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row
from benchlib.report.units import known
from benchlib.report.words import (
    NO_VERDICTS,
    NOT_STANDING,
    PROCESSES_DIFFER,
    STATUS_WORDS,
    VERDICT_WORDS,
)

UNASKED = ("io", "loss", "seed")  # conditions for which nobody asks who has not set them
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column: its head, what a row shows in it (a text, or HTML as `Markup`) and what it sorts by (a text, a number
    or None)."""

    head: str
    cell: Callable[[R], str]
    sort: Callable[[R], Any]
    number: bool = False
    unit: str = ""
    hover: str = ""
    kind: str = ""  # a CSS class of its cells

    def of(self, part: Callable[[S], R]) -> Column[S]:
        """The column of a table whose rows have what this one shows as a part."""
        return replace(self, cell=lambda row: self.cell(part(row)), sort=lambda row: self.sort(part(row)))  # type: ignore[arg-type,return-value]


def badge(word: str, meaning: str, text: str = "") -> Markup:
    """A word in its colour, which says what it means when hovered over; `text` stands in its place."""
    return html(
        '<span class="badge {{ kind }}" title="{{ meaning }}">{{ text }}</span>',
        kind=kind_of(word), meaning=meaning, text=text or word,
    )  # fmt: skip


def kind_of(word: str) -> str:
    """The CSS class of a status or verdict."""
    return "".join(c for c in word if c.isalpha())


def quiet(text: str, title: str = "", kind: str = "") -> Markup:
    """A remark in small letters, which says more when hovered over."""
    return html(
        '<span class="{{ kind }}"{% if title %} title="{{ title }}"{% endif %}>{{ text }}</span>',
        text=text, title=title, kind=f"quiet {kind}".strip(),
    )  # fmt: skip


def interval_below(text: str) -> Markup:
    """What stands below a figure of a cell."""
    return html('<span class="interval">{{ text }}</span>', text=text)


def link(address: str, text: str) -> Markup:
    return html('<a href="{{ address }}">{{ text }}</a>', address=address, text=text)


def status_badge(status: str, text: str = "") -> Markup:
    return badge(status, STATUS_WORDS.get(status, ""), text)


def conditions(results: pd.DataFrame) -> list[str]:
    """The parameters that tell rows of one model and way apart."""
    # A metric is unknown in a trial that did not come so far; a parameter that is not set has a value too.
    return [n for n in CONDITION_WORDS if n in results and results[n].nunique(dropna=n in METRICS) > 1]


def shared_conditions(results: pd.DataFrame) -> list[str]:
    """`["device cpu", "batch 1"]`: the conditions in which all trials agree, and for which somebody may ask."""
    shared = {
        word: results[name].iloc[0]
        for name, word in CONDITION_WORDS.items()
        if name in results and results[name].notna().all() and results[name].nunique() == 1
    }
    return [f"{word} {_as_text(value)}" for word, value in shared.items() if word not in UNASKED]


def _as_text(value: Any) -> str:
    return units.whole(value) if isinstance(value, int | float) else str(value)


def hover(metric: str) -> str:
    """The declaration of a metric as one text; a label has the same for whatever it is called."""
    if metric.startswith(LABEL):
        return "label of the model's script or corpus"
    m = METRICS.get(metric)
    if m is None:
        return ""
    parts = (
        m.name,
        m.formula,
        m.method and f"measured: {m.method}",
        m.unit and f"unit: {m.unit}",
        m.better and f"{m.better} is better",
    )
    return "\n".join(filter(None, parts))


def identity(results: pd.DataFrame) -> list[Column[Row]]:
    """Which trial a row is: the model, the way with the link to its page, the conditions."""
    columns: list[Column[Row]] = [
        Column(
            "model",
            lambda row: clipped(row["model_name"]),
            lambda row: row["model_name"],
            hover=hover("model_name"),
            kind="name",
        ),
        Column("way", _way, lambda row: row["way"], hover="exporter, passes and runtime", kind="name"),
    ]
    return [*columns, *(_condition_column(results, name) for name in conditions(results))]


def condition_text(name: str, value: Any) -> str:
    """`batch 8`, `float16`, `with loss`: a condition in words, where other rows have another one; "" of a flag that
    is not set."""
    if isinstance(value, bool):
        return f"with {CONDITION_WORDS[name]}" if value else ""
    return f"{CONDITION_WORDS[name]} {units.whole(value)}" if isinstance(value, int | float) else str(value)


def metric_column(results: pd.DataFrame, head: str, name: str) -> Column[Row]:
    unit = METRICS[name].unit
    scale = units.scale_for(results[name], unit)
    show = units.whole if unit == "count" else units.number
    return Column(
        head,
        lambda row: show(scale.of(row[name])) if known(row[name]) else "–",
        lambda row: row[name],
        number=True,
        unit=scale.unit,
        hover=hover(name),
    )


def interval_column(
    results: pd.DataFrame,
    head: str,
    name: str,
    rounded: Callable[[Any, Any, Any], tuple[str, str]] = units.with_interval,
) -> Column[Row]:
    """A metric with its interval under it."""
    scale = units.scale_for(results[name], METRICS[name].unit)

    def cell(row: Row) -> str:
        values = [scale.of(row[n]) if known(row[n]) else None for n in (name, f"{name}_low", f"{name}_high")]
        value, interval = rounded(*values)
        return joined([value, interval and interval_below(interval)], " ")

    note = f"{hover(name)}\nbelow it: the 95 % interval"
    return Column(head, cell, lambda row: row[name], number=True, unit=scale.unit, hover=note)


def latency_column(results: pd.DataFrame) -> Column[Row]:
    """The latency with its interval, and a mark where it is one of several: its processes differ."""
    plain = interval_column(results, "latency", "time_latency")

    def cell(row: Row) -> str:
        if not known(row["processes_differ"]) or not row["processes_differ"]:
            return plain.cell(row)
        return joined([plain.cell(row), quiet("≠", PROCESSES_DIFFER)], " ")

    return replace(plain, cell=cell)


def speedup_column(results: pd.DataFrame) -> Column[Row]:
    """The speedup with its interval, marked where nobody could compare the outputs; of contenders that do not compare,
    that and why."""
    plain = interval_column(results, "speedup", "speedup", units.ratio)

    def cell(row: Row) -> str:
        if known(row["speedup"]) and row["status"] == "unverified":
            return joined([plain.cell(row), quiet("unverified", row["reason"])], " ")
        if known(row["speedup"]) or not incomparable(row):
            return plain.cell(row)
        return quiet("not comparable", row["not_comparable"], kind="incomparable")

    return replace(plain, cell=cell)


def incomparable(row: Row) -> bool:
    """Whether the contenders of a trial differ in precision, so that their latencies do not compare."""
    return known(row["not_comparable"]) and bool(row["not_comparable"])


def text_column(head: str, name: str, title: str) -> Column[Row]:
    return Column(head, lambda row: or_dash(row[name]), lambda row: row[name], hover=title)


def _condition_column(results: pd.DataFrame, name: str) -> Column[Row]:
    flag = pd.api.types.is_bool_dtype(results[name])
    numeric = pd.api.types.is_numeric_dtype(results[name]) and not flag
    show = units.whole if numeric else _condition
    hover = f"the parameter {name}"
    return Column(CONDITION_WORDS[name], lambda row: show(row[name]), lambda row: row[name], numeric, hover=hover)


def _condition(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else or_dash(value)


def clipped(text: Any) -> Markup:
    """A name that a narrow column may cut; hovering shows all of it."""
    return html('<span class="clip" title="{{ text }}">{{ text }}</span>', text=text)


def _way(row: Row) -> str:
    text = clipped(row["way"])
    if known(row["notebook"]):
        text = link(page_of(row["notebook"]), text)
    return joined([text, row["control"] and quiet("A/A", "its own reference: the noise floor")], " ")


def page_of(notebook: str) -> str:
    """The address of the page of a trial's notebook, seen from the report."""
    return quote(notebook.removesuffix(".ipynb") + ".html")


def proof_cell(row: Row) -> str:
    if not known(row["proof"]):
        return "–"
    return html('<a href="{{ address }}" download>.py</a>', address=quote(row["proof"]))


def status_cell(row: Row) -> str:
    marks = [status_badge(row["status"])]
    if known(row["suspect"]):
        marks.append(badge("suspect", f"failed checks: {row['suspect']}"))
    if known(row["inputs_guessed"]) and row["inputs_guessed"]:
        marks.append(quiet("inputs guessed", row["inputs_guessed"]))
    return joined(marks, " ")


def verdict_cell(row: Row) -> str:
    if row["control"]:
        return quiet("reference", "its own reference: nothing to decide")
    if row["level"] == NO_VERDICTS and known(row["disturbed_by"]) and row["disturbed_by"]:
        return badge("disturbed", in_words(row["disturbed_by"]))
    if row["level"] == NO_VERDICTS:
        return quiet("–", f"level {NO_VERDICTS} decides nothing")
    if known(row["verdict_withheld"]) and row["verdict_withheld"]:
        return quiet(row["verdict_withheld"], kind="withheld")
    if not known(row["verdict"]):
        return "–"
    why = in_words(row["disturbed_by"]) if known(row["disturbed_by"]) else ""
    text = badge(row["verdict"], ": ".join(filter(None, [VERDICT_WORDS.get(row["verdict"], ""), why])))
    if discoveries.stands(row):
        return text
    return text + html('<span title="{{ title }}">{{ mark }}</span>', title=NOT_STANDING, mark=discoveries.MARK)


def or_dash(value: Any) -> str:
    return str(value) if known(value) else "–"
