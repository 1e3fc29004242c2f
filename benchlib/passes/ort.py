"""onnxruntime's own graph optimisation, done once and written to a file.

The level is `extended` unless asked otherwise: `all` adds the layouts of convolutions that suit the vector
instructions of this very processor (com.microsoft.nchwc), so the file belongs to this kind of machine.
"""

from __future__ import annotations

from benchlib.passes import PassRequest, _onnx_io, _ort_graph, _rules
from benchlib.registry import Facts, Option, Pass

LEVELS = ("basic", "extended", "all")
# onnxruntime ignores names that it does not know, and has no list of them: these are from the sources of 1.31
# (core/optimizer/graph_transformer_utils.cc) and from its verbose log.
BASIC = (
    "CastChainElimination", "CastElimination", "ClipQuantRewrite", "CommonSubexpressionElimination", "ConstantFolding",
    "ConstantSharing", "ConvAddFusion", "ConvBNFusion", "ConvMulFusion", "DivMulFusion", "DoubleQDQPairsRemover",
    "EliminateDropout", "EliminateIdentity", "EliminateSlice", "EnsureUniqueDQForNodeUnit", "ExpandElimination",
    "FuseReluClip", "GemmSumFusion", "GemmTransposeFusion", "LabelEncoderFusion", "MatMulAddFusion",
    "MatMul_BatchNormalization_Fusion", "NoopElimination", "NotWhereFusion", "Pad_Fusion", "PreShapeNodeElimination",
    "QDQPropagationTransformer", "ReluQuantRewrite", "ReshapeFusion", "TransposeOptimizer", "UnsqueezeElimination",
    "WeightBiasQuantization", "WhereDummyDq",
)  # fmt: skip
EXTENDED = (
    "AttentionFusion", "BiasDropoutFusion", "BiasGeluFusion", "BiasSkipLayerNormFusion", "BiasSoftmaxFusion",
    "ConvActivationFusion", "ConvAddActivationFusion", "DynamicQuantizeMatMulFusion", "EmbedLayerNormFusion",
    "FastGeluFusion", "GatherSliceToSplitFusion", "GatherToSliceFusion", "GemmActivationFusion",
    "GroupQueryAttentionFusion", "GroupQueryAttentionPreNormFusion", "MatMulActivationFusion",
    "MatMulIntegerToFloatFusion", "MatMulNBitsFusion", "MatMulScaleFusion", "MatmulTransposeFusion",
    "QDQFinalCleanupTransformer", "QDQS8ToU8Transformer", "QDQSelectorActionTransformer", "QuickGeluFusion",
    "SimplifiedLayerNormFusion", "SkipLayerNormFusion", "SliceConcatToSpaceToDepthFusion",
)  # fmt: skip
LAYOUT = ("NchwcTransformer", "NhwcTransformer")
TWICE = {name: (f"{name}L1", f"{name}L2") for name in ("GeluFusion", "LayerNormFusion")}  # once in each of two levels
RULES = (*BASIC, *EXTENDED, *LAYOUT, *TWICE, *(name for both in TWICE.values() for name in both))


def apply(request: PassRequest) -> Facts:
    """Optimises for the CPU. Raises UserError for an unknown rule."""
    _rules.known("ort", request.without, RULES)
    disabled = {name for rule in request.without for name in TWICE.get(rule, (rule,))}
    with _onnx_io.scratch(request.target) as file:
        _ort_graph.optimize(request.source, file, request.options["level"], disabled)
    return {}


pass_ = Pass(
    name="ort",
    summary="onnxruntime's graph optimisation, offline; ort-GeluFusion takes out the rule GeluFusion",
    apply=apply,
    packages=("onnx", "onnxruntime"),
    options={"level": Option(str, "extended", "how far: all ties the file to this kind of processor", LEVELS)},
    patterns=True,
    contrib=lambda options: options["level"] != "basic",
)
