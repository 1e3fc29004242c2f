"""HTML tables: every text escaped, numbers sorted as numbers, units in the head, definitions as hover."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchlib.record import Record
from benchlib.record.metrics import METRICS, Metric
from benchlib.report import units
from benchlib.report.columns import (
    Column,
    R,
    badge,
    escape,
    hover,
    identity,
    latency_column,
    metric_column,
    or_dash,
    proof_cell,
    speedup_column,
    status_badge,
    status_cell,
    text_column,
    verdict_cell,
)
from benchlib.report.export_report import describe_smallest
from benchlib.report.filters import handle
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import known
from benchlib.stages.nature import FUNCTION

LONG = 60  # rows, beyond which a table scrolls in a box of its own


def table(
    columns: Sequence[Column[R]], rows: Iterable[R], name: str, trial: Callable[[R], str] = lambda row: ""
) -> str:
    """A sortable table in a box that scrolls sideways, and a long one in its box too. `name` says what it is to
    screen readers, `trial` which trial a row is of (`filters.handle`), so that the filter of the page finds it."""
    head = "".join(_head(c) for c in columns)
    lines = [f"<tr{_trial(trial(row))}>" + "".join(_cell(c, row) for c in columns) + "</tr>" for row in rows]
    body, kind = "\n".join(lines), "box long" if len(lines) > LONG else "box"
    return (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{escape(name)}"><table class="sortable">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def trials_table(columns: Sequence[Column[Row]], results: pd.DataFrame, name: str) -> str:
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
        Column("name", lambda m: f"<code>{escape(m.name)}</code>", lambda m: m.name),
        Column("unit", lambda m: escape(m.unit), lambda m: m.unit),
        Column("definition", lambda m: escape(m.formula), lambda m: m.formula, kind="prose"),
        Column("how it is measured", lambda m: escape(m.method), lambda m: m.method, kind="prose"),
        Column("better", lambda m: m.better, lambda m: m.better),
    ]
    return table(columns, [METRICS[name] for name in names], "Definitions of the metrics")


def words_list(words: Mapping[str, str], badges: bool = False) -> str:
    """Words and what they mean, as a list of definitions; with `badges` each in its colour."""
    items = "".join(
        f"<dt>{badge(word, text) if badges else escape(word)}</dt><dd>{escape(text)}</dd>"
        for word, text in words.items()
    )
    return f'<dl class="words">{items}</dl>'


def record_card(record: Record) -> str:
    """A record as a page of its trial shows it: the outcome at once, all metrics behind a fold."""
    stage, reason, command = escape(record.stage), escape(record.reason), escape(record.reproduce)
    checks = record.checks
    suspect = escape("; ".join(f"{name} {checks.get(name, '')}".strip() for name in record.suspect))
    parts = [
        status_badge(record.status),
        stage and f"at stage <b>{stage}</b>",
        reason and f'<p class="reason">{reason}</p>',
        suspect and f'<p class="warning">suspect: {suspect}</p>',
        describe_smallest(record.export_report),
        command and f'<p class="quiet">to repeat it</p><pre><code>{command}</code></pre>',
        f"<details><summary>the checks: {len(checks)}</summary>{words_list(checks)}</details>" if checks else "",
        _metrics_fold(record),
    ]
    return f'<div class="card">{" ".join(filter(None, parts))}</div>'


def _metrics_fold(record: Record) -> str:
    metrics = {name: value for name, value in record.metrics.items() if value is not None and value != ""}
    rows = "".join(
        f'<tr><th scope="row" title="{escape(hover(name))}">{escape(name)}</th>'
        f"<td>{escape(_plain(name, value))}</td></tr>"
        for name, value in metrics.items()
    )
    return (
        f"<details><summary>the record: {len(metrics)} metrics</summary>"
        '<div class="box" role="region" tabindex="0" aria-label="All metrics">'
        f'<table class="facts">{rows}</table></div></details>'
    )


def _judged_by(row: Row) -> str:
    fallback = row["judge_fallback"]
    note = f' <span class="quiet" title="{escape(fallback)}">not float64</span>' if known(fallback) and fallback else ""
    notes = [note, *(f' <span class="quiet">{escape(text)}</span>' for text in _limits_of_comparison(row))]
    return f"{or_dash(row['judged_by'])}{''.join(notes)}"


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


def _trial(handle_of_trial: str) -> str:
    """The attribute by which the filter of the page finds the rows of a trial."""
    return f' data-trial="{escape(handle_of_trial)}"' if handle_of_trial else ""


def _head(column: Column[Any]) -> str:
    unit = f' <span class="unit">{escape(column.unit)}</span>' if column.unit else ""
    kind = "number" if column.number else "text"
    head = escape(column.head).replace("+", "+<wbr>")  # the name of a way may be broken before a pass
    title = f' title="{escape(column.hover)}"' if column.hover else ""
    return (
        f'<th scope="col" class="{kind}" data-kind="{kind}" aria-sort="none">'
        f'<button type="button"{title}>{head}{unit}</button></th>'
    )


def _cell(column: Column[R], row: R) -> str:
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
