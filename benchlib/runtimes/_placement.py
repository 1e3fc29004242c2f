"""Which provider runs which nodes of an onnxruntime session: proof against silent fallbacks."""

from __future__ import annotations

from collections import Counter
from typing import Any

CPU = "CPUExecutionProvider"

# onnxruntime leaves computations on shapes to the CPU on purpose; other work there is a fallback.
SHAPE_WORK = frozenset(
    """Shape Size Gather Unsqueeze Squeeze Concat Slice Cast Constant ConstantOfShape Range Reshape Expand
    Identity Add Sub Mul Div Mod Neg Abs Floor Ceil Min Max Equal Less LessOrEqual Greater GreaterOrEqual
    And Or Not Where ReduceProd ReduceMax ReduceMin ReduceSum Transpose If Loop
    MemcpyFromHost MemcpyToHost""".split()  # noqa: SIM905
)


def counts(session: Any) -> dict[str, int]:
    """Nodes by provider; empty where this onnxruntime does not tell (before 1.24)."""
    return {provider: sum(kinds.values()) for provider, kinds in _kinds(session).items()}


def check(session: Any, provider: str) -> None:
    """Raises RuntimeError when work of the graph, or all of it, is left to the CPU instead of `provider`."""
    placed = _kinds(session)
    left = {kind: n for kind, n in placed.get(CPU, {}).items() if kind not in SHAPE_WORK}
    if left or (placed and provider not in placed):
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(left.items())) or "all of the graph"
        raise RuntimeError(f"{provider} would fall back to {CPU} for {kinds} (runtime_args allow_cpu_nodes permits it)")


def _kinds(session: Any) -> dict[str, Counter]:
    """Provider -> how many nodes of each kind it runs."""
    placed: dict[str, Counter] = {}
    ask = getattr(session, "get_provider_graph_assignment_info", list)
    for part in ask():
        placed.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return placed
