"""No export: an ONNX file that is ready, where it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchlib.models import LoadedModel
from benchlib.registry import Exporter


def export(model: LoadedModel, path: Path, options: Mapping[str, Any], target_opset: int | None) -> dict[str, Any]:
    """The facts of the file; it is not copied, and took no time to export."""
    from benchlib.exporters._onnx_facts import onnx_facts

    return {"file": str(model.file), "time_export": 0.0, **onnx_facts(model.file)}


exporter = Exporter(
    name="onnx",
    summary="a ready ONNX file",
    takes="onnx",
    packages=("onnx",),
    export=export,
)
