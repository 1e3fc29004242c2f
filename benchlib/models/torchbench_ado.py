"""The large models of pytorch/benchmark in torch_bench's second list, cut down: two hidden layers, random weights.

Configurations stand here, nothing is downloaded. Width, vocabulary and heads are those of the published model, so
that the kernels are too; tables say what was left out, and `model_args` gives it back: {num_hidden_layers: 32}.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _as_trained, _module, _torchbench
from benchlib.models._configs import Settings
from benchlib.models._torchbench import Entry, text
from benchlib.registry import CatalogueRow, Source
from benchlib.tensors import Inputs

TWO = {"num_hidden_layers": 2}
WIDE = {"hidden_size": 5120, "intermediate_size": 13824, "num_attention_heads": 40, "num_key_value_heads": 40}  # 13B
CODELLAMA = {"vocab_size": 32016, "max_position_embeddings": 16384, "rope_parameters": {"rope_theta": 1e6}}
YI = {"vocab_size": 64000, "intermediate_size": 11008, "num_key_value_heads": 4, "max_position_embeddings": 4096}
LLAMA_3 = {
    "vocab_size": 128256, "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "bos_token_id": 128000, "eos_token_id": 128001,
    "rope_parameters": {
        "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
}  # fmt: skip
DISTIL_WHISPER = {
    "vocab_size": 51864, "d_model": 1024, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 16,
    "decoder_attention_heads": 16, "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096,
}  # fmt: skip
PHI_1_5 = {"max_position_embeddings": 2048, "partial_rotary_factor": 0.5}
PHI_2 = {"hidden_size": 2560, "intermediate_size": 10240, "partial_rotary_factor": 0.4}
LLAVA = {
    "text_config": {"model_type": "llama", "vocab_size": 32064, **WIDE, **TWO},
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
        "image_size": 336, "patch_size": 14, **TWO,
    },
}  # fmt: skip
TEXT_ENCODER = {"vocab_size": 49408, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
                "hidden_act": "gelu", "projection_dim": 512}  # fmt: skip
ONE_LAYER = {"layers_per_block": 1, "transformer_layers_per_block": 1, "use_linear_projection": True}
UNET = {"sample_size": 96, "cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), **ONE_LAYER}
UNET_XL = {
    "sample_size": 128, "cross_attention_dim": 2048, "attention_head_dim": (5, 10, 20),
    "block_out_channels": (320, 640, 1280), "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "projection_class_embeddings_input_dim": 2816, **ONE_LAYER,
}  # fmt: skip
DEPTH = ("num_hidden_layers", "encoder_layers", "decoder_layers", "layers_per_block")  # of model_args
TOKENS, POOLED = 77, 1280  # of a prompt; the width of its summary in XL


def _language(family: str, values: Settings, length: int = 512) -> Entry:
    return text(f"{family}ForCausalLM", "text-generation", length, {**values, **TWO})


def _unet(values: Settings) -> Entry:
    return Entry(partial(_denoiser, values), "image-generation", "diffusers")


def _denoiser(values: Settings, trial: Any) -> LoadedModel:
    """A UNet of diffusers on noise, with the states of a prompt."""
    import torch
    from diffusers import UNet2DConditionModel

    torch.manual_seed(trial.seed)
    module = _module.built(UNet2DConditionModel, {**values, **trial.model_args}, trial.model)
    side, width = module.config.sample_size, module.config.cross_attention_dim

    def inputs_at(trial: Any) -> Inputs:
        rng, batch = _module.generator(trial.seed), trial.batch_size
        draw = partial(torch.randn, generator=rng)
        inputs = {"sample": draw((batch, 4, side, side)), "timestep": torch.randint(1000, (batch,), generator=rng)}
        inputs["encoder_hidden_states"] = draw((batch, TOKENS, width))
        if module.config.addition_embed_type:
            sizes = torch.tensor([[side * 8, side * 8, 0, 0, side * 8, side * 8]]).float().repeat(batch, 1)
            inputs["added_cond_kwargs"] = {"text_embeds": draw((batch, POOLED)), "time_ids": sizes}
        return inputs

    as_trained = _as_trained.as_trained(module)
    return _module.loaded(as_trained, inputs_at, trial, task="image-generation", weights="random")


MODELS: dict[str, Entry] = {
    "codellama": _language("Llama", CODELLAMA),
    "hf_distil_whisper": text("WhisperForAudioClassification", "audio-classification", None, DISTIL_WHISPER),
    "hf_mixtral": _language("Mixtral", {}),
    "hf_Yi": _language("Llama", YI),
    "llama_v2_7b_16h": _language("Llama", {}),
    "llama_v31_8b": _language("Llama", LLAMA_3),
    "moondream": _language("Phi", PHI_1_5),
    "llava": text("LlavaForConditionalGeneration", "image-text-to-text", 1024, LLAVA),
    "mistral_7b_instruct": _language("Mistral", {}, 128),
    "orca_2": _language("Llama", {"vocab_size": 32003, **WIDE}),
    "phi_1_5": _language("Phi", PHI_1_5),
    "phi_2": _language("Phi", PHI_2),
    "stable_diffusion_text_encoder": text("CLIPTextModel", "feature-extraction", TOKENS, {**TEXT_ENCODER, **TWO}),
    "stable_diffusion_unet": _unet(UNET),
    "stable_diffusion_xl": _unet(UNET_XL),
}


def load(name: str, trial: Any) -> LoadedModel:
    if name not in MODELS:
        raise UnknownName("torchbench_ado model", name, MODELS)
    return MODELS[name].load(trial)


def called(name: str, trial: Any) -> str:
    """The name, with what was left out of the model."""
    if name not in MODELS or _deepens(trial.model_args):
        return name
    return f"{name} ({_left(MODELS[name])})"


def _deepens(given: Settings) -> bool:
    return any(name in DEPTH or (isinstance(value, Mapping) and _deepens(value)) for name, value in given.items())


def _left(entry: Entry) -> str:
    return "1 layer a block" if entry.package == "diffusers" else "2 layers"


def catalogue() -> list[CatalogueRow]:
    return [entry.row(name, summary=_left(entry)) for name, entry in MODELS.items()]


source = Source(
    name="torchbench_ado",
    summary="large models of pytorch/benchmark, cut down to two hidden layers, random weights",
    load=load,
    called=called,
    packages=("torch",),
    catalogue=catalogue,
    shapes={"seq_length": None, "height": None, "width": None},
    refuse=partial(_torchbench.refuse, MODELS),
)
