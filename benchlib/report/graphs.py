"""Seeing why: how the graphs of a model's ways differ, and next to it the time that each operator takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchlib.report import units
from benchlib.report.cases import Case, cases
from benchlib.report.columns import Column, escape
from benchlib.report.graph_difference import (
    FACTS,
    Graph,
    explanation,
    graph_of,
    operators_that_differ,
    same_graph,
    time_changes,
)
from benchlib.report.tables import table

OPEN = 2  # models, up to which their tables need no click
SHOWN_TIMES = 15  # operators by time; of the others the sum is told


def sections(results: pd.DataFrame, details: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A section for each model with two graphs or more, the first of which is what the others are held against."""
    found = [(case, graphs) for case in cases(results) if len(graphs := graphs_of(case, details)) > 1]
    return [_section(case, graphs, len(found) <= OPEN) for case, graphs in found]


def graphs_of(case: Case, details: Mapping[str, Mapping[str, Any]]) -> list[Graph]:
    """The graphs of a case, one for each of its ways that has any."""
    own = ((row, details.get(row["key"], {})) for row in case.rows)
    return [graph_of(str(row["way"]), told, row) for row, told in own if told.get("operators")]


def _section(case: Case, graphs: list[Graph], open_: bool) -> str:
    sentences = [text for graph in graphs[1:] if (text := explanation(graphs[0], graph))]
    told = "".join(f"<li>{escape(text)}</li>" for text in sentences)
    pieces = [f'<ul class="why">{told}</ul>' if told else "", _tables(graphs)]
    return (
        f'<details class="case"{" open" if open_ else ""}><summary><b>{escape(case.title)}</b> '
        f"{_headline(graphs)}</summary>{''.join(pieces)}</details>"
    )


def _headline(graphs: list[Graph]) -> str:
    differ = len(operators_that_differ(graphs))
    nodes = [g.facts["nodes"] for g in graphs if "nodes" in g.facts]
    span = f", {min(nodes):,.0f} to {max(nodes):,.0f} nodes" if nodes and min(nodes) < max(nodes) else ""
    text = f"{differ} operator{'' if differ == 1 else 's'} differ{'s' if differ == 1 else ''}"
    return f"{len(graphs)} graphs{span}; {text if differ else 'the same operators in all'}"


def _tables(graphs: list[Graph]) -> str:
    merged = _merged(graphs)
    profiled = [g for g in graphs if g.profile]
    pieces = [_graph_table(merged) if len(merged) > 1 else f"<p>{_alike(merged[0])}</p>"]
    if len(profiled) > 1:
        pieces.append(_time_table(profiled))
    return f'<div class="beside">{"".join(pieces)}</div>'


def _merged(graphs: list[Graph]) -> list[Graph]:
    """Graphs that nothing tells apart as one, under all their labels."""
    kept: list[list[Graph]] = []
    for graph in graphs:
        alike = next((group for group in kept if same_graph(group[0], graph)), None)
        kept.append([graph]) if alike is None else alike.append(graph)
    return [Graph(", ".join(g.label for g in group), group[0].operators, group[0].facts) for group in kept]


def _alike(graph: Graph) -> str:
    return f"The graphs of {escape(graph.label)} do not differ in anything that is looked at."


def _graph_table(graphs: list[Graph]) -> str:
    """The facts of each graph, and the operators that not all have equally often."""
    told = [{"name": name, "kind": "of the graph", "of": [g.facts.get(name) for g in graphs]} for name in FACTS]
    differing = operators_that_differ(graphs)
    told += [{"name": n, "kind": "operator", "of": [g.operators.get(n, 0) for g in graphs]} for n in differing]
    columns = [
        Column("operator", _operator, lambda r: r["name"], kind="operator"),
        *(_count_column(index, graph.label) for index, graph in enumerate(graphs)),
    ]
    names = {n for graph in graphs for n in graph.operators}
    rest = len(names) - len(differing)
    note = f'<p class="quiet">{rest} more kinds of operator are equally frequent in all of them.</p>' if rest else ""
    return f"<div>{table(columns, told, 'Differences between the graphs')}{note}</div>"


def _operator(row: Mapping[str, Any]) -> str:
    name = escape(row["name"])
    return f"<b>{name}</b>" if row["kind"] == "of the graph" else name.replace(".", ".<wbr>")


def _count_column(index: int, label: str) -> Column:
    def cell(row: Mapping[str, Any]) -> str:
        value, first = row["of"][index], row["of"][0]
        if not units.known(value):
            return "–"
        if row["name"] == "size":
            return units.with_unit(value, "bytes")
        try:
            value, change = int(value), int(value) - int(first)
        except (TypeError, ValueError):
            return escape(value)
        return f"{value:,}{_change(f'{change:+,}') if index and change else ''}"

    return Column(label, cell, lambda row: _float(row["of"][index]), number=True)


def _time_table(graphs: list[Graph]) -> str:
    """Seconds by operator in each profiled graph, the largest difference first."""
    largest: dict[str, float] = {}
    for graph in graphs[1:]:
        for change in time_changes(graphs[0], graph):
            largest[change.operator] = max(largest.get(change.operator, 0.0), abs(change.seconds))
    ordered = sorted(largest, key=lambda name: (-largest[name], name))
    times = [g.times() for g in graphs]
    rows = [{"name": name, "of": [t.get(name) for t in times]} for name in ordered[:SHOWN_TIMES]]
    if others := ordered[SHOWN_TIMES:]:
        rows.append({"name": f"{len(others)} others", "of": [_sum(t, others) for t in times]})
    rows.append({"name": "all operators", "of": [_sum(t, ordered) for t in times]})
    scale = units.scale_for([seconds for row in rows for _, seconds in filter(None, row["of"])], "s")
    columns = [
        Column("operator", lambda r: escape(r["name"]), lambda r: r["name"], kind="operator"),
        *(_time_column(index, graph.label, scale) for index, graph in enumerate(graphs)),
    ]
    note = '<p class="quiet">By the profile of the graph as the runtime ran it, after its own optimisation.</p>'
    return f"<div>{table(columns, rows, 'Time per operator')}{note}</div>"


def _sum(times: Mapping[str, tuple[float, float]], names: list[str]) -> tuple[float, float]:
    found = [times[name] for name in names if name in times]
    return sum(calls for calls, _ in found), sum(seconds for _, seconds in found)


def _time_column(index: int, label: str, scale: units.Scale) -> Column:
    def cell(row: Mapping[str, Any]) -> str:
        own, first = row["of"][index], (row["of"][0] or (0.0, 0.0))
        change = scale.of((own or (0.0, 0.0))[1] - first[1]) if index else 0.0
        shown = units.number(scale.of(own[1])) if own else "–"
        calls = f'<span class="interval">{units.whole(own[0])} calls</span>' if own else ""
        sign = "+" if change > 0 else ""
        return f"{shown}{_change(sign + units.number(change)) if change else ''}{calls}"

    return Column(label, cell, lambda row: (row["of"][index] or (0.0, 0.0))[1], number=True, unit=scale.unit)


def _change(text: str) -> str:
    return f' <span class="quiet">{text.replace("-", "−")}</span>'


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
