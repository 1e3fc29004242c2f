"""Weights to 8 bits beforehand, activations at each call (`onnxruntime.quantization.quantize_dynamic`)."""

from __future__ import annotations

from benchlib.errors import UserError, suggestion
from benchlib.passes import PassRequest, _onnx_io, _quantize
from benchlib.registry import Facts, Option, Pass

NAME = "int8-dynamic"


def apply(request: PassRequest) -> Facts:
    """Quantises matrix products, convolutions, embeddings (Gather), attention and LSTMs.

    `weight_type: auto` is QUInt8 where there are convolutions, whose signed weights onnxruntime's CPU provider cannot
    multiply (ConvInteger), and QInt8 elsewhere. Raises UserError for an operator that has no dynamic quantisation, and
    Refused where there is nothing to quantise.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.registry import IntegerOpsRegistry

    operators = request.options["op_types"] or list(IntegerOpsRegistry)
    for name in operators:
        if name not in IntegerOpsRegistry:
            near = suggestion(name, IntegerOpsRegistry)
            raise UserError(f"{NAME}: op_types: there is no dynamic quantisation of '{name}'{near}")
    wanted = [*operators, "Gemm"] if "MatMul" in operators else operators  # which it makes a MatMul of
    with _quantize.prepared(request.source, NAME, wanted) as source, _onnx_io.scratch(request.target) as file:
        model = _onnx_io.load_graph(source)
        kind = request.options["weight_type"]
        if kind == "auto":
            kind = "QUInt8" if "Conv" in operators and _onnx_io.count(model, "Conv") else "QInt8"
        quantize_dynamic(
            source,
            file,
            op_types_to_quantize=operators,
            per_channel=request.options["per_channel"],
            reduce_range=request.options["reduce_range"],
            weight_type=QuantType.from_string(kind),
            use_external_data_format=_onnx_io.is_large(model),
        )
    return {"weight_type": kind, **_quantize.checked(NAME, request.target, wanted)}


pass_ = Pass(
    name=NAME,
    summary="weights in 8 bits, activations quantised at each call",
    apply=apply,
    packages=("onnx", "onnxruntime"),
    options={
        "weight_type": Option(
            str, "auto", "of weights; auto: QInt8, with convolutions QUInt8", ("auto", "QInt8", "QUInt8")
        ),
        "per_channel": Option(bool, False, "a scale for each channel of a weight"),
        "reduce_range": Option(bool, False, "weights in 7 bits, for x86 processors without VNNI"),
        "op_types": Option(list, [], "operators to quantise; empty: all that can be"),
    },
    computes="int8",
)
