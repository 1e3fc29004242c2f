"""No export: an ONNX file that is ready."""

from __future__ import annotations

from benchlib.registry import Exporter

exporter = Exporter(
    name="onnx",
    summary="a ready ONNX file",
    takes="onnx",
    packages=("onnx",),
)
