"""`torch.onnx.export` over `torch.export` (`dynamo=True`).

torch 2.11 removed its own `fallback=`; `onnx_dynamo-fallback` does what it did: where this exporter fails, the one that
traces is asked, and the record says which it was (`exporter_used`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchlib.exporters import ExportRequest, _flat, _onnx_facts, _torch_export, _torch_onnx, script
from benchlib.registry import Exporter, Option

ONE_FILE = 1_800_000_000  # bytes of weights up to which one file holds all; protobuf ends at 2 GiB


def export(request: ExportRequest) -> dict[str, Any]:
    """Exports the module on its example inputs to `<path>.onnx`; large weights go to a file beside it.

    With free axes the program is captured first, so that none is specialised unseen (`_torch_export`).
    """
    flat = _flat.flat(request.model)
    weights = sum(t.numel() * t.element_size() for t in (*flat.module.parameters(), *flat.module.buffers()))
    optimize = request.options.get("optimize", True)
    how: dict[str, Any] = {"dynamo": True, "optimize": optimize, "external_data": weights > ONE_FILE}
    if request.axes:
        how["captured"] = _torch_export.program(flat, request.axes)
        how["dynamic_shapes"] = [dict(request.axes.get(name, {})) for name in flat.input_names]  # only their names
    file = _torch_onnx.write(flat, request.path, request.target_opset, **how)
    return {"file": str(file), **_onnx_facts.onnx_facts(file, optimized=optimize)}


def export_or_trace(request: ExportRequest) -> dict[str, Any]:
    """What `onnx_dynamo` leaves, or where that fails what `script` does. When both fail, the first failure counts."""
    try:
        return {**export(request), "exporter_used": exporter.name}
    except Exception as failure:
        print(f"{exporter.name} failed, {script.exporter.name} is tried: {type(failure).__name__}: {failure}")
        try:
            facts = script.export(replace(request, options={}))
        except Exception as second:
            failure.add_note(f"{script.exporter.name} failed too: {type(second).__name__}: {second}")
            raise failure from second
        return {**facts, "exporter_used": script.exporter.name}


exporter = Exporter(
    name="onnx_dynamo",
    summary="torch.onnx.export over torch.export",
    packages=("torch", "onnx", "onnxscript"),
    options={"optimize": Option(bool, True, "let the exporter optimise the graph, as it does by default")},
    export=export,
)
variants = {
    "fallback": replace(
        exporter,
        name="onnx_dynamo-fallback",
        summary="torch.onnx.export over torch.export, else by tracing",
        export=export_or_trace,
    )
}
