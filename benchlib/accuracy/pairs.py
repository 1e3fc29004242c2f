"""Complex numbers that a graph gives as pairs of real ones, put together again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchlib.tensors import FlatArrays, from_pairs, is_complex


def as_complex_of(reference: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> FlatArrays:
    """`outputs` (by position those of `reference`), pairs of real numbers as the complex ones that `reference` has in
    their place. What has another shape or precision stays as it is."""
    found = dict(outputs)
    for (name, given), right in zip(outputs.items(), reference.values(), strict=False):
        if is_complex(right) and given.shape == (*right.shape, 2) and given.dtype == right.real.dtype:
            found[name] = from_pairs(given)
    return found
