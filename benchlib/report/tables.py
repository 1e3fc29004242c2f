"""HTML tables: every text escaped, numbers sorted as numbers, units in the head, definitions as hover."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd

from benchlib.record.metrics import METRICS
from benchlib.report import units
from benchlib.report.units import known
from benchlib.report.words import CONDITION_WORDS, STATUS_WORDS, VERDICT_WORDS

LONG = 320  # characters of a message that are shown at once


@dataclass(frozen=True)
class Column:
    """A column: its head, what a row shows in it (HTML) and what it sorts by (a text, a number or None)."""

    head: str
    cell: Callable[[dict], str]
    sort: Callable[[dict], Any]
    number: bool = False
    unit: str = ""
    hover: str = ""
    kind: str = ""  # a CSS class of its cells


def escape(value: Any) -> str:
    return html.escape(str(value), quote=True)


def table(columns: list[Column], rows: Iterable[dict], name: str) -> str:
    """A sortable table in a box that scrolls sideways. `name` says what it is to screen readers."""
    head = "".join(_head(c) for c in columns)
    body = "\n".join("<tr>" + "".join(_cell(c, row) for c in columns) + "</tr>" for row in rows)
    return (
        f'<div class="box" role="region" tabindex="0" aria-label="{escape(name)}"><table class="sortable">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def badge(word: str, words: dict[str, str], text: str = "") -> str:
    kind = "".join(c for c in word if c.isalpha())
    return f'<span class="badge {kind}" title="{escape(words.get(word, ""))}">{escape(text or word)}</span>'


def conditions(results: pd.DataFrame) -> list[str]:
    """The parameters that tell rows of one model and way apart: the batch size, and all others that vary."""
    # A metric is unknown in a trial that did not come so far; a parameter that is not set has a value too.
    varying = [n for n in CONDITION_WORDS if n in results and results[n].nunique(dropna=n in METRICS) > 1]
    always = [n for n in ("batch_size",) if n in results and n not in varying]
    return sorted([*varying, *always], key=list(CONDITION_WORDS).index)


def main_table(results: pd.DataFrame) -> str:
    """Every planned trial: how it ended, how fast it was, and by how much that differs from its reference."""
    columns = [
        *_identity(results),
        Column("status", _status, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        _interval_column(results, "latency", "time_latency"),
        _interval_column(results, "speedup", "speedup"),
        Column("verdict", _verdict, lambda row: row["verdict"], hover=hover("verdict"), kind="tight"),
        _metric_column(results, "throughput", "throughput"),
        _metric_column(results, "export", "time_export"),
        _metric_column(results, "max error", "discrepancies_abs"),
        Column("proof", _proof, lambda row: row["proof"], hover="plain Python, without benchlib, that repeats the row"),
    ]
    return table(columns, results.to_dict("records"), "All planned trials")


def accuracy_table(results: pd.DataFrame) -> str:
    """How far the outputs of each trial that ran are from what counts as right, and what is allowed."""
    rows = results[results["discrepancies_abs"].notna()]
    names = {
        "max error": "discrepancies_abs",
        "÷ tolerance": "discrepancies_share",
        "max relative error": "discrepancies_rel",
        "mean error": "discrepancies_avg",
        "beyond tolerance": "discrepancies_n",
        "NaN differs": "discrepancies_dnan",
        "absolute tolerance": "tolerance_abs",
        "relative tolerance": "tolerance_rel",
    }
    columns = [
        *_identity(rows),
        Column("status", _status, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        *(_metric_column(rows, head, name) for head, name in names.items()),
        _text_column("judged by", "judged_by", hover("judged_by")),
    ]
    return table(columns, rows.to_dict("records"), "Accuracy of each trial")


def failures_table(results: pd.DataFrame) -> str:
    """Every trial that is not ok: where it ended, what was said, and the command that repeats it."""
    rows = results[results["status"] != "ok"]
    columns = [
        *_identity(rows),
        Column("status", _status, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        _text_column("stage", "stage", "the step in which it ended"),
        Column("message, and the command that repeats it", _message, lambda row: row["reason"], kind="message"),
    ]
    return table(columns, rows.to_dict("records"), "Trials without a figure")


def definitions_table(names: Iterable[str]) -> str:
    """What each metric is: taken from its declaration."""
    rows = [vars(METRICS[name]) for name in names]
    columns = [
        Column("name", lambda m: f"<code>{escape(m['name'])}</code>", lambda m: m["name"]),
        Column("unit", lambda m: escape(m["unit"]), lambda m: m["unit"]),
        Column("definition", lambda m: escape(m["formula"]), lambda m: m["formula"], kind="prose"),
        Column("how it is measured", lambda m: escape(m["method"]), lambda m: m["method"], kind="prose"),
        Column("better", lambda m: m["better"], lambda m: m["better"]),
    ]
    return table(columns, rows, "Definitions of the metrics")


def words_list(words: dict[str, str], badges: bool = False) -> str:
    items = "".join(
        f"<dt>{badge(word, words) if badges else escape(word)}</dt><dd>{escape(text)}</dd>"
        for word, text in words.items()
    )
    return f'<dl class="words">{items}</dl>'


def record_card(record: dict[str, Any]) -> str:
    """A record as a page of its trial shows it: the outcome at once, all metrics behind a fold."""
    metrics = {k: v for k, v in (record.get("metrics") or {}).items() if v is not None and v != ""}
    rows = "".join(
        f'<tr><th scope="row" title="{escape(hover(name))}">{escape(name)}</th>'
        f"<td>{escape(_plain(name, value))}</td></tr>"
        for name, value in metrics.items()
    )
    stage, reason, command = (escape(record.get(n) or "") for n in ("stage", "reason", "reproduce"))
    suspect = escape(", ".join(map(str, record.get("suspect") or [])))
    parts = [
        badge(str(record.get("status")), STATUS_WORDS),
        stage and f"at stage <b>{stage}</b>",
        reason and f'<p class="reason">{reason}</p>',
        suspect and f'<p class="warning">suspect: {suspect}</p>',
        command and f'<p class="quiet">to repeat it</p><pre><code>{command}</code></pre>',
        f"<details><summary>the record: {len(metrics)} metrics</summary>"
        '<div class="box" role="region" tabindex="0" aria-label="All metrics">'
        f'<table class="facts">{rows}</table></div></details>',
    ]
    return f'<div class="card">{" ".join(filter(None, parts))}</div>'


def hover(metric: str) -> str:
    """The declaration of a metric as one text."""
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


# -- columns ---------------------------------------------------------------------------------------


def _identity(results: pd.DataFrame) -> list[Column]:
    """Which trial a row is: the model, the way with the link to its page, the conditions."""
    columns = [
        Column(
            "model",
            lambda row: _name(row["model_name"]),
            lambda row: row["model_name"],
            hover=hover("model_name"),
            kind="name",
        ),
        Column("way", _way, lambda row: row["way"], hover="exporter, passes and runtime", kind="name"),
    ]
    for name in conditions(results):
        numeric = pd.api.types.is_numeric_dtype(results[name])
        show = (lambda row, n=name: units.whole(row[n])) if numeric else (lambda row, n=name: _or_dash(row[n]))
        columns.append(
            Column(
                CONDITION_WORDS[name],
                show,
                lambda row, n=name: row[n],
                numeric,
                hover=f"the parameter {name}",
            )
        )
    return columns


def _metric_column(results: pd.DataFrame, head: str, name: str) -> Column:
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


def _interval_column(results: pd.DataFrame, head: str, name: str) -> Column:
    """A metric with its interval under it."""
    scale = units.scale_for(results[name], METRICS[name].unit)

    def cell(row: dict) -> str:
        values = [scale.of(row[n]) if known(row[n]) else None for n in (name, f"{name}_low", f"{name}_high")]
        value, interval = units.with_interval(*values)
        return f'{value}<span class="interval">{interval}</span>' if interval else value

    note = f"{hover(name)}\nbelow it: the 95 % interval"
    return Column(head, cell, lambda row: row[name], number=True, unit=scale.unit, hover=note)


def _text_column(head: str, name: str, title: str) -> Column:
    return Column(head, lambda row: _or_dash(row[name]), lambda row: row[name], hover=title)


def _name(text: Any) -> str:
    return f'<span class="clip" title="{escape(text)}">{escape(text)}</span>'


def _way(row: dict) -> str:
    text = _name(row["way"])
    if known(row["notebook"]):
        text = f'<a href="{escape(page_of(row["notebook"]))}">{text}</a>'
    return (
        f'{text} <span class="quiet" title="its own reference: the noise floor">A/A</span>' if row["control"] else text
    )


def page_of(notebook: str) -> str:
    """The address of the page of a trial's notebook, seen from the report."""
    return quote(notebook.removesuffix(".ipynb") + ".html")


def _proof(row: dict) -> str:
    return f'<a href="{quote(row["proof"])}" download>.py</a>' if known(row["proof"]) else "–"


def _status(row: dict) -> str:
    text = badge(row["status"], STATUS_WORDS)
    if known(row["suspect"]):
        text += f' <span class="badge suspect" title="failed checks: {escape(row["suspect"])}">suspect</span>'
    return text


def _verdict(row: dict) -> str:
    if row["control"]:
        return '<span class="quiet" title="its own reference: nothing to decide">control</span>'
    return badge(row["verdict"], VERDICT_WORDS) if known(row["verdict"]) else "–"


def _message(row: dict) -> str:
    kind = f"{row['error_type']}: " if known(row["error_type"]) else ""
    message = row["error_message"] if known(row["error_message"]) else row["reason"] if known(row["reason"]) else ""
    text = f"{kind}{message}"
    shown = escape(text)
    if len(text) > LONG:
        shown = f"{escape(text[:LONG])}… <details><summary>all of it</summary>{shown}</details>"
    return shown + (f'<code class="command">{escape(row["reproduce"])}</code>' if known(row["reproduce"]) else "")


def _or_dash(value: Any) -> str:
    return escape(value) if known(value) else "–"


def _head(column: Column) -> str:
    unit = f' <span class="unit">{escape(column.unit)}</span>' if column.unit else ""
    kind = "number" if column.number else "text"
    title = f' title="{escape(column.hover)}"' if column.hover else ""
    return (
        f'<th scope="col" class="{kind}" data-kind="{kind}" aria-sort="none">'
        f'<button type="button"{title}>{escape(column.head)}{unit}</button></th>'
    )


def _cell(column: Column, row: dict) -> str:
    key = column.sort(row)
    if column.number:
        key = "" if not known(key) or math.isnan(key) else repr(float(key))
    kinds = " ".join(filter(None, ("number" if column.number else "", column.kind)))
    return f'<td class="{kinds}" data-sort="{escape(key) if known(key) else ""}">{column.cell(row)}</td>'


def _plain(name: str, value: Any) -> str:
    """A metric's value as a person reads it, with its unit."""
    unit = METRICS[name].unit if name in METRICS else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        return f"{text} {unit}".strip()
    if unit == "s":
        return units.duration(value)
    if unit in ("count", "elements") or isinstance(value, int):
        return f"{value:,} {'bytes' if unit == 'bytes' else '' if unit == 'count' else unit}".strip()
    return f"{units.number(value, 4)} {units.scale_for([], unit).unit if unit != 'bytes' else unit}".strip()


__all__ = [
    "accuracy_table", "badge", "conditions", "definitions_table", "escape", "failures_table", "hover",
    "main_table", "page_of", "record_card", "words_list",
]  # fmt: skip
