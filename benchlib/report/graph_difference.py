"""What differs between the graphs of two ways, and what of their difference in time which operators explain.

Nothing but arithmetic on what the records say; `benchlib.report.graphs` shows it. Operators are named by their kind;
those of another domain than ONNX's own carry it: `com.microsoft.FusedMatMul`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchlib.record import GraphSize, OperatorTime, Record
from benchlib.report import units
from benchlib.report.rows import Row

ALIKE = 0.05  # of the slower one's time: what is closer needs no explanation
EXPLAINED = 0.8  # of a gap: what goes beyond that is left out
NAMED = 3  # operators, at most, in a sentence
IN_RETURN = 0.1  # of a gap: what an operator takes more in the faster graph is told from here on


@dataclass(frozen=True)
class GraphFacts:
    """What a table shows of a graph beside its operators; None where it is not known."""

    nodes: int | None = None
    fused_nodes: int | None = None
    initializers: int | None = None
    opset: int | None = None
    size: int | None = None  # bytes


class Spent(NamedTuple):
    """What a call of a model spends in one operator."""

    calls: float = 0.0
    seconds: float = 0.0

    def plus(self, other: Spent) -> Spent:
        return Spent(self.calls + other.calls, self.seconds + other.seconds)


@dataclass(frozen=True)
class Graph:
    """One way's graph. `profile` is of a call of the model, of the graph as its runtime ran it."""

    label: str
    operators: Mapping[str, int]
    facts: GraphFacts = field(default_factory=GraphFacts)
    profile: Sequence[OperatorTime] = ()

    def times(self) -> dict[str, Spent]:
        """What is spent in each operator, over all providers."""
        times: dict[str, Spent] = {}
        for row in self.profile:
            times[row.operator] = times.get(row.operator, Spent()).plus(Spent(row.calls, row.seconds))
        return times

    @property
    def seconds(self) -> float:
        """Seconds of a call in all operators."""
        return sum(spent.seconds for spent in self.times().values())


@dataclass(frozen=True)
class TimeChange:
    """One operator in two profiles; nothing is spent in it where it does not run."""

    operator: str
    one: Spent
    other: Spent

    @property
    def seconds(self) -> float:
        """How many seconds more the first one spends in it."""
        return self.one.seconds - self.other.seconds


def fused(operators: Mapping[str, int]) -> int:
    """How many nodes are of another domain: what an optimiser made of several."""
    return sum(n for name, n in operators.items() if "." in name)


def graph_of(label: str, record: Record, row: Row) -> Graph:
    """The graph that a record tells of. What the record's own table of it does not say is taken from its metrics, as
    they stand in the `row` of its trial."""
    size = record.graph or GraphSize()
    facts = GraphFacts(
        _first_known(size.nodes, row.get("onnx_n_nodes")),
        fused(record.operators),
        _first_known(size.initializers, row.get("onnx_n_initializer")),
        _first_known(size.opset, row.get("onnx_opset")),
        _first_known(size.size, row.get("onnx_filesize")),
    )
    return Graph(label, record.operators, facts, record.profile)


def same_graph(one: Graph, other: Graph) -> bool:
    """Whether nothing that is known tells them apart."""
    return one.operators == other.operators and one.facts == other.facts


def operators_that_differ(graphs: Sequence[Graph]) -> list[str]:
    """The operators that not all graphs have equally often, those whose numbers are farthest apart first."""
    counts = {name: [g.operators.get(name, 0) for g in graphs] for name in {n for g in graphs for n in g.operators}}
    spread = {name: max(found) - min(found) for name, found in counts.items()}
    return sorted((name for name, n in spread.items() if n), key=lambda name: (-spread[name], name))


def time_changes(one: Graph, other: Graph) -> list[TimeChange]:
    """Every operator of two profiled graphs, the largest difference in seconds first."""
    a, b = one.times(), other.times()
    changes = [TimeChange(name, a.get(name, Spent()), b.get(name, Spent())) for name in {*a, *b}]
    return sorted(changes, key=lambda c: (-abs(c.seconds), c.operator))


def explanation(one: Graph, other: Graph) -> str:
    """What the difference in time between two profiled graphs is made of, in a sentence or two; "" without profiles."""
    if not one.profile or not other.profile:
        return ""
    slow, fast = (one, other) if one.seconds >= other.seconds else (other, one)
    gap = slow.seconds - fast.seconds
    totals = f"{slow.label} ({_time(slow.seconds)} in operators) and {fast.label} ({_time(fast.seconds)})"
    if gap <= ALIKE * slow.seconds:
        return f"Between {totals} there is no gap to explain: less than {ALIKE:.0%}.".replace("%", " %")
    changes = time_changes(slow, fast)
    parts, rest = [], gap
    for change in (c for c in changes if c.seconds > 0):
        parts.append(f"{_time(change.seconds)} is {change.operator}: {_calls(change)}")
        rest -= change.seconds
        if rest <= (1 - EXPLAINED) * gap or len(parts) == NAMED:
            break
    text = f"Of the {_time(gap)} between {totals}, {'; '.join(parts)}."
    in_return = [c for c in changes if c.seconds < -IN_RETURN * gap][:NAMED]
    if in_return:
        told = [f"{_time(-c.seconds)} more in {c.operator} ({_calls(c)})" for c in in_return]
        text += f" In return {fast.label} spends {' and '.join(told)}."
    return text


def _first_known(*values: Any) -> Any:
    return next((value for value in values if units.known(value)), None)


def _calls(change: TimeChange) -> str:
    """`24 calls against 12`, the first one being the slower graph's."""
    (calls, seconds), (others, other_seconds) = change.one, change.other
    if calls == others:
        return f"{_number(calls)} in both, of {_time(seconds / calls)} against {_time(other_seconds / others)}"
    if not calls:
        return f"none against {_number(others)}"
    return f"{_number(calls)} against {units.whole(others) if others else 'none'}"


def _number(calls: float) -> str:
    return f"{units.whole(calls)} call{'' if calls == 1 else 's'}"


def _time(seconds: float) -> str:
    return units.duration(seconds)
