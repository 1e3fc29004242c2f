"""No export: an ONNX file that is ready, where it is."""

from __future__ import annotations

from benchlib.exporters import ExportRequest
from benchlib.onnx_facts import onnx_facts
from benchlib.registry import Exporter, Facts


def export(request: ExportRequest) -> Facts:
    """The facts of the file; it is not copied, and took no time to export."""
    return {"file": str(request.model.file), "time_export": 0.0, **onnx_facts(request.model.file)}


exporter = Exporter(
    name="onnx",
    summary="a ready ONNX file",
    takes="onnx",
    packages=("onnx",),
    usual=True,
    export=export,
)
