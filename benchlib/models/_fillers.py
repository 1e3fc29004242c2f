"""What made-up inputs hold, by what they are: the kinds of `_input_kinds`, which has said so of an input that is all
zeros yet.

identifiers               distinct rows of the table they are looked up in; where the graph shows none, tokens of
                          1 … 99, below any real vocabulary's size
categories                each of the keys that the graph holds, in its column
counts                    lengths: the full one for the first item, shorter ones after it; sizes and repetitions: 1;
                          sizes of images: those of the image
masks                     the end of every item but the first is masked, as the graph reads masks (`_made_masks`); other
                          booleans: both values
segments                  zeros, then ones in the second half of the last axis
positions                 0, 1, 2, … along the last axis, behind those of the past where there is one
images of bytes           0 … 255; others are normal, as after the usual normalisation
sound                     a voice, 64 + 512 samples unless said otherwise: silero-vad's context and chunk
sampling rates            16000
states                    zeros, as before the first call
settings                  the usual number, 1 where nothing is known of it; thresholds 0.5; timesteps 0 … 999
ranges                    as the graph asks: above 0, from -1 to 1, corners of boxes in order (`_known_fillers`)
whole numbers of which nothing is known: 0 and 1
any other float, text     standard normal, distinct words
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchlib.models._blank import Blank
from benchlib.models._known_fillers import KNOWN
from benchlib.models._lengths import item_lengths
from benchlib.models._made_masks import mask_of

RATE = 16000
CHUNK = 64 + 512
FEW_TOKENS = 100  # below the size of any real vocabulary


def filled(kind: str, blank: Blank) -> np.ndarray:
    """Values for an input of a kind, in its dtype and within what is legal."""
    array = np.asarray(_MAKERS.get(kind, _any)(blank))
    legal = blank.tensor.use.legal
    if isinstance(legal, range) and legal and blank.dtype.kind in "iu":
        array = np.where((array >= legal.start) & (array < legal.stop), array, legal.start + array % len(legal))
    return array if array.dtype.kind == "U" else array.astype(blank.dtype)


def _any(blank: Blank) -> np.ndarray:
    """Any values of a dtype that has no whole numbers."""
    if blank.dtype.kind == "c":
        return blank.chance.standard_normal(blank.shape) + 1j * blank.chance.standard_normal(blank.shape)
    return blank.chance.standard_normal(blank.shape)


def _words(blank: Blank) -> np.ndarray:
    words = [f"word {n}" for n in blank.chance.permutation(blank.tensor.numbers.size)]
    return np.array(words, "U").reshape(blank.shape)


def _categories(blank: Blank) -> np.ndarray:
    """Each column goes through what it may hold. One constant that values are compared with is told from another."""
    use = blank.tensor.use
    columns = blank.shape[-1] if len(blank.shape) > 1 else 1
    others = {"U": _words, "i": _yes_and_no, "u": _yes_and_no}.get(blank.dtype.kind, _any)(blank)
    found = [*others.reshape(-1, columns).T]
    for column in range(columns):
        legal = use.categories(column)
        order = blank.chance.permutation(len(legal))
        if len(legal) == 1 and use.role == "compared":
            legal, order = (*legal, "word 0" if blank.dtype.kind == "U" else int(not legal[0])), np.arange(2)
        if legal:
            found[column] = np.resize(np.array([legal[n] for n in order]), len(found[column]))
    array = np.stack(found, -1).reshape(blank.shape)
    widest = max((len(key) for key in use.legal if isinstance(key, str)), default=0)
    return array.astype(f"U{widest}") if blank.dtype.kind == "U" and array.itemsize < 4 * widest else array


def _yes_and_no(blank: Blank) -> np.ndarray:
    if blank.tensor.use.mask:
        return _masks(blank)
    return np.arange(blank.tensor.numbers.size).reshape(blank.shape) % 2


def _counts(blank: Blank) -> np.ndarray:
    use = blank.tensor.use
    if "size" in blank.tensor.name and blank.image and blank.shape[-1:] == (2,) and use.role in ("", "number"):
        return np.broadcast_to(blank.image, blank.shape)
    length = use.legal[-1] if use.role == "length" and use.legal else blank.length
    if use.role == "count" or length is None:
        return np.ones(blank.shape)
    return item_lengths(blank.tensor.numbers.size, length, blank.lengths).reshape(blank.shape)


def _numbers(blank: Blank) -> np.ndarray:
    """Whole numbers that are legal, all distinct as far as they go."""
    legal = blank.tensor.use.legal
    if legal:
        return np.resize(blank.chance.permutation(len(legal)) + legal[0], blank.shape)
    if "input_ids" in blank.tensor.name:
        return np.resize(blank.chance.permutation(np.arange(1, FEW_TOKENS)), blank.shape)
    return blank.chance.integers(0, 2, blank.shape) if blank.tensor.numbers.size > 1 else np.ones(blank.shape)


def _pairs(blank: Blank) -> np.ndarray:
    """Any two of what is paired; two where it is not known how many there are."""
    return blank.chance.integers(0, len(blank.tensor.use.legal) or 2, blank.shape)


def _offsets(blank: Blank) -> np.ndarray:
    """In even steps, an item or more each."""
    return np.arange(blank.tensor.numbers.size) * max((blank.length or 0) // blank.tensor.numbers.size, 1)


def _tuples(blank: Blank) -> np.ndarray:
    """Boxes: x0 <= x1 and y0 <= y1; whole numbers within what is legal, others in [0, 1]."""
    if blank.dtype.kind == "f":
        return np.sort(blank.chance.random((*blank.shape[:-1], 2, 2)), -2).reshape(blank.shape)
    most = len(blank.tensor.use.legal) or 2
    if "box" not in blank.tensor.name:
        return blank.chance.integers(0, most, blank.shape)
    return np.sort(blank.chance.integers(0, most, (*blank.shape[:-1], 2, 2)), -2).reshape(blank.shape)


def _segments(blank: Blank) -> np.ndarray:
    shape = blank.shape
    return np.broadcast_to(np.arange(shape[-1]) >= (shape[-1] + 1) // 2, shape) if shape else np.zeros(shape)


def _positions(blank: Blank) -> np.ndarray:
    own = np.arange(blank.shape[-1]) if blank.shape else np.zeros(())
    return np.broadcast_to(own + blank.past, blank.shape)


def _place(blank: Blank) -> np.ndarray:
    return np.full(blank.shape, blank.past if "position" in blank.tensor.name else 0)


def _image(blank: Blank) -> np.ndarray:
    if blank.dtype.kind == "f":
        return _any(blank)
    limits = np.iinfo(blank.dtype)
    return blank.chance.integers(limits.min, limits.max, blank.shape, endpoint=True)


def _speech(blank: Blank) -> np.ndarray:
    """A voice's harmonics over 120 … 180 Hz with a rising and falling loudness, and a little noise."""
    time = np.arange(blank.shape[-1]) / RATE
    pitch = blank.chance.uniform(120, 180, (*blank.shape[:-1], 1))
    voice = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in range(1, 12))
    loudness = 0.1 * (1 + 0.5 * np.sin(2 * np.pi * 4 * time))
    return loudness * voice + 0.002 * blank.chance.standard_normal(blank.shape)


def _masks(blank: Blank) -> np.ndarray:
    return mask_of(blank.tensor, blank.lengths)


_MAKERS: Mapping[str, Callable[[Blank], np.ndarray]] = {
    **KNOWN,
    "texts": _words,
    "categories": _categories,
    "sampling rate": lambda blank: np.full(blank.shape, RATE),
    "shape": lambda blank: np.where(np.arange(blank.tensor.numbers.size).reshape(blank.shape) == 0, -1, 1),
    "axis": lambda blank: np.zeros(blank.shape),
    "state": lambda blank: np.zeros(blank.shape),
    "flag": lambda blank: np.ones(blank.shape),
    "yes and no": _yes_and_no,
    "count": _counts,
    "one count": _counts,
    "place": _place,
    "whole number": _numbers,
    "offsets": _offsets,
    "index pairs": _pairs,
    "tuples": _tuples,
    "segments": _segments,
    "positions": _positions,
    "padding mask": _masks,
    "mask": _masks,
    "image": _image,
    "identifiers": _numbers,
    "unknown whole numbers": _numbers,
    "sound": _speech,
}
