"""torch_bench's `cort`."""

from __future__ import annotations

from benchlib.exporters._absent import absent

exporter = absent(
    "cort",
    "torch.compile with experimental-experiment's ONNX backend",
    "cort is experimental-experiment's backend of torch.compile; install that package and use exporter custom",
)
