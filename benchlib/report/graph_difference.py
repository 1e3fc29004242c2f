"""What differs between the graphs of two ways, and what of their difference in time which operators explain.

Nothing but arithmetic on what the records say; `benchlib.report.graphs` shows it. Operators are named by their kind;
those of another domain than ONNX's own carry it: `com.microsoft.FusedMatMul`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchlib.report import units

FACTS = ("nodes", "fused nodes", "initializers", "opset", "size")
ALIKE = 0.05  # of the slower one's time: what is closer needs no explanation
EXPLAINED = 0.8  # of a gap: what goes beyond that is left out
NAMED = 3  # operators, at most, in a sentence
IN_RETURN = 0.1  # of a gap: what an operator takes more in the faster graph is told from here on


@dataclass(frozen=True)
class Graph:
    """One way's graph. `facts` are of FACTS (a count, a version, bytes); `profile` has rows {"operator", "provider",
    "calls", "seconds"} per call of the model, of the graph as its runtime ran it."""

    label: str
    operators: Mapping[str, int]
    facts: Mapping[str, Any] = field(default_factory=dict)
    profile: Sequence[Mapping[str, Any]] = ()

    def times(self) -> dict[str, tuple[float, float]]:
        """Operator -> (how often a call of the model runs it, the seconds in it), over all providers."""
        found: dict[str, tuple[float, float]] = {}
        for row in self.profile:
            calls, seconds = found.get(row["operator"], (0.0, 0.0))
            found[row["operator"]] = calls + row["calls"], seconds + row["seconds"]
        return found

    @property
    def seconds(self) -> float:
        """Seconds of a call in all operators."""
        return sum(seconds for _, seconds in self.times().values())


@dataclass(frozen=True)
class TimeChange:
    """One operator in two profiles: (calls, seconds) in each, (0, 0) where it does not run."""

    operator: str
    one: tuple[float, float]
    other: tuple[float, float]

    @property
    def seconds(self) -> float:
        """How many seconds more the first one spends in it."""
        return self.one[1] - self.other[1]


def fused(operators: Mapping[str, int]) -> int:
    """How many nodes are of another domain: what an optimiser made of several."""
    return sum(n for name, n in operators.items() if "." in name)


def graph_of(label: str, details: Mapping[str, Any], metrics: Mapping[str, Any]) -> Graph:
    """The graph that a record tells of. `details` are its tables `operators`, `graph` and `profile`; what `graph` does
    not say is taken from its metrics."""
    operators, told = details["operators"], details.get("graph") or {}
    named = {"nodes": "onnx_n_nodes", "initializers": "onnx_n_initializer", "opset": "onnx_opset",
             "size": "onnx_filesize"}  # fmt: skip
    facts = {name: told.get(name, metrics.get(metric)) for name, metric in named.items()}
    facts = {name: value for name, value in facts.items() if units.known(value)}
    return Graph(label, operators, facts | {"fused nodes": fused(operators)}, details.get("profile") or ())


def same_graph(one: Graph, other: Graph) -> bool:
    """Whether nothing that is known tells them apart."""
    return dict(one.operators) == dict(other.operators) and dict(one.facts) == dict(other.facts)


def operators_that_differ(graphs: Sequence[Graph]) -> list[str]:
    """The operators that not all graphs have equally often, those whose numbers are farthest apart first."""
    counts = {name: [g.operators.get(name, 0) for g in graphs] for name in {n for g in graphs for n in g.operators}}
    spread = {name: max(found) - min(found) for name, found in counts.items()}
    return sorted((name for name, n in spread.items() if n), key=lambda name: (-spread[name], name))


def time_changes(one: Graph, other: Graph) -> list[TimeChange]:
    """Every operator of two profiled graphs, the largest difference in seconds first."""
    a, b = one.times(), other.times()
    never = (0.0, 0.0)
    found = [TimeChange(name, a.get(name, never), b.get(name, never)) for name in {*a, *b}]
    return sorted(found, key=lambda c: (-abs(c.seconds), c.operator))


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
