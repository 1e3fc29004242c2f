"""`torch.onnx.export` over `torch.export` (`dynamo=True`)."""

from __future__ import annotations

from typing import Any

from benchlib.exporters import ExportRequest, _flat, _onnx_facts, _torch_onnx
from benchlib.registry import Exporter, Option

ONE_FILE = 1_800_000_000  # bytes of weights up to which one file holds all; protobuf ends at 2 GiB


def export(request: ExportRequest) -> dict[str, Any]:
    """Exports the module on its example inputs to `<path>.onnx`; large weights go to a file beside it."""
    flat = _flat.flat(request.model)
    weights = sum(t.numel() * t.element_size() for t in (*flat.module.parameters(), *flat.module.buffers()))
    optimize = request.options.get("optimize", True)
    file = _torch_onnx.write(
        flat, request.path, request.target_opset, dynamo=True, optimize=optimize, external_data=weights > ONE_FILE
    )
    return {"file": str(file), **_onnx_facts.onnx_facts(file, optimized=optimize)}


exporter = Exporter(
    name="onnx_dynamo",
    summary="torch.onnx.export over torch.export",
    packages=("torch", "onnx", "onnxscript"),
    options={"optimize": Option(bool, True, "let the exporter optimise the graph, as it does by default")},
    export=export,
)
