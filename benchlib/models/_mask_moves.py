"""How a mask is moved: where each of its items ends."""

from __future__ import annotations

import numpy as np

from benchlib.models._moves import InputTensor, Move, rows_of

ADDITIVE = -1e4  # what a mask of zeros, which is added to scores, holds where it masks: float16 has it too


def _cut_tail(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Of each item between a quarter and a half of what begins it goes over to the other value; one element stays."""
    rows, back = rows_of(t.numbers)
    own = _prefix(rows)
    shorter = own - np.ceil(own * chance.uniform(0.25, 0.5)).astype(np.int64)
    place = np.arange(rows.shape[1])
    tail = (place >= np.maximum(shorter, 1)[:, None]) & (place < own[:, None])
    return back(np.where(tail, _other(rows), rows))


def _flip_tail(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """The last elements of each item become the other value each, save where all of the item would be masked."""
    rows, back = rows_of(t.numbers)
    length = rows.shape[1]
    count = int(np.clip(round(length * chance.uniform(0.25, 0.5)), 1, length - 1))
    flipped = np.where(np.arange(length) >= length - count, _other(rows), rows)
    masked = (flipped == flipped[:, :1]).all(1) & (rows != rows[:, :1]).any(1)
    return back(np.where(masked[:, None], rows, flipped))


def begins_and_ends(numbers: np.ndarray, alike: bool = False) -> bool:
    """Whether each item is of one value first and of the other one behind, as where it is padded; `alike`: and all of
    them begin with the same one."""
    rows, _ = rows_of(numbers)
    padded = ((rows == rows[:, :1]).sum(1) == _prefix(rows)).all()
    return bool(padded and not (alike and (rows[:, 0] != rows[0, 0]).any()))


def _prefix(rows: np.ndarray) -> np.ndarray:
    """How many elements at the beginning of each row equal the first."""
    return np.where((rows == rows[:, :1]).all(1), rows.shape[1], (rows != rows[:, :1]).argmax(1))


def _other(rows: np.ndarray) -> np.ndarray:
    """The other value of a mask for each element."""
    least, greatest = rows.min(), rows.max()
    if least != greatest:
        return np.where(rows == least, greatest, least)
    if rows.dtype.kind == "b":
        return ~rows
    if least:
        return np.zeros_like(rows)
    return np.full_like(rows, ADDITIVE if rows.dtype.kind == "f" else 1)


CUT_TAIL = Move("tail cut", _cut_tail)
FLIP_TAIL = Move("tail flipped", _flip_tail)
