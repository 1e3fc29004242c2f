"""`torch.onnx.export` by tracing with TorchScript (`dynamo=False`)."""

from __future__ import annotations

import warnings
from dataclasses import replace

from benchlib.exporters import ExportRequest, _flat, _torch_onnx
from benchlib.onnx_facts import onnx_facts
from benchlib.registry import Exporter, Facts, Option


def export(request: ExportRequest) -> Facts:
    """Traces the module on its example inputs and writes `<path>.onnx`. The free axes are so by declaration: what the
    module's own Python made of a size is a constant of the graph, which only running it at other shapes tells."""
    import torch

    how = {
        "dynamo": False,
        "do_constant_folding": request.options.get("constant_folding", False),
        "training": torch.onnx.TrainingMode.PRESERVE,  # parts keep the modes in which they were given
        "dynamic_axes": {name: dict(axes) for name, axes in request.axes.items()} or None,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there is a newer exporter
        file = _torch_onnx.write(_without_scripts(_flat.flat(request.model)), request.path, request.target_opset, **how)
    return {"file": str(file), **onnx_facts(file)}


def _without_scripts(flat: _flat.Flat) -> _flat.Flat:
    """A module with TorchScript in it as one trace: the exporter's own tracing stops at a script inside of a module."""
    import torch

    if not any(isinstance(part, torch.jit.ScriptModule) for part in flat.module.modules()):
        return flat
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)
        return replace(flat, module=torch.jit.trace(flat.module, flat.args, check_trace=False, strict=False))


exporter = Exporter(
    name="script",
    summary="torch.onnx.export by tracing (TorchScript)",
    packages=("torch", "onnx"),
    usual=True,
    traces=True,
    options={"constant_folding": Option(bool, False, "compute constant parts of the graph at export")},
    export=export,
)
