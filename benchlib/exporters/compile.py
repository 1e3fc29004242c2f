"""`torch.compile` without a compiler behind it: dynamo captures the graph, which then runs as it is."""

from __future__ import annotations

from typing import Any

from benchlib.registry import Exporter, Option
from benchlib.runtimes import OpenRequest


def prepare(module: Any, request: OpenRequest) -> Any:
    """The captured module; dynamo captures at its first call."""
    import torch

    fullgraph = request.exporter_args.get("fullgraph", True)
    return torch.compile(module, backend=_as_it_is, fullgraph=fullgraph, dynamic=request.dynamic)


def _as_it_is(graph: Any, example_inputs: Any) -> Any:
    """A backend of torch.compile that leaves the graph to torch's own interpreter of operators."""
    return graph.forward


exporter = Exporter(
    name="compile",
    summary="torch.compile, the captured graph as it is",
    artifact="module",
    runtime="torch",
    packages=("torch", "torch._dynamo"),
    options={"fullgraph": Option(bool, True, "fail on a graph break instead of running parts of the model in Python")},
    prepare=prepare,
    compiles=True,
)
