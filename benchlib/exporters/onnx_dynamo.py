"""`torch.onnx.export` over `torch.export` (`dynamo=True`).

torch.export refuses a model whose course depends on its data ("more than 1,000 boxes?"). With `draft` such a model is
drafted (`torch.export.draft_export`): the graph holds what it decides for the example inputs, the record says which
decisions these were, and whether they hold for other inputs is the judge's affair.

torch 2.11 removed its own `fallback=`; `onnx_dynamo-fallback` does what it did: where this exporter fails, the one that
traces is asked, and the record says which it was (`exporter_used`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchlib.exporters import ExportRequest, _export_forms, _flat, _torch_export, _torch_onnx, script
from benchlib.exporters._torch_export import Axes
from benchlib.onnx_facts import onnx_facts
from benchlib.registry import Exporter, Facts, Option

ONE_FILE = 1_800_000_000  # bytes of weights up to which one file holds all; protobuf ends at 2 GiB


def export(request: ExportRequest) -> Facts:
    """Exports the module on its example inputs to `<path>.onnx`; large weights go to a file beside it."""
    flat = _flat.flat(request.model)
    weights = sum(t.numel() * t.element_size() for t in (*flat.module.parameters(), *flat.module.buffers()))
    optimize = request.options.get("optimize", True)
    how: dict[str, Any] = {"dynamo": True, "optimize": optimize, "external_data": weights > ONE_FILE}
    write: Callable[..., Path] = partial(_torch_onnx.write, path=request.path, target_opset=request.target_opset, **how)
    with _export_forms.taken():
        try:
            file, drafted = _written(write, flat, request.axes), {}
        except Exception as failure:
            if not (request.options.get("draft", False) and _torch_export.decides_on_data(failure)):
                raise
            program, decisions = _torch_export.drafted(flat, request.axes)
            file, drafted = write(replace(flat, module=program)), {"decisions": "; ".join(decisions)}
    _check(file, request.axes)
    return {"file": str(file), **drafted, **onnx_facts(file, optimized=optimize)}


def _written(write: Callable[..., Path], flat: _flat.Flat, axes: Axes) -> Path:
    """Writes the graph with axes of one name as one dimension; where no such dimension can be (a size that has to be
    even), with a dimension for each axis."""
    if not axes:
        return write(flat)
    try:
        return write(flat, dynamic_shapes=_torch_export.one_dimension_per_name(flat, axes))
    except Exception:  # names in place of dimensions are free for themselves; a failure of that one counts
        return write(flat, dynamic_shapes=tuple(dict(axes.get(name, {})) for name in flat.input_names))


def _check(file: Path, axes: Axes) -> None:
    """torch.onnx.export makes an axis fixed, and says nothing, when that is what torch.export proposes: such a graph
    raises Specialised."""
    import onnx

    if not axes:
        return
    for value in onnx.load(file, load_external_data=False).graph.input:
        for axis, free in axes.get(value.name, {}).items():
            dim = value.type.tensor_type.shape.dim[axis]
            if dim.HasField("dim_value"):
                raise _torch_export.Specialised(axis, free, value.name, dim.dim_value)


def export_or_trace(request: ExportRequest) -> Facts:
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
    usual=True,
    options={
        "optimize": Option(bool, True, "let the exporter optimise the graph, as it does by default"),
        "draft": Option(bool, False, "where the model decides on its data, export what it decides for the example"),
    },
    export=export,
)
variants = {
    "fallback": replace(
        exporter,
        name="onnx_dynamo-fallback",
        summary="torch.onnx.export over torch.export, else by tracing",
        usual=False,
        export=export_or_trace,
    )
}
