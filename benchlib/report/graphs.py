"""Seeing why: how the graphs of a model's ways differ, and next to it the time that each operator takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import reduce
from typing import Any

from markupsafe import Markup

from benchlib.report import prose, units
from benchlib.report.cases import Case, cases
from benchlib.report.collate import Results
from benchlib.report.columns import Column, interval_below, quiet
from benchlib.report.graph_difference import (
    Graph,
    GraphFacts,
    Spent,
    explanation,
    graph_of,
    operators_that_differ,
    same_graph,
    time_changes,
)
from benchlib.report.markup import html, joined
from benchlib.report.tables import table

OPEN = 2  # models, up to which their tables need no click
SHOWN_TIMES = 15  # operators by time; of the others the sum is told
_SECTION = """\
<details class="case"{% if open %} open{% endif %}><summary><b>{{ title }}</b> {{ headline }}</summary>\
{% if sentences %}<ul class="why">{% for text in sentences %}<li>{{ text }}</li>{% endfor %}</ul>{% endif %}\
{{ tables }}</details>"""


@dataclass(frozen=True)
class _Count:
    """A fact, or the number of nodes of an operator, in each of some graphs."""

    name: str
    values: list[Any]
    is_fact: bool = False


@dataclass(frozen=True)
class _Times:
    """What each of some graphs spends in an operator; None where it does not run."""

    name: str
    values: list[Spent | None]


def sections(results: Results) -> list[str]:
    """A section for each model with two graphs or more, the first of which is what the others are held against."""
    several = [(case, graphs) for case in cases(results.table) if len(graphs := graphs_of(case, results)) > 1]
    return [_section(case, graphs, len(several) <= OPEN) for case, graphs in several]


def graphs_of(case: Case, results: Results) -> list[Graph]:
    """The graphs of a case, one for each of its ways that has any."""
    own = ((row, results.record_of(row)) for row in case.rows)
    return [graph_of(str(row["way"]), record, row) for row, record in own if record and record.operators]


def _section(case: Case, graphs: list[Graph], open_: bool) -> Markup:
    sentences = [text for graph in graphs[1:] if (text := explanation(graphs[0], graph))]
    headline, tables = _headline(graphs), _tables(graphs)
    return html(_SECTION, open=open_, title=case.title, headline=headline, sentences=sentences, tables=tables)


def _headline(graphs: list[Graph]) -> str:
    differ = len(operators_that_differ(graphs))
    nodes = [g.facts.nodes for g in graphs if g.facts.nodes is not None]
    span = f", {min(nodes):,.0f} to {max(nodes):,.0f} nodes" if nodes and min(nodes) < max(nodes) else ""
    text = f"{differ} operator{'' if differ == 1 else 's'} differ{'s' if differ == 1 else ''}"
    return f"{len(graphs)} graphs{span}; {text if differ else 'the same operators in all'}"


def _tables(graphs: list[Graph]) -> str:
    merged = _merged(graphs)
    profiled = [g for g in graphs if g.profile]
    pieces = [_graph_table(merged) if len(merged) > 1 else prose.paragraph(_alike(merged[0]))]
    if len(profiled) > 1:
        pieces.append(_time_table(profiled))
    return html('<div class="beside">{{ pieces }}</div>', pieces=joined(pieces))


def _merged(graphs: list[Graph]) -> list[Graph]:
    """Graphs that nothing tells apart as one, under all their labels."""
    kept: list[list[Graph]] = []
    for graph in graphs:
        alike = next((group for group in kept if same_graph(group[0], graph)), None)
        kept.append([graph]) if alike is None else alike.append(graph)
    return [Graph(", ".join(g.label for g in group), group[0].operators, group[0].facts) for group in kept]


def _alike(graph: Graph) -> str:
    return f"The graphs of {graph.label} do not differ in anything that is looked at."


def _graph_table(graphs: list[Graph]) -> str:
    """The facts of each graph, and the operators that not all have equally often."""
    facts = [field.name for field in fields(GraphFacts)]
    counts = [_Count(name.replace("_", " "), [getattr(g.facts, name) for g in graphs], is_fact=True) for name in facts]
    differing = operators_that_differ(graphs)
    counts += [_Count(name, [g.operators.get(name, 0) for g in graphs]) for name in differing]
    columns: list[Column[_Count]] = [
        Column("operator", _operator, lambda c: c.name, kind="operator"),
        *(_count_column(index, graph.label) for index, graph in enumerate(graphs)),
    ]
    names = {n for graph in graphs for n in graph.operators}
    rest = len(names) - len(differing)
    note = f"{rest} more kinds of operator are equally frequent in all of them." if rest else ""
    return _with_note(table(columns, counts, "Differences between the graphs"), note)


def _with_note(shown: Markup, note: str) -> Markup:
    return html('<div>{{ table }}{% if note %}<p class="quiet">{{ note }}</p>{% endif %}</div>', table=shown, note=note)


def _operator(count: _Count) -> str:
    if count.is_fact:
        return html("<b>{{ name }}</b>", name=count.name)
    return Markup(".<wbr>").join(count.name.split("."))


def _count_column(index: int, label: str) -> Column[_Count]:
    def cell(count: _Count) -> str:
        value, first = count.values[index], count.values[0]
        if not units.known(value):
            return "–"
        if count.name == "size":
            return units.with_unit(value, "bytes")
        try:
            value, change = int(value), int(value) - int(first)
        except (TypeError, ValueError):
            return str(value)
        return joined([f"{value:,}", _change(f"{change:+,}") if index and change else ""], " ")

    return Column(label, cell, lambda count: _float(count.values[index]), number=True)


def _time_table(graphs: list[Graph]) -> str:
    """Seconds by operator in each profiled graph, the largest difference first."""
    largest: dict[str, float] = {}
    for graph in graphs[1:]:
        for change in time_changes(graphs[0], graph):
            largest[change.operator] = max(largest.get(change.operator, 0.0), abs(change.seconds))
    ordered = sorted(largest, key=lambda name: (-largest[name], name))
    times = [g.times() for g in graphs]
    rows = [_Times(name, [t.get(name) for t in times]) for name in ordered[:SHOWN_TIMES]]
    if others := ordered[SHOWN_TIMES:]:
        rows.append(_Times(f"{len(others)} others", [_spent_in(g, others) for g in graphs]))
    rows.append(_Times("all operators", [_spent_in(g, ordered) for g in graphs]))
    scale = units.scale_for([spent.seconds for row in rows for spent in row.values if spent], "s")
    columns: list[Column[_Times]] = [
        Column("operator", lambda r: r.name, lambda r: r.name, kind="operator"),
        *(_time_column(index, graph.label, scale) for index, graph in enumerate(graphs)),
    ]
    note = "By the profile of the graph as the runtime ran it, after its own optimisation."
    return _with_note(table(columns, rows, "Time per operator"), note)


def _spent_in(graph: Graph, names: list[str]) -> Spent:
    times = graph.times()
    return reduce(Spent.plus, [times[name] for name in names if name in times], Spent())


def _time_column(index: int, label: str, scale: units.Scale) -> Column[_Times]:
    def cell(row: _Times) -> str:
        own, first = row.values[index], row.values[0] or Spent()
        change = scale.of((own or Spent()).seconds - first.seconds) if index else 0.0
        shown = units.number(scale.of(own.seconds)) if own else "–"
        calls = interval_below(f"{units.whole(own.calls)} calls") if own else ""
        sign = "+" if change > 0 else ""
        return joined([shown, _change(sign + units.number(change)) if change else "", calls], " ")

    return Column(label, cell, lambda row: (row.values[index] or Spent()).seconds, number=True, unit=scale.unit)


def _change(text: str) -> Markup:
    return quiet(text.replace("-", "−"))


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
