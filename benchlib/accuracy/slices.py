"""An output cut into slices: along every axis each index, each item of each set of inputs, each row of classes.

One number for a whole tensor lets large values excuse small ones: boxes in pixels excuse scores, the values that a
model masks with excuse its logits, and sixty right images the one that is zero. So each slice is measured by itself.
All is done axis by axis with numpy's reductions, never slice by slice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 16  # numbers that a slice needs; a smaller one is judged as part of its axis
FEW, MIXED = 4, 256  # of outputs with so many numbers at most, which may be of any unit each, FEW are enough
SAMPLED = 8  # of so many numbers one is looked at first, where any number will do
GAP = 100  # times the spread on either side: a gap so wide parts a slice into groups


@dataclass(frozen=True)
class Family:
    """The slices that belong to the indices of some axes of a stack (sets of inputs first, then the output's own)."""

    name: str  # of one of them, in words with a place for each index: "channel {}"
    axes: tuple[int, ...]  # that are kept
    fewest: int = FEWEST  # numbers that each slice needs

    def reduced(self, array: np.ndarray) -> tuple[int, ...]:
        """The axes that each slice runs over."""
        return tuple(axis for axis in range(array.ndim) if axis not in self.axes)

    def rows(self, array: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The `chosen` slices (flat numbers) of a stack, each a row."""
        moved = np.moveaxis(array, self.axes, range(len(self.axes)))
        places = np.unravel_index(chosen, moved.shape[: len(self.axes)]) if self.axes else (np.newaxis,)
        return moved[places].reshape(len(chosen), -1)

    def words(self, array: np.ndarray, number: int, sets: Sequence[int]) -> str:
        """What the slice with this flat number is, in words; "" for the whole."""
        if not self.axes:
            return ""
        index = [int(i) for i in np.unravel_index(number, tuple(array.shape[axis] for axis in self.axes))]
        if self.axes[0] == 0:
            index = [*index[1:], sets[index[0]]]
        return self.name.format(*index)


def families(shape: tuple[int, ...], ranked: bool, few: int = FEWEST) -> list[Family]:
    """The families of slices of a stack of outputs that have enough numbers each, the whole first.

    Args:
        shape: sets of inputs, then the axes of the output.
        ranked: whether the last axis holds classes that are ranked.
        few: numbers that are enough for the indices of an output's own axes, where it has `MIXED` numbers at most.
    """
    last = len(shape) - 1
    fewest = few if math.prod(shape[1:]) <= MIXED else FEWEST
    found = [Family("", ()), Family("input set {}", (0,))]
    if last > 1:
        found.append(Family("item {} of input set {}", (0, 1)))
    found += [Family(f"{_axis_name(axis, last, ranked)} {{}}", (axis,), fewest) for axis in range(1, last + 1)]
    if ranked and last > 2:
        found.append(Family("row " + ", ".join(["{}"] * (last - 1)) + " of input set {}", tuple(range(last))))
    kept: list[Family] = []
    seen = set()
    for family in found:
        slices = math.prod(shape[axis] for axis in family.axes)
        cut = tuple(axis for axis in family.axes if shape[axis] > 1)  # an axis of one index cuts nothing
        if cut not in seen and (not family.axes or (slices > 1 and math.prod(shape) >= family.fewest * slices)):
            kept.append(family)
            seen.add(cut)
    return kept


def _axis_name(axis: int, last: int, ranked: bool) -> str:
    if axis == last and ranked:
        return "class"
    if axis == 1 and last > 1:
        return "item"
    if (axis == 2 and last >= 4) or (axis == last and last in (2, 3)):
        return "channel"
    return f"axis {axis - 1}, index"


def groups_of(rows: np.ndarray, valid: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The groups of values of each row, parted where a gap is wider than `GAP` times the spread on either side.

    Two values that are all there is part nothing: their spread says how far they are apart.

    Args:
        rows: (slices, numbers)
        valid: the same shape; what is not belongs to no group.

    Yields:
        numbers of rows, and for these rows which numbers are of one group. Every valid number is in one.
    """
    pending = [(np.arange(len(rows)), valid)]
    while pending:
        index, mask = pending.pop()
        own = rows[index]
        low = np.where(mask, own, np.inf).min(axis=1, initial=np.inf)
        high = np.where(mask, own, -np.inf).max(axis=1, initial=-np.inf)
        with np.errstate(invalid="ignore"):
            middle = ((low + high) / 2)[:, None]
            left = mask & (own <= middle)
            right = mask & ~left
            gap = np.where(right, own, np.inf).min(axis=1, initial=np.inf)
            gap -= np.where(left, own, -np.inf).max(axis=1, initial=-np.inf)
            spread = np.maximum(_spread(own, left, low), _spread(own, right, high))
            apart = np.isfinite(gap) & (gap > GAP * spread) & (spread > 0)
        if apart.any():
            pending += [(index[apart], left[apart]), (index[apart], right[apart])]
        if not apart.all():
            yield index[~apart], mask[~apart]


def _spread(rows: np.ndarray, mask: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The RMS deviation of the masked numbers of each row; `near` is one of them, so that equal ones give 0."""
    count = np.maximum(mask.sum(axis=1), 1)
    from_near = np.where(mask, rows - near[:, None], 0.0)
    mean = from_near.sum(axis=1) / count
    return np.sqrt(np.maximum((from_near**2).sum(axis=1) / count - mean**2, 0.0))


def may_be_parted(values: np.ndarray, family: Family, valid: np.ndarray | None) -> np.ndarray:
    """Flat numbers of the slices in which no value lies in the middle of the range: a few of all, as a rule."""
    if not values.size:
        return np.arange(0)
    over = family.reduced(values)
    low = (values if valid is None else np.where(valid, values, np.inf)).min(axis=over, keepdims=True)
    high = (values if valid is None else np.where(valid, values, -np.inf)).max(axis=over, keepdims=True)

    def inhabited(some: tuple[slice, ...]) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # a slice without a valid number has no range
            inside = np.abs(values[some] - (low + high) / 2) < 0.3 * (high - low)
        return np.asarray((inside if valid is None else inside & valid[some]).any(axis=over))

    longest = max(over, key=lambda axis: values.shape[axis])
    few = tuple(slice(None, None, SAMPLED if axis == longest else None) for axis in range(values.ndim))
    middle = inhabited(few)
    if not middle.all():  # as a rule a few numbers show it
        middle = inhabited((slice(None),) * values.ndim)
    return np.flatnonzero(~middle.reshape(-1) & (high > low).reshape(-1))


def main_group(values: np.ndarray, valid: np.ndarray | None) -> np.ndarray | None:
    """Where the largest group of values stands: what is left without the values that mask others; None: everywhere."""
    if valid is not None and not valid.any():
        return valid
    if not may_be_parted(values, Family("", ()), valid).size:
        return valid
    everywhere = np.ones((1, values.size), bool) if valid is None else valid.reshape(1, -1)
    groups = (mask for _, mask in groups_of(values.reshape(1, -1), everywhere))
    return max(groups, key=np.count_nonzero).reshape(values.shape)
