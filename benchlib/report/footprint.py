"""The sections on memory and energy; a study that asked for neither has neither."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from benchlib.record.metrics import METRICS
from benchlib.report import prose, units
from benchlib.report.columns import Column, hover, identity, interval_below, metric_column, text_column
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row, rows_of
from benchlib.report.tables import trials_table
from benchlib.report.units import known

PEAKS = {n: f"memory_vmhwm_{n}" for n in ("load", "export", "session", "first", "steady", "peak")}
OTHERS = {
    "baseline": "memory_rss_baseline",
    "Pss at the end": "memory_pss_end",
    "torch allocated": "memory_cuda_allocated_peak",
    "torch reserved": "memory_cuda_reserved_peak",
    "NVML used": "memory_nvml_used",
}
DEFINED = {
    "memory": (*PEAKS.values(), "memory_vmhwm_peak_max", *OTHERS.values()),
    "energy": ("energy_per_item", "energy_method", "cpu_time_per_item"),
}


def asked(results: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """The trials that were asked for `memory` or `energy` and were measured."""
    if parameter not in results:
        return results.iloc[:0]
    return results[results[parameter].fillna(False).astype(bool) & results["time_latency"].notna()]


def defined(results: pd.DataFrame) -> list[str]:
    """The metrics that these sections show."""
    names = [name for parameter, every in DEFINED.items() if len(asked(results, parameter)) for name in every]
    return [name for name in names if results[name].notna().any()]


def memory(results: pd.DataFrame) -> list[str]:
    """What was found, and a table with a row for each way and its reference; empty where nobody asked."""
    rows = asked(results, "memory")
    if rows.empty:
        return []
    findings = _findings(rows, "memory_vmhwm_peak", _bytes, "The largest peak")
    pieces = [prose.paragraph(findings), _missing(rows, "memory")]
    measured = rows[rows["memory_vmhwm_peak"].notna()]
    if measured.empty:
        return pieces
    both = _with_references(measured, [*PEAKS.values(), *(f"{n}_max" for n in PEAKS.values()), *OTHERS.values()])
    columns = [
        *identity(both),
        text_column("as", "role", "the way of the trial, or the reference that it is held against"),
        *(_peak_column(both, head, name) for head, name in PEAKS.items() if both[name].notna().any()),
        *(metric_column(both, head, name) for head, name in OTHERS.items() if both[name].notna().any()),
    ]
    pieces.append(trials_table(columns, both, "Memory by phase"))
    if both[["memory_cuda_allocated_peak", "memory_nvml_used"]].notna().any().any():
        pieces.append(
            prose.paragraph("What torch's allocator gives out and what NVML says a process uses are not comparable.")
        )
    return pieces


def energy(results: pd.DataFrame) -> list[str]:
    """What was found, and a table with a row for each way and its reference; empty where nobody asked."""
    rows = asked(results, "energy")
    if rows.empty:
        return []
    findings = _findings(rows, "energy_per_item", _joules, "The most energy per item")
    both = _with_references(rows, ["energy_per_item", "cpu_time_per_item"])
    columns = [
        *identity(both),
        text_column("as", "role", "the way of the trial, or the reference that it is held against"),
        metric_column(both, "energy per item", "energy_per_item"),
        text_column("method", "energy_method", hover("energy_method")),
        metric_column(both, "CPU time per item", "cpu_time_per_item"),
    ]
    shown = trials_table(columns, both, "Energy per item")
    return [prose.paragraph(findings), _missing(rows, "energy"), shown]


def _findings(rows: pd.DataFrame, name: str, show: Callable[[float], str], most: str) -> str:
    """How many trials have the figure, which has the most of it, and how the ways stand to their references."""
    found = rows[rows[name].notna()]
    text = f"Measured in {len(found)} of {len(rows)} trial{'' if len(rows) == 1 else 's'} that asked for it."
    if found.empty:
        return text
    top = found.loc[found[name].astype(float).idxmax()]
    text += f" {most}: {show(top[name])} ({top['model_name']}, {top['way']})."
    compared = found[found[f"{name}_reference"].notna() & ~found["control"].astype(bool)]
    if len(compared):
        ratios = (compared[name] / compared[f"{name}_reference"]).astype(float)
        least = compared.loc[ratios.idxmin()]
        low, high = units.number(ratios.min()), units.number(ratios.max())
        span = f"{low} times" if low == high else f"between {low} and {high} times"
        text += f" Ways take {span} what their references take"
        text += f"; the least of it takes {least['way']}." if len(compared) > 1 else "."
    return text


def _missing(rows: pd.DataFrame, what: str) -> str:
    """The reasons why a figure is missing, each once."""
    reasons = rows[f"{what}_not_measured"].replace("", None).dropna().value_counts()
    if reasons.empty:
        return ""
    return html(
        "<p>Not measured, with the number of trials:</p>"
        "<ul>{% for reason, n in reasons.items() %}<li>{{ reason }} ({{ n }})</li>{% endfor %}</ul>",
        reasons=reasons.to_dict(),
    )


def _with_references(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Each row, and below it its reference's figures where there are any."""
    found = []
    for row in rows_of(rows):
        found.append({**row, "role": "way"})
        figures = {name: row[f"{name}_reference"] for name in names}
        if any(known(v) for v in figures.values()):
            found.append({**row, **figures, "way": row["reference_way"], "role": "reference"})
    return pd.DataFrame(found)


def _peak_column(rows: pd.DataFrame, head: str, name: str) -> Column[Row]:
    """The median over processes, and below it their maximum."""
    scale = units.scale_for(rows[name], METRICS[name].unit)

    def cell(row: Row) -> str:
        value, most = row[name], row[f"{name}_max"]
        if not known(value):
            return "–"
        return joined([units.number(scale.of(value)), interval_below(f"max {units.number(scale.of(most))}")], " ")

    note = f"{hover(name)}\nbelow it: the maximum over processes"
    return Column(head, cell, lambda row: row[name], number=True, unit=scale.unit, hover=note)


def _bytes(value: float) -> str:
    scale = units.scale_for([value], "bytes")
    return f"{units.number(scale.of(value))} {scale.unit}"


def _joules(value: float) -> str:
    return f"{units.number(value)} J"
