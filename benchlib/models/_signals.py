"""Images and sound for models of transformers, by the rules that their configurations state."""

from __future__ import annotations

from typing import Any

from benchlib.models._module import generator

FRAMES_PER_POSITION = 2  # Whisper's second convolution takes every second frame of the spectrogram


def image_inputs(config: Any, takes: Any, trial: Any) -> dict[str, Any]:
    """Normal-distributed images of the configuration's size, or of the trial's height and width, to which a model
    with a table of positions then stretches it."""
    import torch

    size = config.image_size
    own = tuple(size) if isinstance(size, list | tuple) else (size, size)
    asked = (trial.height or own[0], trial.width or own[1])
    shape = (trial.batch_size, getattr(config, "num_channels", 3), *asked)
    images = {"pixel_values": torch.randn(shape, generator=generator(trial.seed))}
    stretched = asked != own and "interpolate_pos_encoding" in takes
    return {**images, "interpolate_pos_encoding": True} if stretched else images


def sound_inputs(config: Any, trial: Any) -> dict[str, Any]:
    """Normal-distributed spectrograms as long as the encoder has positions: it takes no shorter ones."""
    import torch

    shape = (trial.batch_size, config.num_mel_bins, FRAMES_PER_POSITION * config.max_source_positions)
    return {"input_features": torch.randn(shape, generator=generator(trial.seed))}
