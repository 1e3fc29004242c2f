"""MLAgility's corpus `diffusers`: the networks of Stable Diffusion 2.1 from their configurations, with random weights.

They are narrower and less deep by default, and are then called "(reduced)": in their own size the denoiser alone takes
3.5 GB and minutes for one call on a processor. `model_args: {full: true}` gives them their own size; other values
there override the configuration. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from benchlib.errors import UnknownName, UserError, suggestion
from benchlib.models import LoadedModel, _corpus, _module, _refusals, _transformers
from benchlib.models._configs import Settings
from benchlib.registry import CatalogueRow, Source
from benchlib.tensors import Inputs

TOKENS = 77  # of every prompt
STEPS = 1000  # of the noise schedule
LATENT_CHANNELS = 4
FULL = "full"


@dataclass(frozen=True)
class Part:
    """A network: its class, the submodule that is meant, its configuration, and what makes it smaller."""

    kind: str
    task: str
    values: Settings
    reduced: Settings
    part: str = ""
    inputs: Callable[..., Inputs] | None = None  # (configuration, draw, trial); None: as transformers' models
    side: tuple[int, int] = (0, 0)  # of the images or latents, in full and reduced


def _denoiser_inputs(config: Any, draw: Any, trial: Any, height: int, width: int) -> Inputs:
    """Noisy latents at a step of the schedule, and what the text encoder says of the prompt."""
    import torch

    step = torch.randint(STEPS, (), generator=_module.generator(trial.seed))
    return {
        "sample": draw(trial.batch_size, LATENT_CHANNELS, height, width),
        "timestep": step,
        "encoder_hidden_states": draw(trial.batch_size, TOKENS, config.cross_attention_dim),
    }


def _latents(config: Any, draw: Any, trial: Any, height: int, width: int) -> Inputs:
    return {"sample": draw(trial.batch_size, LATENT_CHANNELS, height, width)}


def _image(config: Any, draw: Any, trial: Any, height: int, width: int) -> Inputs:
    """An image whose values are from -1 to 1."""
    return {"sample": draw(trial.batch_size, config.in_channels, height, width).tanh()}


VAE = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "latent_channels": LATENT_CHANNELS,
    "sample_size": 768,
}
SMALL_VAE = {"block_out_channels": [32, 64, 128, 128], "layers_per_block": 1}
PARTS: dict[str, Part] = {
    "clip_text_encoder": Part(
        "CLIPTextModel",
        "feature-extraction",
        {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16,
         "hidden_act": "gelu", "projection_dim": 512},
        {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 4},
    ),
    "safety_clipvision": Part(
        "CLIPVisionModel",
        "image-feature-extraction",
        {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
         "patch_size": 14, "image_size": 224, "projection_dim": 768},
        {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 4},
    ),
    "unet_2d_condition": Part(
        "UNet2DConditionModel",
        "denoising",
        {"sample_size": 96, "cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20],
         "block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2, "use_linear_projection": True},
        {"block_out_channels": [64, 128, 256, 256], "attention_head_dim": [1, 2, 4, 4], "cross_attention_dim": 256,
         "layers_per_block": 1},
        inputs=_denoiser_inputs,
        side=(96, 32),
    ),
    "vae_decoder": Part("AutoencoderKL", "image-generation", VAE, SMALL_VAE, "decoder", _latents, (64, 32)),
    "vae_encoder": Part("AutoencoderKL", "image-feature-extraction", VAE, SMALL_VAE, "encoder", _image, (512, 256)),
}  # fmt: skip


def load(name: str, trial: Any) -> LoadedModel:
    """The network with weights drawn from the trial's seed."""
    if name not in PARTS:
        raise UnknownName("diffusers model", name, PARTS)
    row, full = PARTS[name], _is_full(trial)
    given = {option: value for option, value in trial.model_args.items() if option != FULL}
    values = {**row.values, **({} if full else row.reduced)}
    if row.inputs is None:
        asked = SimpleNamespace(**{**vars(trial), "model_args": given})
        return _transformers.loaded(row.kind, asked, values, TOKENS, row.task)
    return _of_diffusers(row, values, given, row.side[not full], trial)


def _of_diffusers(row: Part, values: Settings, given: Settings, side: int, trial: Any) -> LoadedModel:
    import diffusers
    import torch

    kind = getattr(diffusers, row.kind)
    for option in given:
        if option not in kind._get_init_keys(kind):
            raise UserError(f"{row.kind} has no option '{option}'{suggestion(option, kind._get_init_keys(kind))}")
    torch.manual_seed(trial.seed)
    try:
        whole = kind.from_config({**values, **given})
    except (ValueError, TypeError) as error:  # values that do not go together
        raise UserError(f"{row.kind} cannot be built: {' '.join(str(error).split())[:300]}") from error
    module = whole.get_submodule(row.part)

    def inputs_at(trial: Any) -> Inputs:
        rng = _module.generator(trial.seed)
        size = trial.height or side, trial.width or side
        return row.inputs(whole.config, lambda *shape: torch.randn(shape, generator=rng), trial, *size)

    return _module.loaded(module, inputs_at, trial, task=row.task, weights="random")


def called(name: str, trial: Any) -> str:
    return name if _is_full(trial) else f"{name} (reduced)"


def _is_full(trial: Any) -> bool:
    return trial.model_args.get(FULL) is True


def catalogue() -> list[CatalogueRow]:
    return [
        {
            "name": name,
            "task": row.task,
            "summary": f"{row.kind}{f'.{row.part}' if row.part else ''} of Stable Diffusion 2.1",
            "labels": _corpus.labels(name, "diffusers"),
        }
        for name, row in PARTS.items()
    ]


def refuse(trial: Any) -> str | None:
    if not isinstance(trial.model_args.get(FULL, False), bool):
        return "model_args: full is true or false"
    name = trial.model.rpartition("/")[2]
    if name == "clip_text_encoder" and (trial.height or trial.width):
        return "clip_text_encoder reads a prompt of 77 tokens, no height and width"
    return (_refusals.no_attention if name in PARTS and PARTS[name].inputs else _refusals.no_loss)(trial)


source = Source(
    name="diffusers",
    summary="the networks of Stable Diffusion, random weights, smaller than they are",
    load=load,
    called=called,
    packages=("torch", "diffusers", "transformers.modeling_utils"),
    catalogue=catalogue,
    shapes={"height": None, "width": None},
    refuse=refuse,
)
