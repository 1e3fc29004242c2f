"""Where the work of a graph ran: nodes and time by execution provider, from an onnxruntime session's own
assignment and from its profile. Proof against silent fallbacks.

A *profile* is a list of `benchlib.runtimes.ProfileRow`, which other runtimes give too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from benchlib.record import OperatorTime
from benchlib.record.metrics import Metrics
from benchlib.registry import Facts
from benchlib.runtimes import ProfileRow

Placed = Mapping[str, Mapping[str, float]]  # provider -> operator -> how many nodes of it ran there
CPU = "CPUExecutionProvider"

# onnxruntime leaves computations on shapes to the CPU on purpose; other work there is a fallback.
SHAPE_WORK = frozenset(
    """Shape Size Gather Unsqueeze Squeeze Concat Slice Cast Constant ConstantOfShape Range Reshape Expand
    Identity Add Sub Mul Div Mod Neg Abs Floor Ceil Min Max Equal Less LessOrEqual Greater GreaterOrEqual
    And Or Not Where ReduceProd ReduceMax ReduceMin ReduceSum Transpose If Loop
    MemcpyFromHost MemcpyToHost""".split()  # noqa: SIM905
)
COPIES = ("MemcpyFromHost", "MemcpyToHost")  # nodes that onnxruntime puts between a provider and the CPU


class Event(TypedDict, total=False):
    """An event in the profile that onnxruntime writes, as far as it is read here. Times in microseconds."""

    cat: str  # category: Session, Node, …
    name: str
    ts: float  # when it began
    dur: float
    args: Mapping[str, str]  # of a node among them `op_name` and `provider`


def facts(session: Any, provider: str) -> Facts:
    """`nodes_by_provider` and `node_share` from the assignment of an open session; nothing where this onnxruntime
    does not tell (before 1.24). Copies between providers are no part of it: they are put in afterwards."""
    placed = _kinds(session)
    if not placed:
        return {}
    nodes = {name: sum(kinds.values()) for name, kinds in placed.items()}
    return {"nodes_by_provider": nodes, "node_share": share(placed, provider)}


def check(session: Any, provider: str) -> None:
    """Raises RuntimeError when work of the graph, or all of it, is left to another provider instead of `provider`."""
    problem = fallback(_kinds(session), provider)
    if problem:
        raise RuntimeError(problem)


def fallback(placed: Placed, provider: str) -> str | None:
    """The failure of a graph whose nodes ran at `placed`, with their operators' names, or None.

    `placed` is provider -> operator -> how many, as an open session says (`check`) or a profile (`kinds`). Work on the
    CPU is a failure; between TensorRT and the CPU stands CUDA, where nodes are allowed and count against the share.
    """
    left = {kind: n for kind, n in placed.get(CPU, {}).items() if kind not in SHAPE_WORK}
    if provider == CPU or not (left or (placed and provider not in placed)):
        return None
    kinds = ", ".join(f"{n:g} {kind}" for kind, n in sorted(left.items())) or "all of the graph"
    where = CPU if left else " and ".join(sorted(placed))
    told = f"its share of the nodes is {share(placed, provider):.4g}; runtime_args allow_cpu_nodes permits it"
    return f"{provider} would fall back to {where} for {kinds} ({told})"


def kinds(profile: Sequence[ProfileRow]) -> Placed:
    """Provider -> how many nodes of each kind it ran in a call, of a profile; copies between providers left out."""
    placed: dict[str, defaultdict[str, float]] = {}
    for row in profile:
        if row["operator"] not in COPIES:
            placed.setdefault(row["provider"], defaultdict(float))[row["operator"]] += row["calls"]
    return placed


def share(placed: Placed, provider: str) -> float:
    """Nodes on `provider` ÷ all nodes but the computations on shapes that stand elsewhere."""
    own = sum(placed.get(provider, {}).values())
    elsewhere = sum(
        n for name, kinds in placed.items() if name != provider for kind, n in kinds.items() if kind not in SHAPE_WORK
    )
    return own / (own + elsewhere) if own + elsewhere else 0.0


def profile(events: Iterable[Event], calls: int) -> list[ProfileRow]:
    """The table of the last `calls` runs in the events of onnxruntime's profile, the slowest operator first.

    The runs before them warm up. Of a node counts its event of category `Node` called `<node>_kernel_time`, whose
    duration is in microseconds: the time that the calling thread spent in the kernel.
    """
    events = list(events)
    runs = sorted(e["ts"] for e in events if e.get("cat") == "Session" and e.get("name") == "model_run")
    if len(runs) < calls:
        raise ValueError(f"the profile has {len(runs)} runs, {calls} were asked for")
    begin = runs[-calls]
    count: Counter[tuple[str, str]] = Counter()
    time: defaultdict[tuple[str, str], float] = defaultdict(float)
    for e in events:
        if e.get("cat") == "Node" and e["name"].endswith("_kernel_time") and e["ts"] >= begin:
            where = (e["args"]["op_name"], e["args"]["provider"])
            count[where] += 1
            time[where] += e["dur"]
    return table({where: (count[where], time[where] / 1e6) for where in count}, calls)


def table(found: Mapping[tuple[str, str], tuple[int, float]], calls: int) -> list[ProfileRow]:
    """A profile from (operator, provider) -> (times it ran, seconds in all) over `calls` calls of the model."""
    rows: list[ProfileRow] = [
        {"operator": operator, "provider": provider, "calls": n / calls, "seconds": seconds / calls}
        for (operator, provider), (n, seconds) in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["seconds"], row["operator"]))


def summary(profile: Sequence[OperatorTime], provider: str) -> Metrics:
    """What a profile says about `provider`, as metrics: its share of the time, time by provider, copies between."""
    work: defaultdict[str, float] = defaultdict(float)
    times: defaultdict[str, float] = defaultdict(float)
    copies = [row for row in profile if row.operator in COPIES]
    for row in profile:
        times[row.provider] += row.seconds
        if row not in copies and (row.provider == provider or row.operator not in SHAPE_WORK):
            work[row.provider] += row.seconds
    whole = sum(work.values())
    return Metrics(
        node_time_share=work[provider] / whole if whole else None,
        seconds_by_provider=dict(times),
        n_memcpy=sum(row.calls for row in copies),
        time_memcpy=sum(row.seconds for row in copies),
    )


def _kinds(session: Any) -> Placed:
    """Provider -> how many nodes of each kind it runs."""
    placed: dict[str, Counter[str]] = {}
    ask = getattr(session, "get_provider_graph_assignment_info", list)
    for part in ask():
        placed.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return placed
