"""How the order of items is moved, whose values stay."""

from __future__ import annotations

import numpy as np

from benchlib.models._moves import InputTensor, Move, rows_of


def _permuted_in_items(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """Each item in an order of its own; of three elements and more the first stays."""
    rows, back = rows_of(t.numbers)
    first = int(rows.shape[1] > 2)
    return back(np.concatenate([rows[:, :first], chance.permuted(rows[:, first:], axis=1)], axis=1))


def _permuted_together(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """All items in one order along the last axis; of three elements and more the first stays."""
    return np.take(t.numbers, _order(t.numbers.shape[-1], chance), -1)


def _tuples_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """All items in one order along the last axis but one, so that what stands along the last stays together."""
    return np.take(t.numbers, _order(t.numbers.shape[-2], chance), -2)


def _pairs_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    axis = _axis_of_pairs(t.numbers)
    return np.take(t.numbers, chance.permutation(t.numbers.shape[1 - axis]), 1 - axis)


def _ends_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    """The second ends in another order than the first ones, so that other things are paired."""
    axis, numbers = _axis_of_pairs(t.numbers), t.numbers.copy()
    ends = np.moveaxis(numbers, axis, 0)
    ends[1] = chance.permutation(ends[1])
    return numbers


def _axis_of_pairs(numbers: np.ndarray) -> int:
    return 0 if numbers.shape[0] == 2 else 1


def _texts_permuted(t: InputTensor, chance: np.random.Generator) -> np.ndarray:
    return chance.permutation(t.numbers.reshape(-1)).reshape(t.numbers.shape)


def _order(length: int, chance: np.random.Generator) -> np.ndarray:
    """An order of the last axis that is not the recorded one; of three and more the first stays."""
    first = int(length > 2)
    order = first + chance.permutation(length - first)
    order = np.roll(order, 1) if (np.diff(order) == 1).all() else order
    return np.concatenate([np.arange(first), order])


PERMUTED_IN_ITEMS = Move("permuted in each item", _permuted_in_items)
PERMUTED_TOGETHER = Move("permuted", _permuted_together)
TUPLES_PERMUTED = Move("permuted as a whole each", _tuples_permuted)
PAIRS_PERMUTED = Move("pairs permuted", _pairs_permuted)
ENDS_PERMUTED = Move("paired otherwise", _ends_permuted)
TEXTS_PERMUTED = Move("texts permuted", _texts_permuted)
