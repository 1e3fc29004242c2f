"""HTML tables: numbers sorted as numbers, units in the head, definitions as hover."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from benchlib.record import Record
from benchlib.record.metrics import METRICS, Metric
from benchlib.report import units
from benchlib.report.columns import (
    Column,
    R,
    badge,
    hover,
    identity,
    latency_column,
    metric_column,
    or_dash,
    proof_cell,
    quiet,
    speedup_column,
    status_badge,
    status_cell,
    text_column,
    verdict_cell,
)
from benchlib.report.export_report import describe_smallest
from benchlib.report.filters import handle
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import known
from benchlib.stages.nature import FUNCTION

LONG = 60  # rows, beyond which a table scrolls in a box of its own
_TABLE = """\
<div class="box{{ " long" if lines|length > long else "" }}" role="region" tabindex="0" aria-label="{{ name }}">\
<table class="sortable"><thead><tr>{{ head }}</tr></thead>
<tbody>
{{ lines|join("\n") }}
</tbody></table></div>"""
_HEAD = """\
<th scope="col" class="{{ kind }}" data-kind="{{ kind }}" aria-sort="none">\
<button type="button"{% if column.hover %} title="{{ column.hover }}"{% endif %}>\
{{ head }}{% if column.unit %} <span class="unit">{{ column.unit }}</span>{% endif %}</button></th>"""
_ROW = """\
<tr{% if trial %} data-trial="{{ trial }}"{% endif %}>\
{% for kind, key, shown in cells %}<td class="{{ kind }}" data-sort="{{ key }}">{{ shown }}</td>{% endfor %}</tr>"""
_FACTS = """\
<details><summary>the record: {{ metrics|length }} metrics</summary>\
<div class="box" role="region" tabindex="0" aria-label="All metrics"><table class="facts">\
{% for name, title, value in metrics %}<tr><th scope="row" title="{{ title }}">{{ name }}</th><td>{{ value }}</td></tr>\
{% endfor %}</table></div></details>"""


def table(
    columns: Sequence[Column[R]], rows: Iterable[R], name: str, trial: Callable[[R], str] = lambda row: ""
) -> Markup:
    """A sortable table in a box that scrolls sideways, and a long one in its box too. `name` says what it is to
    screen readers, `trial` which trial a row is of (`filters.handle`), so that the filter of the page finds it."""
    lines = [html(_ROW, trial=trial(row), cells=[_cell(column, row) for column in columns]) for row in rows]
    return html(_TABLE, head=joined(map(_head, columns)), lines=lines, name=name, long=LONG)


def trials_table(columns: Sequence[Column[Row]], results: pd.DataFrame, name: str) -> Markup:
    """A table with a row for each trial of a table of results."""
    return table(columns, rows_of(results), name, handle)


def main_table(results: pd.DataFrame) -> str:
    """Every planned trial: how it ended, how fast it was, and by how much that differs from its reference; of a study
    that times nothing how it ended."""
    timed = [
        latency_column(results),
        speedup_column(results),
        metric_column(results, "reference", "time_latency_reference"),
        Column("verdict", verdict_cell, lambda row: row["verdict"], hover=hover("verdict"), kind="tight"),
        metric_column(results, "throughput", "throughput"),
    ]
    columns = [
        *identity(results),
        Column("status", status_cell, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        *(timed if results["time_latency"].notna().any() else []),
        metric_column(results, "export", "time_export"),
        metric_column(results, "max error", "discrepancies_abs"),
        Column(
            "proof", proof_cell, lambda row: row["proof"], hover="plain Python, without benchlib, that repeats the row"
        ),
    ]
    return trials_table(columns, results, "All planned trials")


def accuracy_table(results: pd.DataFrame) -> str:
    """How far the outputs of each trial that ran are from what counts as right, and what is allowed."""
    rows = results[results["tolerance_abs"].notna()]  # what has another structure has no figures, but a row
    names = {
        "÷ allowed": "slice_share",
        "by tolerance alone": "passes_by_tolerance",
        "÷ tolerance": "tolerance_share",
        "beyond tolerance": "elements_beyond",
        "error ÷ eager's own": "rmse_ratio",
        "first class agrees": "top1_agreement",
        "max error": "discrepancies_abs",
        "max relative error": "discrepancies_rel",
        "mean error": "discrepancies_avg",
        "NaN differs": "discrepancies_dnan",
        "÷ tolerance at other shapes": "discrepancies_dynamic_share",
        "max error at other shapes": "discrepancies_dynamic_abs",
        "absolute tolerance": "tolerance_abs",
        "relative tolerance": "tolerance_rel",
    }
    # Without float64, without logits, without free shapes and in older records there are none of these.
    rare = (
        "rmse_ratio", "top1_agreement", "discrepancies_dynamic_share", "discrepancies_dynamic_abs", "slice_share",
        "passes_by_tolerance",
    )  # fmt: skip
    names = {head: name for head, name in names.items() if name not in rare or rows[name].notna().any()}
    columns = [
        *identity(rows),
        Column("status", status_cell, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        *(metric_column(rows, head, name) for head, name in names.items()),
        Column("judged by", _judged_by, lambda row: row["judged_by"], hover=hover("judged_by"), kind="tight"),
    ]
    if rows["worst_slice"].notna().any():
        columns.append(text_column("worst slice", "worst_slice", hover("worst_slice")))
    if (rows["dynamic_shapes"].fillna("") != "").any():
        columns.append(text_column("other shapes", "dynamic_shapes", hover("dynamic_shapes")))
    if (rows["decisions"].fillna("") != "").any():
        columns.append(text_column("decided for the recorded input", "decisions", hover("decisions")))
    if (rows["tolerance_reason"].fillna("") != "").any():
        columns.append(text_column("why another tolerance", "tolerance_reason", hover("tolerance_reason")))
    return trials_table(columns, rows, "Accuracy of each trial")


def definitions_table(names: Iterable[str]) -> str:
    """What each metric is: taken from its declaration."""
    columns: list[Column[Metric]] = [
        Column("name", lambda m: html("<code>{{ name }}</code>", name=m.name), lambda m: m.name),
        Column("unit", lambda m: m.unit, lambda m: m.unit),
        Column("definition", lambda m: m.formula, lambda m: m.formula, kind="prose"),
        Column("how it is measured", lambda m: m.method, lambda m: m.method, kind="prose"),
        Column("better", lambda m: m.better, lambda m: m.better),
    ]
    return table(columns, [METRICS[name] for name in names], "Definitions of the metrics")


def words_list(words: Mapping[str, str], badges: bool = False) -> Markup:
    """Words and what they mean, as a list of definitions; with `badges` each in its colour."""
    items = [(badge(word, text) if badges else word, text) for word, text in words.items()]
    return html(
        '<dl class="words">{% for word, text in items %}<dt>{{ word }}</dt><dd>{{ text }}</dd>{% endfor %}</dl>',
        items=items,
    )


def record_card(record: Record) -> Markup:
    """A record as a page of its trial shows it: the outcome at once, all metrics behind a fold."""
    checks = record.checks
    suspect = "; ".join(f"{name} {checks.get(name, '')}".strip() for name in record.suspect)
    parts = [
        status_badge(record.status),
        record.stage and html("at stage <b>{{ stage }}</b>", stage=record.stage),
        record.reason and html('<p class="reason">{{ reason }}</p>', reason=record.reason),
        suspect and html('<p class="warning">suspect: {{ checks }}</p>', checks=suspect),
        describe_smallest(record.export_report),
        record.reproduce
        and html('<p class="quiet">to repeat it</p><pre><code>{{ it }}</code></pre>', it=record.reproduce),
        folded(f"the checks: {len(checks)}", words_list(checks)) if checks else "",
        _metrics_fold(record),
    ]
    return html('<div class="card">{{ parts }}</div>', parts=joined(parts, " "))


def folded(summary: str, inside: str) -> Markup:
    """What shows when its summary is clicked."""
    return html("<details><summary>{{ summary }}</summary>{{ inside }}</details>", summary=summary, inside=inside)


def _metrics_fold(record: Record) -> Markup:
    metrics = {name: value for name, value in record.metrics.items() if value is not None and value != ""}
    return html(_FACTS, metrics=[(name, hover(name), _plain(name, value)) for name, value in metrics.items()])


def _judged_by(row: Row) -> str:
    fallback = row["judge_fallback"]
    notes = [quiet("not float64", fallback)] if known(fallback) and fallback else []
    notes += [quiet(text) for text in _limits_of_comparison(row)]
    return joined([or_dash(row["judged_by"]), *notes], " ")


def _limits_of_comparison(row: Row) -> list[str]:
    """What the comparison of a trial does not cover, in sentences."""

    def told(name: str, words: str) -> str:
        value = row[name]
        return words.format(value) if known(value) and value else ""

    sentences = (
        told("ground_truth_is", "the model is {}") if row["ground_truth_is"] != FUNCTION else "",
        told("inputs_not_moved", "checked for one value of {} alone"),
        told("input_sets_refused", "{}"),
        told("inputs_guessed", "{}"),
        told("outputs_not_compared", "{} among the outputs: Python's own, not compared"),
        told("outputs_constant", "the same for all inputs, which proves nothing: {}"),
        told("outputs_unproven", "{:.0%} of the elements prove nothing"),
        told("answers_compared_roughly", "{:.0f} later answers compared roughly"),
    )
    return [sentence for sentence in sentences if sentence]


def _head(column: Column[Any]) -> Markup:
    head = Markup("+<wbr>").join(column.head.split("+"))  # the name of a way may be broken before a pass
    return html(_HEAD, column=column, head=head, kind="number" if column.number else "text")


def _cell(column: Column[R], row: R) -> tuple[str, str, str]:
    """Its CSS classes, what it sorts by, and what it shows."""
    key = column.sort(row)
    if column.number:
        key = "" if not known(key) or math.isnan(key) else repr(float(key))
    kinds = " ".join(filter(None, ("number" if column.number else "", column.kind)))
    return kinds, str(key) if known(key) else "", column.cell(row)


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
