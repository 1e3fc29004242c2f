"""onnxscript's optimizer and rewriter.

`default-FuseBatchNormIntoConv` takes out a rule by the name that onnxscript gives it. onnxscript 0.7 calls them
CastCast, CastIdentity, ExpandIdentity, Flatten2Reshape, FuseBatchNormIntoConv, …IntoConvTranspose, …IntoGemm,
FuseConvIntegerPad, FuseConvPad, FuseMaxMinToClip, FuseMinMaxToClip, FuseSuccessiveClip, …ClipRelu, …Max, …Min, …Relu,
…ReluClip, MaterializeReshapeShape, NormalizePadFormatConv, …ConvInteger, RemoveOptionalBiasFromConv,
…FromConvTranspose, …FromGemm, …FromQLinearConv, ReshapeReshape, ScatterAllDynamic, ScatterAllStatic, SlicesSplit,
SqueezeReshape1d, TransposeIdentity, TransposeTranspose, UnsqueezeUnsqueeze. Some of its rules have no name and stay.
"""

from __future__ import annotations

from typing import Any

from benchlib.passes import PassRequest, _onnx_io, _rules
from benchlib.registry import Facts, Pass


def apply(request: PassRequest) -> Facts:
    """Folds constants, inlines functions and rewrites patterns. Raises UserError for an unknown rule."""
    import onnxscript.optimizer
    from onnxscript import rewriter

    every = rewriter._DEFAULT_REWRITE_RULES
    _rules.known("default", request.without, [rule.name for rule in every if rule.name])
    kept = tuple(rule for rule in every if rule.name not in request.without)

    def change(model: Any) -> None:
        # The optimizer takes the rules from here and has no argument for them.
        rewriter._DEFAULT_REWRITE_RULES = kept
        try:
            onnxscript.optimizer.optimize(model)
            rewriter.rewrite(model)
        finally:
            rewriter._DEFAULT_REWRITE_RULES = every

    _onnx_io.rewrite(request.source, request.target, change)
    return {}


pass_ = Pass(
    name="default",
    summary="onnxscript's optimizer and rewriter; default-CastCast takes out the rule CastCast",
    apply=apply,
    packages=("onnx", "onnxscript"),
    patterns=True,
)
