"""torch_bench's `ORTModule`."""

from __future__ import annotations

from benchlib.exporters._absent import absent

exporter = absent(
    "ORTModule",
    "onnxruntime's wrapper for training",
    "ORTModule needs onnxruntime-training, which ended with 1.19 and excludes the onnxruntime that is used here",
)
