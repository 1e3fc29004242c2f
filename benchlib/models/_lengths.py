"""Lengths of the items of a batch, and what an input that is a length counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from benchlib.models._names import counted_in, have_common, is_called_by, is_count, is_length, parameter_of
from benchlib.models._onnx_graph import Values


def item_lengths(items: int, length: int, chance: np.random.Generator | None = None) -> np.ndarray:
    """The first item has the full length, the others get shorter in even steps down to half of it; with `chance` they
    are drawn between the two, the longest first, as packed sequences want them. None is shorter than 1."""
    half, rest = (length + 1) // 2, max(length - 1, 1)
    if chance is None:
        own = np.round(np.linspace(length, half, items)).astype(np.int64)
    else:
        own = np.sort(chance.integers(half, length + 1, items))[::-1].copy()
    own[1:] = np.minimum(own[1:], rest)
    own[:1] = length
    return np.maximum(own, min(length, 1))


def counted_length(
    name: str, wanted: Values, shapes: Mapping[str, list[int]], without: Collection[str] = (), surely: bool = False
) -> int | None:
    """The length of what an input counts, by names: of an axis that is called as its own name says (`num_frames` of
    `frames`), of the input that is (`x_lens` of `x`), else, if it is a length, of the first other one that has a
    sequence.

    Args:
        name: of the input.
        wanted: all inputs, with the names of their free axes.
        shapes: their sizes.
        without: inputs that are not counted, as states are not.
        surely: whether it is a length whatever it is called.
    """
    own = counted_in(name)
    others = [n for n in wanted if n != name and n not in without and shapes.get(n) and not is_count(n)]
    for other in others:
        for dim, size in zip(wanted[other].dims or (), shapes[other], strict=False):
            if isinstance(dim, str) and is_called_by(own, dim) and parameter_of(dim) != "batch_size":
                return size
    items = int(np.prod(shapes[name]))
    for other in sorted(others, key=lambda n: not have_common(own, n)):
        axis = sequence_axis(wanted[other].dims, shapes[other], items)
        if axis is not None and (surely or is_length(name) or have_common(own, other)):
            return shapes[other][axis]
    return None


def sequence_axis(dims: tuple[int | str, ...] | None, shape: list[int], items: int) -> int | None:
    """The axis along which an input of `items` goes on: the one that is called so, else the free one beside the batch,
    else the first one beside it."""
    dims = dims if dims and len(dims) == len(shape) else tuple(shape)
    called = [parameter_of(dim) if isinstance(dim, str) else None for dim in dims]
    if "seq_length" in called:
        return called.index("seq_length")
    axes = [*range(len(shape))]
    if "batch_size" in called:
        axes.remove(called.index("batch_size"))
    elif len(shape) > 1:
        axes.remove(1 if shape[0] != items and shape[1] == items else 0)
    free = [axis for axis in axes if isinstance(dims[axis], str)]
    return next(iter(free or axes), None)
