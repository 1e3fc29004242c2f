"""What `onnx_program.optimize()` does in torch, on the exported file.

Since torch 2.8 that is onnxscript's optimizer followed by the fusions into operators of opset 23. The exporter calls
it itself unless its option `optimize` is off; the pass then finds little left.
"""

from __future__ import annotations

from benchlib.passes import PassRequest, _onnx_io
from benchlib.registry import Facts, Pass


def apply(request: PassRequest) -> Facts:
    """The same function on the same kind of object: torch's ONNXProgram only hands its model on."""
    from torch.onnx._internal._lazy_import import onnxscript_apis

    _onnx_io.rewrite(request.source, request.target, onnxscript_apis.optimize)
    return {}


pass_ = Pass(
    name="ir",
    summary="what onnx_program.optimize() does",
    apply=apply,
    packages=("torch", "onnx", "onnxscript"),
    exporters=("onnx_dynamo",),
)
