"""Weights of matrix products to 4 bits in blocks (`onnxruntime.quantization.matmul_nbits_quantizer`).

The products become MatMulNBits, an operator of onnxruntime's own; embeddings and everything else stay as they are.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchlib.passes import PassRequest, _onnx_io, _ort_graph, _quantize
from benchlib.registry import Facts, Option, Pass

NAME = "int4-weights"
WANTED = ("MatMul",)


def apply(request: PassRequest) -> Facts:
    """Quantises every MatMul whose second operand is a constant matrix. Raises Refused where there is none."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    _quantize.require(_onnx_io.load_graph(request.source), NAME, WANTED)
    with tempfile.TemporaryDirectory() as folder:
        # Transposed weights become constants; a product with a bias has to stay a MatMul to be found.
        file = Path(folder) / "model.onnx"
        _ort_graph.optimize(request.source, file, without=["MatMulAddFusion"])
        model = _onnx_io.load(file)
    quantizer = MatMulNBitsQuantizer(
        model,
        block_size=request.options["block_size"],
        is_symmetric=request.options["symmetric"],
        accuracy_level=request.options["accuracy_level"] or None,
    )
    quantizer.process()
    _onnx_io.save(quantizer.model.model, request.target)
    return _quantize.checked(NAME, request.target, WANTED)


pass_ = Pass(
    name=NAME,
    summary="weights of matrix products in 4 bits",
    apply=apply,
    packages=("onnx", "onnxruntime"),
    options={
        "block_size": Option(int, 32, "weights that share a scale", (16, 32, 64, 128, 256)),
        "symmetric": Option(bool, True, "no zero points"),
        "accuracy_level": Option(
            int,
            0,
            "least precision of the products: 1 float32, 2 float16, 3 bfloat16, 4 int8; 0: unset",
            (0, 1, 2, 3, 4),
        ),
    },
    computes="int4",
    contrib=lambda options: True,
)
