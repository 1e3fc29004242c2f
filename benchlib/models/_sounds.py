"""Sound for models of transformers: waveforms, and spectrograms of them, by the rules that configurations state.

A waveform is a few tones with noise, in [-1, 1], as long as the trial's `max_audio_seq_length`, by default 2^16
samples: four seconds at 16 kHz. Of a batch the first item has the full length and the others are silent at the end.
Spectrograms are normal-distributed, as they are after the usual normalisation, with a frame for every 160 samples.
"""

from __future__ import annotations

from typing import Any

from benchlib.models._asked import Asked
from benchlib.tensors import Inputs

SAMPLES = 1 << 16
RATE = 16_000
HOP = 160  # samples from one frame of a spectrogram to the next: 10 ms
FRAMES_PER_POSITION = 2  # Whisper's second convolution takes every second frame of the spectrogram


def waves(asked: Asked) -> Inputs:
    """Waveforms, or the spectrogram of models that take that under the same name, like AST."""
    import torch

    bins = asked.first("num_mel_bins")
    if bins and asked.first("max_length", "time_window", "patch_size"):
        return {"input_values": asked.normal(asked.batch, asked.first("max_length", default=1024), bins)}
    samples = _samples(asked)
    mask = asked.mask(asked.batch, samples)
    sound = torch.where(mask, wave(asked, samples), 0)
    channels = asked.first("audio_channels", "input_channels")
    codec = channels or asked.first("codebook_size", "codebook_dim")
    inputs = {"input_values": sound[:, None].expand(-1, channels or 1, -1).clone() if codec else sound}
    if "padding_mask" in asked.takes and codec:
        inputs["padding_mask"] = mask[:, None].expand(-1, channels or 1, -1).clone()
    return {**inputs, "attention_mask": mask.long()} if "attention_mask" in asked.takes else inputs


def wave(asked: Asked, samples: int) -> Any:
    """Three tones for each item, between 100 and 1000 Hz, louder and softer, and noise."""
    import torch

    rng = asked.generator()
    tones = 100 + 900 * torch.rand((asked.batch, 3, 1), generator=rng)
    loud = 0.1 + 0.15 * torch.rand((asked.batch, 3, 1), generator=rng)
    turns = torch.arange(samples) / RATE * 2 * torch.pi
    noise = 0.02 * torch.randn((asked.batch, samples), generator=rng)
    return ((loud * torch.sin(tones * turns)).sum(1) + noise).clamp(-1, 1)


def spectrograms(asked: Asked) -> Inputs:
    """In the shape that the configuration's own words tell: frames first or last, and how many."""
    audio = getattr(asked.config, "audio_config", None)
    frames = max(_samples(asked) // HOP, 1)
    per_channel, projected = asked.first("input_feat_per_channel"), asked.first("feature_projection_input_dim")
    if per_channel:
        width = per_channel * asked.first("input_channels", default=1)
    elif projected:
        width = projected
    elif audio is not None and hasattr(audio, "spec_size"):  # CLAP: an image of it
        shape = asked.batch, 1, audio.spec_size * audio.spec_size // audio.num_mel_bins, audio.num_mel_bins
        return {"input_features": asked.normal(*shape)}
    elif hasattr(asked.config, "spec_size"):
        config = asked.config
        shape = asked.batch, 1, config.spec_size * config.spec_size // config.num_mel_bins, config.num_mel_bins
        return {"input_features": asked.normal(*shape)}
    elif asked.first("num_mel_bins") and asked.first("max_source_positions"):  # Whisper takes no shorter ones
        frames = FRAMES_PER_POSITION * asked.config.max_source_positions
        return {"input_features": asked.normal(asked.batch, asked.config.num_mel_bins, frames)}
    else:
        encoder = getattr(asked.config, "encoder_config", None) or audio or asked.config
        width = asked.first("num_mel_bins", "input_dim", "n_mels", config=encoder)
    if not isinstance(width, int):
        return {}
    mask = asked.mask(asked.batch, frames)
    inputs = {"input_features": asked.normal(asked.batch, frames, width) * mask[..., None]}
    given = next((name for name in ("attention_mask", "input_features_mask") if name in asked.takes), None)
    return {**inputs, given: mask.long()} if given else inputs


def _samples(asked: Asked) -> int:
    return asked.trial.max_audio_seq_length or SAMPLES


MAKERS = {"input_values": waves, "input_features": spectrograms}
