"""Which passes cannot follow each other, whatever the model: general rules, from what the passes declare, and those
that were found by trying every pair."""

from __future__ import annotations

from collections.abc import Iterator

from benchlib.registries import passes
from benchlib.way import PassCall, Way

# (earlier, later): the later one needs types that cannot be inferred through what the earlier one leaves.
TYPES_LOST = {("ort", "int8-dynamic"), ("ort", "int8-static"), ("ort", "bf16"), ("ort-transformers", "bf16")}
HALVES = ("float16", "bfloat16")


def illegal(way: Way) -> str | None:
    """The rule that forbids the passes of a way, in one sentence, or None."""
    rules = (_twice, _without_rules, _exporter, _computed_twice, _types_lost, _halves_on_the_cpu, _products_with_bias)
    return next(filter(None, (rule(way) for rule in rules)), None)


def _twice(way: Way) -> str | None:
    names = [call.name for call in way.passes]
    again = next((name for name in names if names.count(name) > 1), None)
    return f"pass {again} stands twice in opt_patterns, and its options can be given only once" if again else None


def _without_rules(way: Way) -> str | None:
    for call in way.passes:
        if call.without and not passes.get(call.name).patterns:
            return f"pass {call.name} has no rules that could be taken out ({'-'.join((call.name, *call.without))})"
    return None


def _exporter(way: Way) -> str | None:
    """A pass for one exporter is for the variants of that exporter too."""
    for call in way.passes:
        only = passes.get(call.name).exporters
        if only and not any(way.exporter == name or way.exporter.startswith(f"{name}-") for name in only):
            return f"pass {call.name} works on what {' or '.join(only)} leaves, not on what {way.exporter} does"
    return None


def _computed_twice(way: Way) -> str | None:
    changing = [(call.name, c) for call in way.passes if (c := passes.get(call.name).computes)]
    if len(changing) < 2:
        return None
    (first, before), (second, after) = changing[:2]
    return f"pass {first} makes the graph compute in {before}, and {second} would convert that to {after} again"


def _types_lost(way: Way) -> str | None:
    for earlier, later in _pairs(way):
        fuses = passes.get(earlier.name).contrib(way.options_of(earlier.name))
        if fuses and (earlier.name, later.name) in TYPES_LOST:
            return (
                f"pass {later.name} needs the type of every value, and {earlier.name} leaves operators of "
                f"onnxruntime's own whose types are not inferred: {later.name} has to come first"
            )
    return None


def _halves_on_the_cpu(way: Way) -> str | None:
    """Measured on BERT with two layers: 6 Casts after fp16, 55 after fp16+ort."""
    for earlier, later in _pairs(way):
        kind = passes.get(earlier.name).computes
        if later.name == "ort" and kind in HALVES:
            return (
                f"pass ort optimises for the CPU, which has few kernels in {kind}: after {earlier.name} it would put "
                "the graph back into float32 between Casts"
            )
    return None


def _products_with_bias(way: Way) -> str | None:
    for earlier, later in _pairs(way):
        if (earlier.name, later.name) == ("ort", "int4-weights") and "MatMulAddFusion" not in earlier.without:
            return (
                "pass ort makes a Gemm of each MatMul with a bias, which int4-weights does not quantise: "
                "ort-MatMulAddFusion leaves them"
            )
    return None


def _pairs(way: Way) -> Iterator[tuple[PassCall, PassCall]]:
    calls = way.passes
    return ((earlier, later) for n, later in enumerate(calls) for earlier in calls[:n])
