"""What each pass did to the graph that it was given: its time, and size, nodes and operators before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import Any

import pandas as pd

from benchlib.report import units
from benchlib.report.columns import Column, escape, identity
from benchlib.report.tables import table

MANY = 30  # rows, beyond which they stand behind a summary by pass
LONG = 160  # characters of what a pass says itself
NAMED = 4  # operators whose number changed most
OWN = ("name", "without", "options", "seconds", "size_before", "size_after", "nodes_before", "nodes_after",
       "operators_before", "operators_after")  # fmt: skip


def passes_tables(results: pd.DataFrame, details: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A row for each pass of each trial; of many, a summary by way and pass before them. Empty where no pass ran."""
    rows = [
        {**row, "number": number, "pass": done}
        for row in results.to_dict("records")
        for number, done in enumerate(details.get(row["key"], {}).get("passes") or ())
    ]
    if not rows:
        return []
    every = _every(results, rows)
    if len(rows) <= MANY:
        return [every]
    fold = f"<details><summary>every one of the {len(rows)} passes</summary>{every}</details>"
    return [_summary(rows), fold]


def operator_changes(done: Mapping[str, Any]) -> Counter[str]:
    """How many more there are of each operator after a pass; those of which there are as many are not in it."""
    before, after = done.get("operators_before") or {}, done.get("operators_after") or {}
    found = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    return Counter({name: n for name, n in found.items() if n})


def name_of(done: Mapping[str, Any]) -> str:
    """`default without Gelu, Cast; level extended`."""
    without = f" without {', '.join(done['without'])}" if done.get("without") else ""
    options = ", ".join(f"{name} {value}" for name, value in (done.get("options") or {}).items())
    return f"{done['name']}{without}{f'; {options}' if options else ''}"


def _every(results: pd.DataFrame, rows: list[dict[str, Any]]) -> str:
    scale = units.scale_for([row["pass"].get("seconds") for row in rows], "s")
    columns = [
        *identity(results),
        Column("pass", lambda r: escape(name_of(r["pass"])), lambda r: f"{r['number']} {r['pass']['name']}"),
        _seconds(lambda r: r["pass"].get("seconds"), "time", scale),
        _change_column("size", lambda r: (r["pass"].get("size_before"), r["pass"].get("size_after")), "bytes"),
        _change_column("nodes", lambda r: (r["pass"].get("nodes_before"), r["pass"].get("nodes_after")), "count"),
        *_operator_columns(lambda r: operator_changes(r["pass"])),
    ]
    if any(_more(row["pass"]) for row in rows):
        columns.append(Column("it says", lambda r: escape(_more(r["pass"])), lambda r: _more(r["pass"]), kind="prose"))
    return table(columns, rows, "What each pass did")


def _summary(rows: list[dict[str, Any]]) -> str:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["number"]):
        groups.setdefault((str(row["way"]), name_of(row["pass"])), []).append(row["pass"])
    told = [
        {
            "way": way, "pass": name, "graphs": len(done), "seconds": _median([d.get("seconds") for d in done]),
            "size": _ratio(done, "size"), "nodes": _ratio(done, "nodes"),
            "changes": _total(done),
        }
        for (way, name), done in groups.items()
    ]  # fmt: skip
    planned = list(dict.fromkeys(str(row["way"]) for row in rows))
    told.sort(key=lambda row: planned.index(row["way"]))
    scale = units.scale_for([row["seconds"] for row in told], "s")
    columns = [
        Column("way", lambda r: escape(r["way"]), lambda r: r["way"], kind="name"),
        Column("pass", lambda r: escape(r["pass"]), lambda r: r["pass"]),
        Column("graphs", lambda r: str(r["graphs"]), lambda r: r["graphs"], number=True),
        _seconds(lambda r: r["seconds"], "time", scale, "the median over the graphs"),
        *(_times_column(name) for name in ("size", "nodes")),
        *_operator_columns(lambda r: r["changes"]),
    ]
    return table(columns, told, "What the passes did, by way")


def _total(done: list[Mapping[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in done:
        found.update(operator_changes(one))  # `+` would drop what became less
    return found


def _ratio(done: list[Mapping[str, Any]], what: str) -> float | None:
    pairs = [(d.get(f"{what}_before"), d.get(f"{what}_after")) for d in done]
    return _median([after / before for before, after in pairs if before and after is not None])


def _median(values: list[Any]) -> float | None:
    found = [v for v in values if v is not None]
    return median(found) if found else None


def _seconds(get, head: str, scale: units.Scale, hover: str = "one sample, of the pass that made the graph") -> Column:
    cell = lambda r: units.number(scale.of(get(r))) if get(r) is not None else "–"  # noqa: E731
    return Column(head, cell, get, number=True, unit=scale.unit, hover=hover)


def _times_column(name: str) -> Column:
    hover = f"{name} after ÷ {name} before, the median over the graphs"
    return Column(name, lambda r: units.number(r[name]), lambda r: r[name], number=True, unit="×", hover=hover)


def _change_column(head: str, pair, unit: str) -> Column:
    """`55.6 → 13.9 MiB`, and below it the ratio, by which it sorts."""

    def ratio(row: Mapping[str, Any]) -> float | None:
        before, after = pair(row)
        return after / before if before and after is not None else None

    def cell(row: Mapping[str, Any]) -> str:
        before, after = pair(row)
        if before is None or after is None:
            return "–"
        scale = units.scale_for([max(before, after)], unit)
        show = (lambda v: f"{v:,}") if unit == "count" else (lambda v: units.number(scale.of(v)))
        times = f'<span class="interval">× {units.number(ratio(row))}</span>' if ratio(row) is not None else ""
        return f"{show(before)} → {show(after)} {scale.unit}{times}"

    return Column(head, cell, ratio, number=True, hover=f"{head} before → after; it sorts by the ratio")


def _operator_columns(changes) -> list[Column]:
    def text(row: Mapping[str, Any]) -> str:
        found = sorted(changes(row).items(), key=lambda item: (-abs(item[1]), item[0]))
        more = f", {len(found) - NAMED} more" if len(found) > NAMED else ""
        return ", ".join(f"{name} {n:+,}".replace("-", "−") for name, n in found[:NAMED]) + more or "–"

    def casts(row: Mapping[str, Any]) -> int:
        return changes(row).get("Cast", 0)

    hover = "the operators whose number changed most"
    return [
        Column("operators", lambda r: escape(text(r)), text, kind="prose", hover=hover),
        Column("casts added", lambda r: f"{casts(r):+,}".replace("-", "−") if casts(r) else "0", casts, number=True,
               hover="Cast nodes after − before"),
    ]  # fmt: skip


def _more(done: Mapping[str, Any]) -> str:
    """What a pass says beside what all of them say."""
    facts = {name: value for name, value in done.items() if name not in OWN and value not in (None, "", [], {})}
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())
    return text if len(text) <= LONG else f"{text[:LONG]}…"
