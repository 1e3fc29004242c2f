"""Masks that are made up: what they take out, and by which value the graph reads that.

The first item is whole, those after it are padded at the end, the last is half as long; a mask of pairs of positions
lets each position see itself and those before it. So nothing is masked whole: a softmax over nothing is no number.
"""

from __future__ import annotations

import numpy as np

from benchlib.models._lengths import item_lengths
from benchlib.models._mask_moves import ADDITIVE
from benchlib.models._moves import InputTensor
from benchlib.models._names import is_mask, is_padding, is_square_mask


def mask_of(tensor: InputTensor, lengths: np.random.Generator | None) -> np.ndarray:
    """A mask in the sense of its graph, else of its name. Booleans have both values wherever they can; those that mask
    nothing as far as is known alternate.

    Args:
        tensor: what is known of the mask.
        lengths: draws the lengths of items; None: they follow the rule.
    """
    shape, size = tensor.numbers.shape, tensor.numbers.size
    sense = tensor.use.mask or ("ignored" if tensor.numbers.dtype.kind == "b" and is_padding(tensor.name) else "kept")
    if not (tensor.use.mask or is_mask(tensor.name)):
        return np.arange(size).reshape(shape) % 2 == 0
    kept = _kept(tensor, lengths)
    if sense == "added":
        return np.where(kept, 0, ADDITIVE)
    return ~kept if sense == "ignored" else kept


def _kept(tensor: InputTensor, lengths: np.random.Generator | None) -> np.ndarray:
    """True where something counts."""
    shape, is_boolean = tensor.numbers.shape, tensor.numbers.dtype.kind == "b"
    if len(shape) < 2:
        size = tensor.numbers.size
        return (np.arange(size) < ((size + 1) // 2 if is_boolean else size)).reshape(shape)
    places = np.arange(shape[-1])
    if shape[-2] == shape[-1] and is_square_mask(tensor.name):
        return np.broadcast_to(places <= places[:, None], shape)
    valid = item_lengths(shape[0], shape[-1], lengths)
    if shape[0] == 1 and is_boolean:
        valid = np.array([(shape[-1] + 1) // 2])
    return np.broadcast_to(places < valid.reshape(shape[0], *[1] * (len(shape) - 1)), shape)
