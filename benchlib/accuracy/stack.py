"""One output over several sets of inputs as arrays to slice: the candidate's, the reference's, the right.

NaN, infinities and the lowest numbers of a dtype, with which models mask, have no size: they have to stand where they
stand in the reference or in the ground truth, and are in no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchlib.accuracy.slices import main_group
from benchlib.tensors import dtype_of, values

# the largest of bfloat16, float32 and float64; float16's 65504 only where it is the dtype's own
LARGEST = (3.3895313892515355e38, 3.4028234663852886e38, 1.7976931348623157e308)
UNIT = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "complex64": 2.0**-24}  # rounding; else float64
SMALLEST = {"float16": 2.0**-14, "bfloat16": 2.0**-126, "float32": 2.0**-126, "complex64": 2.0**-126}  # normal


@dataclass(frozen=True)
class Stack:
    """(sets of inputs, *shape of the output) each, float64; complex numbers have one axis more, of both parts."""

    sets: Sequence[int]  # the numbers of the sets of inputs
    dtype: str  # of the output
    right: np.ndarray
    own: np.ndarray  # the reference's error: its outputs minus the right ones
    error: np.ndarray  # the candidate's
    valid: np.ndarray | None  # where all three are ordinary numbers; None: everywhere
    nonfinite: int  # elements that are NaN, infinite or a dtype's extreme in the candidate and not so where it is right


def stacked(
    sets: Sequence[int],
    candidate: Sequence[np.ndarray],
    reference: Sequence[np.ndarray],
    exact: Sequence[np.ndarray] | None,
) -> Stack:
    """Floating or complex outputs of one shape, one for each set of inputs."""
    dtype = dtype_of(reference[0])
    of_candidate, of_reference = _joined(candidate), _joined(reference)
    right = _joined(exact) if exact is not None else of_reference
    half = dtype == "float16"
    kinds = [_kinds(array, half) for array in (of_candidate, of_reference, right)]
    valid, nonfinite = None, 0
    if any(kind is not None for kind in kinds):
        zeros = np.zeros(right.shape, np.int8)
        first, second, third = (zeros if kind is None else kind for kind in kinds)
        nonfinite = int(((first != second) & (first != third)).sum())
        valid = (first == 0) & (second == 0) & (third == 0)
        of_candidate, of_reference, right = (np.where(valid, a, 0.0) for a in (of_candidate, of_reference, right))
    return Stack(sets, dtype, right, of_reference - right, of_candidate - right, valid, nonfinite)


def odd_values(reference: np.ndarray, exact: np.ndarray) -> int:
    """Elements that are NaN or infinite in one and not in the other."""
    half = dtype_of(reference) == "float16"
    own, right = (_kinds(_joined([array]), half) for array in (reference, exact))
    if own is None or right is None:
        other = right if own is None else own
        return 0 if other is None else int(np.count_nonzero(other))
    return int((own != right).sum())


def spread_of(right: np.ndarray) -> float:
    """RMS deviation of what is right, of complex numbers as of their parts, without the values that mask others."""
    if not right.size:
        return 0.0
    numbers = _joined([right])
    kinds = _kinds(numbers, dtype_of(right) == "float16")
    valid = None if kinds is None else kinds == 0
    mask = main_group(np.where(valid, numbers, 0.0) if valid is not None else numbers, valid)
    chosen = numbers if mask is None else numbers[mask]
    return float(np.std(chosen)) if chosen.size else 0.0


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    joined = np.stack([np.asarray(values(array)) for array in arrays])
    if joined.dtype.kind == "c":
        joined = np.stack([joined.real, joined.imag], axis=-1)
    return joined.astype(np.float64).reshape(joined.shape if joined.ndim > 1 else (-1, 1))


def _kinds(array: np.ndarray, half: bool) -> np.ndarray | None:
    """0 of an ordinary number, another number for NaN, each infinity and each extreme; None where all are ordinary."""
    largest = (*LARGEST, 65504.0) if half else LARGEST
    ends = np.abs([array.max(initial=0.0), array.min(initial=0.0)])
    if np.isfinite(ends).all() and not np.isin(ends, largest).any():
        return None
    kinds = np.where(np.isin(np.abs(array), largest), 3, 0) + np.where(np.isinf(array), 2, 0)
    kinds = (kinds * np.where(array < 0, -1, 1)).astype(np.int8)
    kinds[np.isnan(array)] = 1
    return kinds
