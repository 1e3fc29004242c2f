"""What generated inputs of an ONNX file hold, by the names that graphs give them, and by what graphs do with them.

input_ids                                       distinct tokens of the whole vocabulary, which the graph's table shows;
                                                where it shows none, of 1 … 99, below any real vocabulary's size
attention_mask, *mask*                          ones, and zeros at the end of every item but the first (float masks too)
token_type_ids                                  zeros, then ones in the second half of the last axis
position_ids                                    0, 1, 2, … along the last axis
sr, sample_rate, sampling_rate                  16000
state, h, c, h0, c0, hidden, cell, …            zeros: recurrent state before the first call
audio, waveform, samples, `input` beside `sr`   speech-like sound; its last axis is 64 + 512 samples
                                                unless said otherwise: silero-vad's context and chunk
other whole numbers                             distinct rows of the table they are looked up in; ones where they are
                                                sizes; else 0 and 1
any other float / boolean / text                standard normal / both values / distinct words
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from benchlib.models._onnx_uses import Use

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
FEW_TOKENS = 100  # below the size of any real vocabulary


def is_state(name: str) -> bool:
    """Recurrent state: its free dimension is the batch, wherever it stands."""
    return name.lower() in STATES


def is_sound(name: str, names: Collection[str]) -> bool:
    """A waveform: called so, or called `input` in a graph that also asks for the sampling rate."""
    return name.lower() in SOUNDS or (name.lower() == "input" and bool(RATES & {n.lower() for n in names}))


def fill(
    name: str, shape: list[int], dtype: np.dtype, rng: np.random.Generator, names: Collection[str], use: Use
) -> np.ndarray:
    """The array for the input `name`, of which the graph makes that `use`; `names` are those of all inputs."""
    key = name.lower()
    if is_sound(name, names) and dtype.kind == "f":
        return _speech(shape, rng).astype(dtype)
    if key in RATES:
        return np.full(shape, RATE, dtype)
    if is_state(name):
        return np.zeros(shape, dtype)
    for known, filler in _BY_NAME.items():
        if (key == known or (known == "mask" and known in key)) and dtype.kind in "fiub":
            array = filler(shape)
            return (array % use.bound if use.bound else array).astype(dtype)
    if dtype.kind in "iu":
        return _numbers(key, shape, rng, use).astype(dtype)
    return _by_kind(shape, dtype, rng)


def _by_kind(shape: list[int], dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """Any values of a dtype that has no whole numbers."""
    if dtype.kind == "b":
        return np.arange(int(np.prod(shape))).reshape(shape) % 2 == 0
    if dtype.kind == "U":
        return np.array([f"word {n}" for n in rng.permutation(int(np.prod(shape)))], "U").reshape(shape)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def _numbers(key: str, shape: list[int], rng: np.random.Generator, use: Use) -> np.ndarray:
    """Whole numbers that are legal for their use, all distinct as far as they go."""
    if use.role == "count":
        return np.ones(shape)
    if use.role == "shape":
        return np.where(np.arange(int(np.prod(shape))).reshape(shape) == 0, -1, 1)
    if use.bound:
        return np.resize(rng.permutation(use.bound), shape)
    if key == "input_ids":
        return np.resize(rng.permutation(np.arange(1, FEW_TOKENS)), shape)
    return rng.integers(0, 2, shape)


def _speech(shape: list[int], rng: np.random.Generator) -> np.ndarray:
    """A voice's harmonics over 120 … 180 Hz with a rising and falling loudness, and a little noise."""
    time = np.arange(shape[-1]) / RATE
    pitch = rng.uniform(120, 180, (*shape[:-1], 1))
    voice = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 12))
    loudness = 0.1 * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))
    return loudness * voice + 0.002 * rng.standard_normal(shape)


def _mask(shape: list[int]) -> np.ndarray:
    """Ones; items are of different lengths, the first the longest, the last half as long."""
    if len(shape) < 2:
        return np.ones(shape)
    items, length = shape[0], shape[-1]
    lengths = length - np.arange(items) * (length // 2) // max(1, items - 1)
    seen = np.arange(length) < lengths.reshape(items, *[1] * (len(shape) - 1))
    return np.broadcast_to(seen, shape).astype(np.float64)


def _segments(shape: list[int]) -> np.ndarray:
    return (
        np.broadcast_to(np.arange(shape[-1]) >= (shape[-1] + 1) // 2, shape).astype(np.int64)
        if shape
        else np.zeros(shape)
    )


def _positions(shape: list[int]) -> np.ndarray:
    return np.broadcast_to(np.arange(shape[-1]), shape) if shape else np.zeros(shape)


_BY_NAME: dict[str, Callable[[list[int]], np.ndarray]] = {
    "attention_mask": _mask,
    "token_type_ids": _segments,
    "position_ids": _positions,
    "mask": _mask,
}
