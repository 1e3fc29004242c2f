"""Inputs permuted: for models whose inputs cannot be drawn again. Shapes stay, and every value is one of the recorded,
which keeps it legal; but every sum, maximum and count stays too (`_moved_inputs` changes those).

floating, complex     shuffled over all elements; but an image (of three axes and more, the last two of 16 and more)
                      shifted along its last two axes, around its edges: what is pattern stays pattern; and a mask,
                      which holds two values at most, as whole numbers are
whole, boolean        permuted along the sequence: axis 1, or axis 0 of one dimension. Axes of one length share
                      one permutation, so that tokens, masks, segments and positions stay together. Of three and
                      more the first stays: a decoder that may not look at its first token has nothing to look at,
                      and what it answers there is nobody's affair
a single element, all elements equal: as they are
"""

from __future__ import annotations

import numpy as np

from benchlib import tensors
from benchlib.tensors import FlatArrays

SIDE = 16  # pixels from which on two axes are an image's


def permuted(arrays: FlatArrays, chance: np.random.Generator) -> FlatArrays:
    """The arrays in another order, each in the shape, dtype and memory order that it has."""
    along: dict[int, np.ndarray] = {}  # length of an axis -> its permutation
    found = {}
    for name, array in arrays.items():
        moved = np.empty_like(array)  # keeps the order of the axes in memory, and a label
        if array.ndim == 0:
            moved[...] = array
        elif _is_free(array) and array.ndim >= 3 and min(array.shape[-2:]) >= SIDE:
            shifts = tuple(int(chance.integers(side)) for side in array.shape[-2:])
            moved[...] = np.roll(np.asarray(array), shifts, axis=(-2, -1))
        elif _is_free(array):
            moved[...] = chance.permutation(np.asarray(array).reshape(-1)).reshape(array.shape)
        else:
            axis = min(1, array.ndim - 1)
            length = array.shape[axis]
            if length not in along:
                first = int(length > 2)
                along[length] = np.concatenate([np.arange(first), first + chance.permutation(length - first)])
            moved[...] = np.take(np.asarray(array), along[length], axis)
        found[name] = moved
    return found


def _is_free(array: np.ndarray) -> bool:
    """Whether the elements are numbers for themselves: floating or complex, and no mask."""
    numbers = tensors.values(array)
    return numbers.dtype.kind in "fc" and len(np.unique(numbers.reshape(-1)[:1024])) > 2
