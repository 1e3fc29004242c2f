"""onnxslim: folding, fusion and elimination on the graph. Its rules are its fusion patterns and its optimisations."""

from __future__ import annotations

from benchlib.errors import Refused
from benchlib.passes import PassRequest, _onnx_io, _rules
from benchlib.registry import Facts, Pass


def apply(request: PassRequest) -> Facts:
    """Slims the graph. Raises UserError for an unknown rule, and Refused for a graph that onnxslim cannot take."""
    import onnxslim
    from onnx.checker import MAXIMUM_PROTOBUF
    from onnxslim.core import OptimizationSettings
    from onnxslim.core.pattern.registry import DEFAULT_FUSION_PATTERNS

    patterns, optimisations = list(DEFAULT_FUSION_PATTERNS), list(OptimizationSettings.keys())
    _rules.known("slim", request.without, [*patterns, *optimisations])
    model = _onnx_io.load(request.source)
    if (size := _onnx_io.weights_size(model)) >= MAXIMUM_PROTOBUF:  # it infers shapes on the serialised model
        raise Refused(f"slim: onnxslim takes no graph of 2 GB with its weights; this one has {size / 1e9:.1f} GB")
    slimmed = onnxslim.slim(
        model,
        skip_fusion_patterns=[rule for rule in request.without if rule in patterns],
        skip_optimizations=[rule for rule in request.without if rule in optimisations],
    )
    _onnx_io.save(slimmed, request.target)
    return {}


pass_ = Pass(
    name="slim",
    summary="onnxslim; slim-FusionConvBN and slim-constant_folding take out one rule",
    apply=apply,
    packages=("onnx", "onnxslim"),
    patterns=True,
)
