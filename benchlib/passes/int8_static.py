"""Weights and activations to 8 bits beforehand, with ranges from the model's inputs (`quantize_static`).

The sets of inputs that it calibrates on are its own: outputs are compared at none of them.

Everything that can be is quantised unless `op_types` says otherwise. Where a graph adds large negative numbers (the
attention mask of a transformer), those take the whole range of that addition: `op_types: [MatMul, Gemm, Gather]` leaves
it in float32 (a two-layer BERT exported by script: cosine similarity 0.996, and 0.9996 with these types).
"""

from __future__ import annotations

from benchlib.errors import UserError
from benchlib.passes import PassRequest, _onnx_io, _quantize
from benchlib.registry import Facts, Option, Pass

NAME = "int8-static"
WITHOUT_WEIGHTS = ("Reshape", "Resize", "Slice", "Split", "Pad", "Clip", "TopK")  # whose constants are settings
METHODS = ("MinMax", "Entropy", "Percentile", "Distribution")
KINDS = ("QInt8", "QUInt8", "QInt16", "QUInt16")


def apply(request: PassRequest) -> Facts:
    """Runs the float graph on the inputs, then quantises it. The defaults are onnxruntime's advice for x86: QDQ,
    activations unsigned, weights signed. Raises UserError when there are no inputs to calibrate on, and Refused where
    there is nothing to quantise."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    if not request.inputs:
        raise UserError(f"{NAME} calibrates on inputs of the model's, and there are none")
    asked = request.options
    every = [name for name in {**QDQRegistry, **QLinearOpsRegistry} if name not in WITHOUT_WEIGHTS]
    wanted = asked["op_types"] or every
    with _quantize.prepared(request.source, NAME, wanted) as source, _onnx_io.scratch(request.target) as file:
        samples = _quantize.Samples(source, request.inputs)
        quantize_static(
            source,
            file,
            samples,
            op_types_to_quantize=asked["op_types"] or None,
            quant_format=QuantFormat.from_string(asked["format"]),
            calibrate_method=getattr(CalibrationMethod, asked["calibrate_method"]),
            per_channel=asked["per_channel"],
            reduce_range=asked["reduce_range"],
            activation_type=QuantType.from_string(asked["activation_type"]),
            weight_type=QuantType.from_string(asked["weight_type"]),
            use_external_data_format=_onnx_io.is_large(_onnx_io.load_graph(source)),
        )
    return {
        "calibration_samples": len(samples.hashes),
        "calibration_inputs": "|".join(samples.hashes),
        **_quantize.checked(NAME, request.target, wanted),
    }


pass_ = Pass(
    name=NAME,
    summary="weights and activations in 8 bits, calibrated on inputs of the model's that are not compared",
    apply=apply,
    packages=("onnx", "onnxruntime"),
    options={
        "op_types": Option(list, [], "operators to quantise; empty: all that can be"),
        "format": Option(
            str, "QDQ", "QuantizeLinear and DequantizeLinear around operators, or fused", ("QDQ", "QOperator")
        ),
        "calibrate_method": Option(str, "MinMax", "how ranges follow from what was seen", METHODS),
        "per_channel": Option(bool, False, "a scale for each channel of a weight"),
        "reduce_range": Option(bool, False, "weights in 7 bits, for x86 processors without VNNI"),
        "activation_type": Option(str, "QUInt8", "of activations; 16 bits need QDQ", KINDS),
        "weight_type": Option(str, "QInt8", "of weights", KINDS),
    },
    computes="int8",
    contrib=lambda options: options["format"] == "QOperator",
    needs_inputs=True,
)
