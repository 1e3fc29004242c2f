"""torch_bench's suite `untrained`: models of the hub from configurations that stand here, with random weights.

Nothing is downloaded. A model deeper than two layers gets two, and tables call it so; `model_args: {full: true}` builds
all of them, and any setting of the configuration, like `{num_hidden_layers: 8}`, is taken as given. A
configuration states what differs from the default of its class; the positions of Phi-3.5 and Llama 3.2 are not scaled,
and the sizes of the tiny models of Marian and Falcon are ours. `//pretrained` is the model with its weights, as `hub:`
loads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _refusals, _retrieved, _tasks, _transformers, hub
from benchlib.models._configs import Settings
from benchlib.registry import CatalogueRow, Source

SEQ_LENGTH = 128
FEW = 2
PRETRAINED = "//pretrained"


@dataclass(frozen=True)
class Row:
    """A model's class, its layers, of each part that has some, and the rest of its configuration."""

    model_class: str
    layers: Settings
    values: Settings = field(default_factory=dict)


def _deep(layers: int) -> dict[str, int]:
    return {"num_hidden_layers": layers}


def _both(layers: int) -> dict[str, int]:
    return {"encoder_layers": layers, "decoder_layers": layers}


LLAMA_7B = {"hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32}
PHI3 = {"hidden_size": 3072, "intermediate_size": 8192, "num_attention_heads": 32, "vocab_size": 32064}
SMALL_BART = {"d_model": 768, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072, "encoder_attention_heads": 12,
              "decoder_attention_heads": 12}  # fmt: skip
TINY_BART = {"d_model": 16, "encoder_ffn_dim": 4, "decoder_ffn_dim": 4, "encoder_attention_heads": 4,
             "decoder_attention_heads": 4, "vocab_size": 50005, "max_position_embeddings": 100}  # fmt: skip
TINY_MARIAN = {"d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 2,
               "decoder_attention_heads": 2, "vocab_size": 58101, "max_position_embeddings": 512,
               "pad_token_id": 58100, "decoder_start_token_id": 58100}  # fmt: skip
TINY_IDEFICS = {"hidden_size": 16, "intermediate_size": 11, "num_attention_heads": 4, "vocab_size": 32000,
                "additional_vocab_size": 2, "cross_layer_interval": 1, "max_position_embeddings": 512,
                "vision_config": {"embed_dim": 32, "image_size": 30, "patch_size": 2, "num_attention_heads": 4,
                                  "intermediate_size": 37}}  # fmt: skip
WHISPER_TINY = {"d_model": 384, "encoder_ffn_dim": 1536, "decoder_ffn_dim": 1536, "encoder_attention_heads": 6,
                "decoder_attention_heads": 6}  # fmt: skip
MINILM = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}

MODELS: dict[str, Row] = {
    "arnir0/Tiny-LLM": Row("LlamaForCausalLM", _deep(1), {
        "hidden_size": 192, "intermediate_size": 1024, "num_attention_heads": 2, "num_key_value_heads": 1,
        "head_dim": 96, "max_position_embeddings": 1024, "rms_norm_eps": 1e-5}),
    "codellama/CodeLlama-7b-hf": Row("LlamaForCausalLM", _deep(32), {
        **LLAMA_7B, "vocab_size": 32016, "max_position_embeddings": 16384, "rms_norm_eps": 1e-5, "rope_theta": 1e6}),
    "emilyalsentzer/Bio_ClinicalBERT": Row("BertForMaskedLM", _deep(12), {"vocab_size": 28996}),
    "facebook/bart-base": Row("BartModel", _both(6), SMALL_BART),
    "google-bert/bert-base-multilingual-cased": Row("BertForMaskedLM", _deep(12), {"vocab_size": 119547}),
    "google/gemma-2b": Row("GemmaForCausalLM", _deep(18), {
        "hidden_size": 2048, "intermediate_size": 16384, "num_attention_heads": 8, "num_key_value_heads": 1,
        "head_dim": 256, "vocab_size": 256000}),
    "hf-internal-testing/tiny-random-BeitForImageClassification": Row("BeitForImageClassification", _deep(4), {
        "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 37, "image_size": 30, "patch_size": 2,
        "vocab_size": 100}),
    "hf-tiny-model-private/tiny-random-PLBartForConditionalGeneration": Row(
        "PLBartForConditionalGeneration", _both(2), TINY_BART),
    "HuggingFaceM4/tiny-random-idefics": Row("IdeficsForVisionText2Text", _deep(2), TINY_IDEFICS),
    "Intel/bert-base-uncased-mrpc": Row("BertForSequenceClassification", _deep(12)),
    "meta-llama/Llama-2-7b-chat-hf": Row("LlamaForCausalLM", _deep(32), {
        **LLAMA_7B, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5}),
    "meta-llama/Llama-3.2-1B-Instruct": Row("LlamaForCausalLM", _deep(16), {
        "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
        "rope_theta": 5e5, "tie_word_embeddings": True, "bos_token_id": 128000, "eos_token_id": 128009}),
    "microsoft/Phi-3-mini-4k-instruct": Row("Phi3ForCausalLM", _deep(32), {
        **PHI3, "max_position_embeddings": 4096, "sliding_window": 2047}),
    "microsoft/Phi-3.5-MoE-instruct": Row("PhimoeForCausalLM", _deep(32)),
    "microsoft/Phi-3.5-mini-instruct": Row("Phi3ForCausalLM", _deep(32), {
        **PHI3, "max_position_embeddings": 131072, "original_max_position_embeddings": 4096}),
    "microsoft/Phi-4-mini-reasoning": Row("Phi3ForCausalLM", _deep(32), {
        **PHI3, "num_attention_heads": 24, "num_key_value_heads": 8, "vocab_size": 200064,
        "max_position_embeddings": 131072, "partial_rotary_factor": 0.75, "tie_word_embeddings": True,
        "pad_token_id": 199999, "bos_token_id": 199999, "eos_token_id": 199999}),
    "microsoft/Phi-4-reasoning": Row("Phi3ForCausalLM", _deep(40), {
        "hidden_size": 5120, "intermediate_size": 17920, "num_attention_heads": 40, "num_key_value_heads": 10,
        "vocab_size": 100352, "max_position_embeddings": 32768, "rope_theta": 5e5, "pad_token_id": 100349,
        "bos_token_id": 100257, "eos_token_id": 100265}),
    "microsoft/beit-base-patch16-224-pt22k-ft22k": Row("BeitForImageClassification", _deep(12), {
        "num_labels": 21841, "use_relative_position_bias": True}),
    "microsoft/phi-2": Row("PhiForCausalLM", _deep(32), {
        "hidden_size": 2560, "intermediate_size": 10240, "num_attention_heads": 32, "vocab_size": 51200,
        "partial_rotary_factor": 0.4, "bos_token_id": 50256, "eos_token_id": 50256}),
    "nateraw/vit-age-classifier": Row("ViTForImageClassification", _deep(12), {"num_labels": 9}),
    "openai/clip-vit-base-patch16": Row("CLIPModel", {"text_config": _deep(12), "vision_config": _deep(12)}, {
        "vision_config": {"patch_size": 16}}),
    "openai/whisper-tiny": Row("WhisperForConditionalGeneration", _both(4), WHISPER_TINY),
    "sentence-transformers/all-MiniLM-L6-v1": Row("BertModel", _deep(6), MINILM),
    "sshleifer/tiny-marian-en-de": Row("MarianMTModel", _both(2), TINY_MARIAN),
    "tiiuae/falcon-mamba-tiny-dev": Row("FalconMambaForCausalLM", _deep(2), {
        "hidden_size": 64, "time_step_rank": 4, "vocab_size": 65024}),
}  # fmt: skip
NAMES = sorted([*MODELS, f"emilyalsentzer/Bio_ClinicalBERT{PRETRAINED}"], key=str.lower)


def load(name: str, trial: Any) -> LoadedModel:
    """The model in the trial's configuration, its weights drawn from the trial's seed."""
    if name.endswith(PRETRAINED) and name in NAMES:
        return hub.load(name.removesuffix(PRETRAINED), trial)
    if name not in MODELS:
        raise UnknownName("untrained model", name, NAMES)
    row = MODELS[name]
    given = dict(trial.model_args)
    given.pop("full", None)
    layers = _fewer(row.layers) if _is_reduced(row, trial.model_args) else row.layers
    values = {**row.values, **{k: {**row.values.get(k, {}), **v} if isinstance(v, Mapping) else v
                               for k, v in layers.items()}}  # fmt: skip
    asked = SimpleNamespace(**{**vars(trial), "model_args": given})
    task = _tasks.task_of(row.model_class)
    inputs = partial(_retrieved.images_between, seq_length=SEQ_LENGTH) if "idefics" in name else None
    return _transformers.loaded(row.model_class, asked, values, SEQ_LENGTH, task, inputs=inputs)


def identity(name: str, trial: Any) -> Any:
    """The name; of one with its weights the revision too."""
    return [name, hub.identity(name.removesuffix(PRETRAINED), trial)] if name.endswith(PRETRAINED) else name


def called(name: str, trial: Any) -> str:
    """The last part of the id, with what was left out of the model, or put in."""
    name, _, weights = name.partition("//")
    row = MODELS.get(name)
    reduced = row is not None and not weights and _is_reduced(row, trial.model_args)
    said = f"{FEW} layers" if reduced else weights
    return name.rpartition("/")[2] + (f" ({said})" if said else "")


def refuse(trial: Any) -> str | None:
    if not isinstance(trial.model_args.get("full", False), bool):
        return "model_args: full is true or false"
    return _refusals.no_shapes(trial)


def _is_reduced(row: Row, given: Settings) -> bool:
    return not given.get("full") and not _decided(row.layers, given) and _fewer(row.layers) != row.layers


def _decided(layers: Settings, given: Settings) -> bool:
    both = {k: (v, given[k]) for k, v in layers.items() if k in given}
    return any(_decided(*pair) if all(isinstance(p, Mapping) for p in pair) else True for pair in both.values())


def _fewer(layers: Settings) -> Settings:
    return {k: _fewer(v) if isinstance(v, Mapping) else min(v, FEW) for k, v in layers.items()}


def catalogue() -> list[CatalogueRow]:
    tasks = {name: _tasks.task_of(MODELS[name.removesuffix(PRETRAINED)].model_class) for name in NAMES}
    return [
        {"name": name, "task": task, "seq_length": None if task == "image-classification" else SEQ_LENGTH}
        for name, task in tasks.items()
    ]


source = Source(
    name="untrained",
    summary="models of the hub from shipped configurations, random weights, two layers deep",
    load=load,
    identity=identity,
    called=called,
    packages=("torch", "transformers", "transformers.modeling_utils"),
    catalogue=catalogue,
    shapes={"seq_length": None, "height": None, "width": None},
    refuse=refuse,
)
