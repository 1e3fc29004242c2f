"""What an input is, and so how it is made up and how it may move: the one table, by use, name, dtype and content.

An input that is not made yet is all zeros here, which say nothing: then use, name and dtype decide, and what is made
(`_fillers`, by the name of the kind) is of that kind when it moves.

The first kind that fits counts. `moves` take turns in the sets that move all inputs at once (None: it stays in that
one); the set that moves an input alone takes the first of `alone`, else of `moves`, that changes it. A kind without
moves stays as it is: sampling rates, shapes, and whole numbers of which nothing is known. `edges` are tried beside
them, each in a set of its own, of a model that asks for values (`_asked_values`).

Names are those of forward's parameters or of a graph; content decides where a name says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchlib.models import _edge_moves
from benchlib.models._count_moves import LESS, LESS_BUT_GREATEST, MORE, OFFSETS_MOVED
from benchlib.models._identifier_moves import AMONG_OCCURRING, BETWEEN, BUT_GREATEST, CATEGORIES_REDRAWN
from benchlib.models._mask_moves import CUT_TAIL, FLIP_TAIL, begins_and_ends
from benchlib.models._moves import InputTensor, Move
from benchlib.models._names import RATES, SOUNDS, is_count
from benchlib.models._number_moves import (
    BETWEEN_0_AND_1,
    FLIPPED_SIGN,
    FULL_LOUDNESS,
    INVERTED,
    REDRAWN,
    REDRAWN_AND_SHIFTED,
    REVERSED,
    TURNED,
    scaled,
    stepped,
)
from benchlib.models._order_moves import (
    ENDS_PERMUTED,
    PAIRS_PERMUTED,
    PERMUTED_IN_ITEMS,
    PERMUTED_TOGETHER,
    TEXTS_PERMUTED,
    TUPLES_PERMUTED,
)
from benchlib.models._permuted_inputs import SIDE

USUAL_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)  # samples per second
SOUND = 400  # samples from which on the last axis may be a waveform's: 25 ms at 16 kHz
CHANNELS = 4  # of an image whose channels stand last, at most
MASKED = -1e3  # what is below it, beside zeros, is no number but a mask that is added
_HEAD = 1024  # elements that are looked at before all are


@dataclass(frozen=True)
class Kind:
    """A kind of input, what belongs to it, and how that moves."""

    name: str
    fits: Callable[[InputTensor], bool]
    moves: tuple[Move | None, ...] = ()
    alone: tuple[Move, ...] = ()
    edges: tuple[Move, ...] = ()

    @property
    def by_itself(self) -> list[Move]:
        """The moves of a set that moves this input alone, the preferred one first."""
        return [move for move in (*self.alone, *self.moves) if move]


def kind_of(tensor: InputTensor) -> Kind:
    """The kind of an input: the first of the table that fits."""
    return next(kind for kind in KINDS if kind.fits(tensor))


def _words(t: InputTensor) -> set[str]:
    return set(re.split(r"[_\W\d]+", t.name))


def _is(t: InputTensor, kinds: str) -> bool:
    return t.numbers.dtype.kind in kinds


def _is_text(t: InputTensor) -> bool:
    return not _is(t, "biufc")


def _is_rate(t: InputTensor) -> bool:
    return t.name in RATES or (_is(t, "iu") and _are_equal(t) and int(t.numbers.reshape(-1)[0]) in USUAL_RATES)


def _is_flag(t: InputTensor) -> bool:
    return _is(t, "b") and t.numbers.size == 1


def _is_open(t: InputTensor) -> bool:
    """Whether its use leaves open what it is."""
    return t.role in ("", "number")


def _is_count_by_name(t: InputTensor) -> bool:
    return t.role == "length" or (_is(t, "iu") and (t.role == "count" or (_is_open(t) and is_count(t.name))))


def _is_offsets(t: InputTensor) -> bool:
    called = {"offset", "offsets", "ptr", "indptr", "cu", "splits", "crow"} & _words(t)
    return (
        bool(called) and _is(t, "iu") and t.numbers.ndim == 1 and bool((np.diff(t.numbers.astype(np.int64)) >= 0).all())
    )


def _is_pairs(t: InputTensor) -> bool:
    called = {"edge", "edges", "index", "indices", "pairs", "coo"} & _words(t)
    return bool(called) and _is(t, "iu") and t.numbers.ndim == 2 and 2 in t.numbers.shape


def _is_positions(t: InputTensor) -> bool:
    if not _is(t, "iu") or t.numbers.shape[-1] < 2 or ("ids" in _words(t) and not _is_called(t, "pos")):
        return False
    return "position" in t.name or _counts_up(t)


def _counts_up(t: InputTensor) -> bool:
    return bool((np.diff(t.numbers.astype(np.int64), axis=-1) == 1).all())


def _is_segments(t: InputTensor) -> bool:
    return _is(t, "iu") and (_is_called(t, "segment", "token_type", "type_ids") or t.name == "batch")


def _is_called(t: InputTensor, *parts: str) -> bool:
    return any(part in t.name for part in parts)


def _is_place(t: InputTensor) -> bool:
    """The one position, or segment, of a single token."""
    return _is(t, "iu") and t.numbers.size == 1 and ("position" in t.name or _is_segments(t))


def _is_mask(t: InputTensor) -> bool:
    values = few_values(t.numbers) if _is(t, "biuf") and t.numbers.size > 1 else None
    if values is None:
        return False
    if _is(t, "b") or "mask" in t.name or t.use.mask:
        return True
    least, greatest = values
    if least == greatest:
        return _is(t, "iu") and least == 1
    if _is(t, "f") and (least, greatest) == (0, 1):
        return begins_and_ends(t.numbers, alike=True)
    return (least, greatest) == (0, 1) or (greatest == 0 and least <= MASKED)


def _is_padding_mask(t: InputTensor) -> bool:
    return _is_mask(t) and begins_and_ends(t.numbers)


def _is_count_by_content(t: InputTensor) -> bool:
    """One number for each item, the greatest of which is the length of an axis of another input."""
    one_dimension = _is(t, "iu") and t.numbers.ndim == 1 and _is_open(t)
    return one_dimension and t.numbers.min() >= 1 and int(t.numbers.max()) in t.sizes - {1}


def _is_zeros(t: InputTensor) -> bool:
    """A state that nothing has happened to, or what is added where nothing is masked."""
    return _is(t, "f") and t.numbers.size > 1 and not t.is_blank and not t.numbers.any()


def _is_image(t: InputTensor) -> bool:
    shape = t.numbers.shape
    if t.numbers.dtype.kind in "iu" and t.numbers.itemsize == 1 and _is_open(t):
        called = {"image", "images", "img", "pixel", "pixels", "frame", "frames", "picture", "photo"} & _words(t)
        return t.role == "number" or (t.numbers.dtype == np.uint8 and (len(shape) >= 3 or bool(called)))
    if len(shape) < 3 or not _is(t, "f"):
        return False
    return min(shape[-2:]) >= SIDE or (shape[-1] <= CHANNELS and min(shape[-3:-1]) >= SIDE)


def _is_tuples(t: InputTensor) -> bool:
    """Several numbers for each token: its box, its segments of several kinds, the positions that it spans."""
    box = _is_called(t, "box") and t.numbers.ndim >= 2 and t.numbers.shape[-1] == 4
    segments = _is_segments(t) or ("position" in t.name and _is(t, "iu") and not _counts_up(t))
    return box or (segments and t.numbers.ndim >= 3 and t.numbers.shape[-2] > 1)


def _is_sound(t: InputTensor) -> bool:
    called = t.name in SOUNDS or _is_called(t, "audio", "wave", "speech")
    small = _is(t, "f") and 1 <= t.numbers.ndim <= 3 and t.numbers.shape[-1] >= SOUND
    return small and (called or (float(np.abs(t.numbers).max()) <= 1 and float(t.numbers.min()) < 0))


def _are_equal(t: InputTensor) -> bool:
    return bool((t.numbers == t.numbers.reshape(-1)[0]).all())


def _is_number(t: InputTensor) -> bool:
    """One whole number, or one for all that says more than yes and no."""
    return _is(t, "iu") and (t.numbers.size == 1 or (_are_equal(t) and t.numbers.reshape(-1)[0] > 1))


def few_values(numbers: np.ndarray) -> tuple[float, float] | None:
    """The least and the greatest of an array that holds no others; None of one that does."""
    if len(np.unique(numbers.reshape(-1)[:_HEAD])) > 2:
        return None
    least, greatest = numbers.min(), numbers.max()
    return (least, greatest) if bool(((numbers == least) | (numbers == greatest)).all()) else None


_FREE = (scaled(0.3), FLIPPED_SIGN, scaled(3), REDRAWN_AND_SHIFTED)
_OF_IMAGE = (BETWEEN_0_AND_1, scaled(3), INVERTED, scaled(0.3))
_OF_SOUND = (scaled(0.3), REVERSED, scaled(3), FULL_LOUDNESS)

KINDS: tuple[Kind, ...] = (
    Kind("empty", lambda t: not t.numbers.size),
    Kind("categories", lambda t: t.role in ("category", "compared"), (CATEGORIES_REDRAWN,)),
    Kind("texts", _is_text, (TEXTS_PERMUTED,)),
    Kind("sampling rate", _is_rate),
    Kind("shape", lambda t: t.role == "shape"),
    Kind("axis", lambda t: t.role == "axis"),
    Kind("fixed", lambda t: t.role == "fixed"),
    Kind("setting", lambda t: t.role == "setting", (scaled(0.5), scaled(2)), alone=(scaled(2),),
         edges=_edge_moves.OF_ONE_NUMBER),
    Kind("timestep", lambda t: t.role == "timestep", (stepped(1), stepped(-1))),
    Kind("one hot", lambda t: t.role == "one hot", (PERMUTED_IN_ITEMS,)),
    Kind("pixels", lambda t: t.role == "pixels", _OF_IMAGE, alone=(INVERTED,), edges=_edge_moves.OF_NUMBERS),
    Kind("positive", lambda t: t.role == "positive", (scaled(0.3), REDRAWN), alone=(REDRAWN,)),
    Kind("unit", lambda t: t.role == "unit", (scaled(0.3), FLIPPED_SIGN), alone=(FLIPPED_SIGN,)),
    Kind("boxes", lambda t: t.role == "boxes", (TUPLES_PERMUTED,)),
    Kind("image size", lambda t: t.role == "image size"),
    Kind("state", lambda t: t.role == "state", _FREE, alone=(REDRAWN,), edges=_edge_moves.OF_ZEROS),
    Kind("sound", lambda t: t.role == "sound", _OF_SOUND, alone=(REVERSED,), edges=_edge_moves.OF_NUMBERS),
    Kind("yes and no", lambda t: t.role == "truth" and t.numbers.size > 1,
         (PERMUTED_IN_ITEMS, FLIP_TAIL), edges=_edge_moves.OF_MASKS),
    Kind("flag", _is_flag, (TURNED, None)),
    Kind("count", lambda t: _is_count_by_name(t) and t.numbers.size > 1,
         (LESS_BUT_GREATEST, MORE, LESS), edges=_edge_moves.OF_COUNTS),
    Kind("one count", _is_count_by_name, (MORE, LESS), alone=(LESS,),
         edges=_edge_moves.OF_ONE_WHOLE_NUMBER),
    Kind("place", _is_place, (stepped(1), stepped(-1))),
    Kind("whole number", lambda t: _is(t, "iu") and t.numbers.size == 1, (stepped(1), stepped(-1)),
         edges=_edge_moves.OF_ONE_WHOLE_NUMBER),
    Kind("number", lambda t: t.numbers.size == 1 and bool(t.numbers.any()), (scaled(0.5), scaled(2)),
         alone=(scaled(2),), edges=_edge_moves.OF_ONE_NUMBER),
    Kind("offsets", _is_offsets, (OFFSETS_MOVED,)),
    Kind("index pairs", _is_pairs, (PAIRS_PERMUTED, ENDS_PERMUTED), alone=(ENDS_PERMUTED,)),
    Kind("tuples", _is_tuples, (TUPLES_PERMUTED,)),
    Kind("segments", _is_segments, (PERMUTED_TOGETHER,), edges=_edge_moves.OF_WHOLE_NUMBERS),
    Kind("positions", _is_positions, (PERMUTED_TOGETHER,)),
    Kind("padding mask", _is_padding_mask, (CUT_TAIL, FLIP_TAIL), edges=_edge_moves.OF_MASKS),
    Kind("mask", _is_mask, (PERMUTED_IN_ITEMS, FLIP_TAIL), edges=_edge_moves.OF_MASKS),
    Kind("count", _is_count_by_content, (LESS_BUT_GREATEST, MORE, LESS),
         edges=_edge_moves.OF_COUNTS),
    Kind("whole number", _is_number, (stepped(1), stepped(-1)), edges=_edge_moves.OF_ONE_WHOLE_NUMBER),
    Kind("zeros", _is_zeros, _FREE, alone=(REDRAWN,), edges=_edge_moves.OF_ZEROS),
    Kind("image", _is_image, _OF_IMAGE,
         alone=(INVERTED,), edges=_edge_moves.OF_NUMBERS),
    Kind("identifiers", lambda t: _is(t, "iu") and (t.role == "index" or "input_ids" in t.name or not _are_equal(t)),
         (BUT_GREATEST, BETWEEN, PERMUTED_IN_ITEMS, AMONG_OCCURRING),
         alone=(AMONG_OCCURRING,), edges=_edge_moves.OF_WHOLE_NUMBERS),
    Kind("unknown whole numbers", lambda t: _is(t, "iu"), edges=_edge_moves.OF_WHOLE_NUMBERS),
    Kind("sound", _is_sound, _OF_SOUND, alone=(REVERSED,), edges=_edge_moves.OF_NUMBERS),
    Kind("numbers", lambda t: True, _FREE, alone=(REDRAWN,), edges=_edge_moves.OF_NUMBERS),
)  # fmt: skip
