"""onnxruntime's fusions for transformers (`onnxruntime.transformers.optimizer`), chosen by the type of model."""

from __future__ import annotations

from typing import Any

from benchlib.errors import UserError
from benchlib.passes import PassRequest, _onnx_io, _rules
from benchlib.registry import Facts, Option, Pass

# Rule -> the attribute of FusionOptions that switches it; those of the diffusion models are there for these alone.
RULES = {
    "Attention": "enable_attention",
    "BiasGelu": "enable_bias_gelu",
    "BiasSkipLayerNorm": "enable_bias_skip_layer_norm",
    "EmbedLayerNorm": "enable_embed_layer_norm",
    "Gelu": "enable_gelu",
    "LayerNorm": "enable_layer_norm",
    "QOrderedMatMul": "enable_qordered_matmul",
    "RotaryEmbeddings": "enable_rotary_embeddings",
    "ShapeInference": "enable_shape_inference",
    "SkipLayerNorm": "enable_skip_layer_norm",
    "BiasAdd": "enable_bias_add",
    "BiasSplitGelu": "enable_bias_splitgelu",
    "GroupNorm": "enable_group_norm",
    "NhwcConv": "enable_nhwc_conv",
    "PackedKV": "enable_packed_kv",
    "PackedQKV": "enable_packed_qkv",
    "SkipGroupNorm": "enable_skip_group_norm",
}
TYPES = ("bart", "bert", "clip", "conformer", "gpt2", "gpt_neox", "mmdit", "phi", "qwen3", "sam2", "swin", "t5", "tnlr",
         "unet", "vae", "vit")  # fmt: skip
# transformers' names of models that are built like one of these.
LIKE = {
    "bert": ("albert", "camembert", "deberta", "distilbert", "electra", "ernie", "megatronbert", "minilm", "mobilebert",
             "mpnet", "roberta", "xlmroberta", "xlm-roberta"),
    "bart": ("blenderbot", "marian", "mbart", "pegasus", "plbart", "whisper"),
    "t5": ("longt5", "mt5"),
    "vit": ("beit", "deit"),
}  # fmt: skip


def apply(request: PassRequest) -> Facts:
    """Fuses in Python alone (`opt_level=0`): onnxruntime's own optimisation is the pass `ort`.

    Raises UserError for an unknown rule and for a model whose type is neither given nor known.
    """
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    facts, kind = request.model_facts, request.options["model_type"] or type_of(request.model_facts)
    fusions = FusionOptions(kind)
    _rules.known("ort-transformers", request.without, [r for r, switch in RULES.items() if hasattr(fusions, switch)])
    for rule in request.without:
        setattr(fusions, RULES[rule], False)
    fused = optimizer.optimize_model(
        _onnx_io.load(request.source),
        kind,
        request.options["num_heads"] or int(facts.get("num_heads") or 0),
        request.options["hidden_size"] or int(facts.get("hidden_size") or 0),
        fusions,
        opt_level=0,
    )
    _import_own(fused.model)
    _onnx_io.save(fused.model, request.target)
    return {"transformers_model_type": kind}


def _import_own(model: Any) -> None:
    """Declares onnxruntime's own operators, which the fusions use without a word; onnx's checker asks for it."""
    if all(own.domain != "com.microsoft" for own in model.opset_import):
        model.opset_import.add(domain="com.microsoft", version=1)


def type_of(facts: Facts) -> str:
    """Which of TYPES a model is, by `model_type` (transformers' config) or else the name of its class."""
    name = str(facts.get("model_type") or facts.get("model_class") or "").lower()
    families = {family: family for family in TYPES} | {own: family for family, names in LIKE.items() for own in names}
    found = max((own for own in families if name.startswith(own.replace("_", ""))), key=len, default=None)
    if found is None:
        raise UserError(
            f"ort-transformers has no fusions for {facts.get('model_class') or name or 'a model of unknown class'}; "
            f"its option model_type names the kind it is built like: {', '.join(TYPES)}"
        )
    return families[found]


pass_ = Pass(
    name="ort-transformers",
    summary="onnxruntime's fusions by model type; ort-transformers-Attention takes out the rule Attention",
    apply=apply,
    packages=("onnx", "onnxruntime"),
    options={
        "model_type": Option(str, "", "the kind of model; empty: by its class", ("", *TYPES)),
        "num_heads": Option(int, 0, "attention heads; 0: the model's, or found in the graph"),
        "hidden_size": Option(int, 0, "width of the model; 0: the model's, or found in the graph"),
    },
    patterns=True,
    contrib=lambda options: True,
)
