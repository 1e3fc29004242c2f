"""torch_bench's `dort`."""

from __future__ import annotations

from benchlib.exporters._absent import absent

exporter = absent(
    "dort",
    "torch.compile with onnxruntime behind it",
    "torch has no backend onnxrt for torch.compile any more; take inductor, or onnx_dynamo on onnxruntime",
)
