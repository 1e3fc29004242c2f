"""`torch.onnx.export` by tracing with TorchScript (`dynamo=False`)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchlib.exporters import _flat, _onnx_facts
from benchlib.models import LoadedModel
from benchlib.registry import Exporter, Option


def export(model: LoadedModel, path: Path, options: Mapping[str, Any], target_opset: int | None) -> dict[str, Any]:
    """Traces the module on its example inputs and writes `<path>.onnx`."""
    import torch

    flat = _flat.flat(model)
    file = path.with_name(f"{path.name}.onnx")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there is a newer exporter
        torch.onnx.export(
            flat.module,
            flat.args,
            str(file),
            dynamo=False,
            verbose=False,
            input_names=flat.input_names,
            output_names=flat.output_names,
            opset_version=target_opset,
            do_constant_folding=options.get("constant_folding", False),
        )
    return {"file": str(file), **_onnx_facts.onnx_facts(file)}


exporter = Exporter(
    name="script",
    summary="torch.onnx.export by tracing (TorchScript)",
    packages=("torch", "onnx"),
    options={"constant_folding": Option(bool, False, "compute constant parts of the graph at export")},
    export=export,
)
