"""`to_onnx` of the package experimental-experiment: the exporter that torch_bench calls `custom`.

It has optimisation patterns of its own, so `opt_patterns` goes to it unchanged: `default+onnxruntime-Cast`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchlib.exporters import ExportRequest, _flat
from benchlib.onnx_facts import onnx_facts
from benchlib.registry import Exporter, Facts, Option


def export(request: ExportRequest) -> Facts:
    """Writes `<path>.onnx` in the way of torch_bench (`ModelRunner._to_onnx_custom` of experimental-experiment)."""
    import torch
    from experimental_experiment.torch_interpreter import ExportOptions, to_onnx
    from experimental_experiment.xbuilder import OptimizationOptions

    flat, file = _flat.flat(request.model), request.path.with_name(f"{request.path.name}.onnx")
    patterns = request.opt_patterns if request.opt_patterns != "none" else ""
    how: dict[str, Any] = {
        "input_names": flat.input_names,
        "output_names": flat.output_names,
        "optimize": bool(patterns),
        "options": OptimizationOptions(constant_folding=True, patterns=patterns) if patterns else None,
        "export_options": ExportOptions(strategy=request.options.get("strategy", "") or None),
        "large_model": True,
        "inline": True,
    }
    if request.target_opset is not None:
        how["target_opset"] = request.target_opset
    if request.axes:
        how["dynamic_shapes"] = _shapes(flat, request.axes)
    with torch.no_grad():
        to_onnx(flat.module, flat.args, filename=str(file), **how)
    return {"file": str(file), **onnx_facts(file, optimized=bool(patterns))}


def _shapes(flat: _flat.Flat, axes: Any) -> Mapping[str, Mapping[int, Any]]:
    from torch.export import Dim

    dims = {name: Dim(name) for of_input in axes.values() for name in of_input.values()}
    return {name: {axis: dims[free] for axis, free in axes.get(name, {}).items()} for name in flat.input_names}


exporter = Exporter(
    name="custom",
    summary="to_onnx of experimental-experiment",
    packages=("torch", "onnx", "experimental_experiment"),
    options={
        "strategy": Option(str, "", "how the module is captured, a strategy of its ExportOptions (nostrict, tracing)")
    },
    export=export,
    own_patterns=True,
)
