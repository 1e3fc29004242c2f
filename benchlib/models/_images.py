"""Images and videos for models of transformers, by the rules that their configurations state."""

from __future__ import annotations

from typing import Any

from benchlib.models import _configs
from benchlib.models._asked import Asked
from benchlib.tensors import Inputs

SIDE = 224  # of images for models that take any size


def images(asked: Asked) -> Inputs:
    """Normal-distributed images, as after the usual normalisation, of the configuration's size, or of the trial's
    height and width, to which a model with a table of positions then stretches it."""
    if asked.first("image_token_id", "image_token_index") is not None and "pixel_values" not in asked.required:
        return {}  # a language model that is shown images by tokens of theirs: it reads a text alone
    config = _configs.image_of(asked.config)
    own = _size(asked, config)
    size = asked.trial.height or own[0], asked.trial.width or own[1]
    channels = asked.first("num_channels", "in_channels", "in_chans", config=config, default=3)
    channels = channels if isinstance(channels, int) else 3
    frames = _frames(asked, config)
    shape = (asked.batch, *frames, channels, *size)
    stretched = size != own and "interpolate_pos_encoding" in asked.takes
    return {"pixel_values": asked.normal(*shape), **({"interpolate_pos_encoding": True} if stretched else {})}


def videos(asked: Asked) -> Inputs:
    if "pixel_values_videos" not in asked.required:
        return {}
    size = _size(asked, asked.config)
    frames = asked.first("frames_per_clip", "num_frames", default=16)
    return {"pixel_values_videos": asked.normal(asked.batch, frames, asked.first("in_chans", default=3), *size)}


def patches(asked: Asked) -> Inputs:
    """Pix2Struct's: patches in a row, each behind its row and column, with padding."""
    import torch

    config = _configs.image_of(asked.config)
    known = getattr(asked.config, "vision_config", config)
    count, side = min(known.seq_len, 256), int(min(known.seq_len, 256) ** 0.5)
    place = torch.arange(count)
    values = asked.normal(asked.batch, count, known.patch_embed_hidden_size)
    head = torch.stack([place // side + 1, place % side + 1], -1).expand(asked.batch, -1, -1)
    return {"flattened_patches": torch.cat([head.float(), values], -1)}


def masked_patches(asked: Asked) -> Inputs:
    """Which patches a model in pretraining does not see: a different half of each item's, as many for each."""
    import torch

    count = _patches(_configs.image_of(asked.config))
    wanted = "MaskedImageModeling" in asked.name or "bool_masked_pos" in asked.required
    if not wanted or count is None:
        return {}
    order = torch.rand((asked.batch, count), generator=asked.generator()).argsort(1)
    return {"bool_masked_pos": order < count // 2}


def masking_noise(asked: Asked) -> Inputs:
    """By which ViTMAE chooses the patches that it masks; it would draw them anew at each call."""
    import torch

    count = _patches(_configs.image_of(asked.config))
    if "MAE" not in asked.name or count is None:
        return {}
    return {"noise": torch.rand((asked.batch, count), generator=asked.generator())}


def _patches(config: Any) -> int | None:
    side, patch = getattr(config, "image_size", None), getattr(config, "patch_size", None)
    if not isinstance(side, int) or not isinstance(patch, int):
        return None
    frames = getattr(config, "num_frames", 1) // getattr(config, "tubelet_size", 1)
    return frames * (side // patch) ** 2


def _size(asked: Asked, config: Any) -> tuple[int, int]:
    size = asked.first("image_size", "crop_size", "input_size", "img_size", config=config, default=SIDE)
    if isinstance(size, dict):
        size = size.get("height", SIDE), size.get("width", SIDE)
    if isinstance(size, list | tuple):
        return (tuple(size) * 2)[:2] if len(size) < 3 else tuple(size[-2:])
    return size, size


def _frames(asked: Asked, config: Any) -> tuple[int, ...]:
    """Of videos the number of frames."""
    frames = getattr(config, "num_frames", None)
    return (frames,) if isinstance(frames, int) else ()


MAKERS = {
    "pixel_values": images,
    "pixel_values_videos": videos,
    "flattened_patches": patches,
    "bool_masked_pos": masked_patches,
    "noise": masking_noise,
}
