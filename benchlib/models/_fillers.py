"""What generated inputs of an ONNX file hold, by the names that graphs give them.

input_ids                                       distinct tokens of 1 … 99, below any real vocabulary's size
attention_mask, *mask*                          ones (float masks too)
token_type_ids                                  zeros, then ones in the second half of the last axis
position_ids                                    0, 1, 2, … along the last axis
sr, sample_rate, sampling_rate                  16000
state, h, c, h0, c0, hidden, cell, …            zeros: recurrent state before the first call
audio, waveform, samples, `input` beside `sr`   speech-like sound; its last axis is 64 + 512 samples
                                                unless said otherwise: silero-vad's context and chunk
any other float / integer / boolean             standard normal / 0 and 1 / both values
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

RATE = 16000
CHUNK = 64 + 512
STATES = {
    "state",
    "states",
    "h",
    "c",
    "h0",
    "c0",
    "h_0",
    "c_0",
    "hidden",
    "cell",
    "hidden_state",
    "cell_state",
}
RATES = {"sr", "sample_rate", "sampling_rate"}
SOUNDS = {"audio", "waveform", "samples", "speech"}


def is_state(name: str) -> bool:
    """Recurrent state: its free dimension is the batch, wherever it stands."""
    return name.lower() in STATES


def is_sound(name: str, names: Collection[str]) -> bool:
    """A waveform: called so, or called `input` in a graph that also asks for the sampling rate."""
    return name.lower() in SOUNDS or (name.lower() == "input" and bool(RATES & {n.lower() for n in names}))


def fill(name: str, shape: list[int], dtype: np.dtype, rng: np.random.Generator, names: Collection[str]) -> np.ndarray:
    """The array for the input `name` of a graph whose inputs are called `names`."""
    key = name.lower()
    if is_sound(name, names) and dtype.kind == "f":
        return _speech(shape, rng).astype(dtype)
    if key in RATES:
        return np.full(shape, RATE, dtype)
    if is_state(name):
        return np.zeros(shape, dtype)
    for known, filler in _BY_NAME.items():
        if key == known or (known == "mask" and known in key):
            return filler(shape, rng).astype(dtype)
    if dtype.kind == "b":
        return np.arange(int(np.prod(shape))).reshape(shape) % 2 == 0
    if dtype.kind in "iu":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def _speech(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    """A voice's harmonics over 120 … 180 Hz with a rising and falling loudness, and a little noise."""
    time = np.arange(shape[-1]) / RATE
    pitch = rng.uniform(120, 180, (*shape[:-1], 1))
    voice = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 12))
    loudness = 0.1 * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))
    return loudness * voice + 0.002 * rng.standard_normal(shape)


def _ones(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    return np.ones(shape)


def _tokens(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    return np.resize(rng.permutation(np.arange(1, 100)), shape)  # all distinct as far as they go


def _segments(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(np.arange(shape[-1]) >= (shape[-1] + 1) // 2, shape)


def _positions(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(np.arange(shape[-1]), shape)


_BY_NAME: dict[str, Callable[[list[int], np.random.Generator], np.ndarray]] = {
    "input_ids": _tokens,
    "attention_mask": _ones,
    "token_type_ids": _segments,
    "position_ids": _positions,
    "mask": _ones,
}
