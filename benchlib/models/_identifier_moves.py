"""How what stands for something else is moved, as a token or a category: drawn anew among its like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchlib.models._moves import InputTensor, Move, rows_of

STRUCTURE = 64  # rows, and values, among which tokens that every item has equally often are looked for
VOCABULARY = 1 << 20  # values above the least among which identifiers are drawn at most


def _categories_redrawn(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Each column among what the graph knows there, where it says so, else among what occurs in it."""
    numbers = t.numbers.copy()
    table = numbers.reshape(-1, numbers.shape[-1] if numbers.ndim > 1 else 1)
    for column in range(table.shape[1]):
        own = np.array(t.use.categories(column)) if t.use.categories(column) else np.unique(table[:, column])
        own = own[np.char.str_len(own) * 4 <= numbers.itemsize] if numbers.dtype.kind == "U" else own
        table[:, column] = chance.choice(own, len(table))
    return table.reshape(numbers.shape)


def _among_occurring_but_greatest(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return _drawn(t, chance, lambda values: values[:-1] if len(values) > 1 else values, t.numbers.max())


def _among_occurring(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return _drawn(t, chance, lambda values: values)


def _between_least_and_greatest(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return _drawn(t, chance, lambda values: np.arange(values[0], min(values[-1] + 1, values[0] + VOCABULARY)))


def _drawn(
    t: InputTensor,
    chance: np.random.Generator,
    pool: Callable[[np.ndarray], np.ndarray],
    unwanted: int | None = None,
) -> np.ndarray:
    """Identifiers drawn anew from `pool` (of those that occur). What every item has equally often (a first token, an
    end) stays and is drawn nowhere else, and so do negative ones; of a single item its ends stay, save `unwanted`."""
    rows, back = rows_of(t.numbers.astype(np.int64))
    fixed = _structure(rows)
    fixed = fixed[fixed != unwanted] if unwanted is not None else fixed
    values = np.unique(rows)
    values = values[(values >= 0) & ~np.isin(values, fixed)]
    if not len(values):
        return t.numbers
    offered = pool(values)
    offered = offered[~np.isin(offered, fixed)] if len(fixed) else offered
    stays = (rows < 0) | np.isin(rows, fixed)
    if len(rows) == 1 and rows.shape[1] > 2:
        stays[:, [0, -1]] |= rows[:, [0, -1]] != (-1 if unwanted is None else unwanted)
    return back(np.where(stays, rows, chance.choice(offered, rows.shape)))


def _structure(rows: np.ndarray) -> np.ndarray:
    """The values that each of several items has equally often; none where so many do that it is a small vocabulary."""
    rows = rows[:STRUCTURE]
    if len(rows) < 2:
        return rows[0, :0]
    common = np.unique(rows[0])
    for row in rows[1:]:
        common = common[np.isin(common, row)]
    if len(common) > STRUCTURE:
        return common[:0]
    counts = [(rows == value).sum(1) for value in common]
    return np.array([v for v, own in zip(common, counts, strict=True) if (own == own[0]).all()], rows.dtype)


CATEGORIES_REDRAWN = Move("redrawn among the categories", _categories_redrawn)
BUT_GREATEST = Move("redrawn among those that occur, without the greatest", _among_occurring_but_greatest)
AMONG_OCCURRING = Move("redrawn among those that occur", _among_occurring)
BETWEEN = Move("redrawn between the least and the greatest", _between_least_and_greatest)
