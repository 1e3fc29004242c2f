"""Which passes cannot follow each other, whatever the model: general rules, from what the passes declare."""

from __future__ import annotations

from benchlib.registry import passes
from benchlib.way import Way


def illegal(way: Way) -> str | None:
    """The rule that forbids the passes of a way, in one sentence, or None."""
    for rule in (_twice, _without_rules, _computed_twice):
        problem = rule(way)
        if problem:
            return problem
    return None


def _twice(way: Way) -> str | None:
    names = [call.name for call in way.passes]
    again = next((name for name in names if names.count(name) > 1), None)
    return f"pass {again} stands twice in opt_patterns, and its options could only be given once" if again else None


def _without_rules(way: Way) -> str | None:
    for call in way.passes:
        if call.without and not passes.get(call.name).patterns:
            return f"pass {call.name} has no rules that could be taken out ({'-'.join((call.name, *call.without))})"
    return None


def _computed_twice(way: Way) -> str | None:
    changing = [(call.name, c) for call in way.passes if (c := passes.get(call.name).computes)]
    if len(changing) > 1:
        (first, before), (second, after) = changing[:2]
        return f"pass {first} makes the graph compute in {before} already: {second} ({after}) would convert it again"
    return None
