"""More inputs of a model, derived from the recorded ones by one rule for all sources.

An export that has folded an input into a constant is right for that input alone; so outputs are compared at
more sets. And what is called again and again with the very same bytes finds them in the caches of the machine; so
several sets take turns while it is timed: eight, or as many as make up 64 MB, as those larger than any cache flatter
nobody. Every value of a derived set stands in the recorded one, which keeps it legal:

floating, complex     shuffled over all elements; but an image (of three axes and more, the last two of 16 and more)
                      shifted along its last two axes, around its edges: what is pattern stays pattern; and a mask,
                      which holds two values at most, as whole numbers are
whole, boolean        permuted along the sequence: axis 1, or axis 0 of one dimension. Axes of one length share
                      one permutation, so that tokens, masks, segments and positions stay together. Of three and
                      more the first stays: a decoder that may not look at its first token has nothing to look at,
                      and what it answers there is nobody's affair
a single element, all elements equal, numbers and texts of the nesting: as they are

Set n is drawn by `numpy.random.default_rng((seed, n))`, anew until it differs from all before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.tensors import FlatArrays, Inputs

InputSets = dict[int, Inputs]  # the number of a set -> the set, in the nesting of the recorded one, which is 0
COMPARED = (1, 2)  # the derived sets at which outputs are compared; 0 is the recorded one
TIMED = 8  # sets that take turns, the recorded one among them
ENOUGH = 64 << 20  # bytes of inputs beyond which no more sets are made
_DRAWS = 20
_SIDE = 16  # pixels from which on two axes are an image's


def of(model: Any, seed: int) -> InputSets:
    """The sets of a loaded model by number: those that were given, then derived ones."""
    return derived(model.inputs, seed) | dict(enumerate(model.more, 1))


def derived(inputs: Inputs, seed: int) -> InputSets:
    """The derived sets by number, all different, in the nesting of `inputs`: as many as differ, and as `ENOUGH` allows,
    but at least those to compare."""
    leaves, structure = tensors.flatten(inputs)
    arrays = {name: tensors.to_numpy(leaf) for name, leaf in leaves.items()}
    size = sum(array.nbytes for array in arrays.values())
    found, known = {}, {tensors.content_hash(arrays)}
    for number in range(1, min(TIMED, max(len(COMPARED) + 1, ENOUGH // max(size, 1)))):
        chance = np.random.default_rng((seed, number))
        for _ in range(_DRAWS):
            drawn = _permuted(arrays, chance)
            if (digest := tensors.content_hash(drawn)) not in known:
                found[number] = tensors.unflatten(structure, drawn)
                known.add(digest)
                break
    return found


def _permuted(arrays: FlatArrays, chance: np.random.Generator) -> FlatArrays:
    along: dict[int, np.ndarray] = {}  # length of an axis -> its permutation
    found = {}
    for name, array in arrays.items():
        permuted = np.empty_like(array)  # keeps the order of the axes in memory, and a label
        if array.ndim == 0:
            permuted[...] = array
        elif _is_free(array) and array.ndim >= 3 and min(array.shape[-2:]) >= _SIDE:
            shifts = tuple(int(chance.integers(side)) for side in array.shape[-2:])
            permuted[...] = np.roll(np.asarray(array), shifts, axis=(-2, -1))
        elif _is_free(array):
            permuted[...] = chance.permutation(np.asarray(array).reshape(-1)).reshape(array.shape)
        else:
            axis = min(1, array.ndim - 1)
            length = array.shape[axis]
            if length not in along:
                first = int(length > 2)
                along[length] = np.concatenate([np.arange(first), first + chance.permutation(length - first)])
            permuted[...] = np.take(np.asarray(array), along[length], axis)
        found[name] = permuted
    return found


def _is_free(array: np.ndarray) -> bool:
    """Whether the elements are numbers for themselves: floating or complex, and no mask."""
    numbers = tensors.values(array)
    return numbers.dtype.kind in "fc" and len(np.unique(numbers.reshape(-1)[:1024])) > 2
