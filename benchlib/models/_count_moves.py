"""How what counts something is moved: lengths of items, and the borders between them."""

from __future__ import annotations

import numpy as np

from benchlib.models._moves import InputTensor, Move


def _less_but_greatest(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """One less, but not the greatest, to which others may be padded; of equal ones the last half."""
    x = t.numbers.astype(np.int64)
    rest = x < x.max() if (x < x.max()).any() else (np.arange(x.size) >= (x.size + 1) // 2).reshape(x.shape)
    return np.where(rest, _one_less(x), x)


def _more(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    """One more, within what they may count: the next larger axis of another input."""
    sizes = (t.use.legal[-1],) if t.role == "length" and t.use.legal else t.sizes
    most = min((size for size in sizes if size >= t.numbers.max()), default=int(t.numbers.max()))
    return np.minimum(t.numbers.astype(np.int64) + 1, most)


def _less(t: InputTensor, _: np.random.Generator) -> np.ndarray:
    return _one_less(t.numbers.astype(np.int64))


def _one_less(x: np.ndarray) -> np.ndarray:
    return np.maximum(x - 1, np.minimum(x, 1))


def _offsets_moved(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Inner borders one on or back, where they stay between their neighbours."""
    x = t.numbers.astype(np.int64)
    for step in chance.permuted([1, -1]):
        moved = x.copy()
        inner = slice(1, -1)
        fits = (x[inner] + step > x[:-2]) & (x[inner] + step < x[2:])
        fits[1:] &= ~fits[:-1]  # neighbours do not move both
        moved[inner] += np.where(fits, step, 0)
        if fits.any():
            return moved
    return x


LESS_BUT_GREATEST = Move("− 1, but the greatest", _less_but_greatest)
MORE = Move("+ 1", _more)
LESS = Move("− 1", _less)
OFFSETS_MOVED = Move("inner ones moved by one", _offsets_moved)
