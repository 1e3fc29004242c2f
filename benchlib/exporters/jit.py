"""`torch.jit.trace`: TorchScript, saved, and run by torch."""

from __future__ import annotations

import warnings
from typing import Any

from benchlib.exporters import ExportRequest, _flat, _trace_graph
from benchlib.registry import Exporter, Facts, Option
from benchlib.runtimes import OpenRequest


def export(request: ExportRequest) -> Facts:
    """Traces the wrapper on its example inputs and writes `<path>.pt`. A trace records operators, not shapes: an axis
    is as free as the module's own code leaves it, which only running it at other shapes tells."""
    import torch

    flat = _flat.flat(request.model)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # The trace is checked against eager later, at this and at other shapes.
        traced = torch.jit.trace(flat.module, flat.args, check_trace=False, strict=False)
        if request.options.get("freeze", False):
            traced = torch.jit.freeze(traced)
    file = request.path.with_name(f"{request.path.name}.pt")
    traced.save(str(file))
    used = _trace_graph.inputs_used(traced.inlined_graph, flat.input_names)
    return {"file": str(file), "artifact_size": file.stat().st_size, "graph_inputs_used": "|".join(used)}


def reopen(file: str, request: OpenRequest) -> Any:
    """The script on the request's device. `optimize` is here: what it makes of a graph belongs to a machine."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.load(file, map_location=request.device).eval()
        if request.exporter_args.get("optimize", False):
            script = torch.jit.optimize_for_inference(script)
    return script


exporter = Exporter(
    name="jit",
    summary="torch.jit.trace, run by torch",
    artifact="torchscript",
    runtime="torch",
    packages=("torch",),
    usual=True,
    traces=True,
    options={
        "freeze": Option(bool, False, "weights become constants of the graph (torch.jit.freeze)"),
        "optimize": Option(bool, False, "torch.jit.optimize_for_inference when it is opened"),
    },
    export=export,
    reopen=reopen,
)
