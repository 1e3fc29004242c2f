"""Whether float64 can be the ground truth, and whether outputs can prove anything at all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchlib.accuracy.slices import main_group
from benchlib.accuracy.stack import SMALLEST, UNIT, odd_values, stacked
from benchlib.tensors import dtype_of, values

Sets = Mapping[int, Mapping[str, np.ndarray]]  # outputs by the number of the set of inputs, then by name

_NEAR = 0.1  # of an output's own size (RMS) that the reference's error may have
_MOST = 0.5  # of the elements of the ground truth: more than so many that prove nothing prove nothing together
_SATURATED = 2  # values that a saturated output has at most beside 0: it stays at them whatever the input


def cannot_judge(reference: Sets, exact: Sets, dtype: str) -> str:
    """Why outputs of float64 cannot be the ground truth for those of `dtype`, or "".

    Their structure is another one, NaN or infinities stand elsewhere, or the reference's own error is so large (a tenth
    of the output's size) that it would excuse any other. Where that error exceeds even the spread of what is right,
    nothing can be proved by either, which `compare` says.

    Args:
        reference: outputs in `dtype`.
        exact: outputs of float64 for the same sets of inputs.
        dtype: by torch's name.
    """
    for number, outputs in reference.items():
        if problem := _misfit(outputs, exact[number]):
            return problem
    for position, name in enumerate(next(iter(reference.values()), {})):
        for own, right in _pairs(reference, exact, position):
            if own.dtype.kind in "biu":
                continue
            if odd_values(own, right):
                return f"{name} has NaN or infinities in float64 where {dtype} has none, or the other way round"
            error, level, spread = _sizes(own, right)
            least = max(SMALLEST.get(dtype_of(own), 0.0), UNIT.get(dtype_of(own), 2.0**-53) * level)
            if least < error <= spread and error > _NEAR * level:
                return f"the error of {name} in {dtype} is {error:.2g}, its size {level:.2g}"
    return ""


def worst_own_error(reference: Sets, exact: Sets, number: int) -> float:
    """The reference's error for the set of inputs `number`, relative to the output's size (both RMS), of the output
    where it is largest; infinite where NaN or infinities stand elsewhere."""
    worst = 0.0
    for own, right in zip(reference[number].values(), exact[number].values(), strict=True):
        if own.dtype.kind in "biu" or not own.size:
            continue
        if odd_values(own, right):
            return math.inf
        error, level, _ = _sizes(own, right)
        worst = max(worst, error / level if level else float(error > 0))
    return worst


@dataclass(frozen=True)
class Unproven:
    """What of the ground truth proves nothing: elements that are NaN, infinite, or the same for all sets of inputs."""

    reason: str  # why all of it proves nothing; "" where some of it does
    share: float  # of all elements
    constant: list[str]  # names of outputs of which most elements stay the same


def proves_nothing(right: Mapping[str, Sequence[np.ndarray]], dtype: str) -> Unproven:
    """What of the ground truth proves nothing. Outputs that stay the same leave it to those that move to prove it,
    however many elements they have.

    An element that stays 0 is none of the latter, nor are many that stay at the same one or two values, of which an
    output is full that has saturated by design: units behind a ReLU, a one-hot, a softmax of equal logits. There each
    element of a candidate has to show the very value. What stays at many different values was not computed from the
    inputs, as far as these sets tell.

    Args:
        right: for each output its arrays, one for each set of inputs.
        dtype: what the reference computed in: what moves by less than its rounding stays the same.
    """
    counts = np.array([_counts(arrays, dtype) for arrays in right.values()], np.int64).reshape(-1, 4)
    still = counts[:, 2] > _MOST * counts[:, 0]
    size, odd, constant, _ = (int(n) for n in counts.sum(axis=0))
    share = (odd + constant) / size if size else 0.0
    names = [name for name, is_still in zip(right, still, strict=True) if is_still]
    of_others = counts[~still].sum(axis=0)
    others_prove = of_others[3] > 0 and of_others[1] + of_others[2] <= _MOST * of_others[0]
    if share <= _MOST or others_prove:
        return Unproven("", share, names)
    if odd >= constant:
        return Unproven(f"NaN or infinite in {odd / size:.0%} of the elements of what is right", share, names)
    reason = f"{constant / size:.0%} of the elements of what is right are the same for all sets of inputs"
    return Unproven(reason, share, names)


def _counts(arrays: Sequence[np.ndarray], dtype: str) -> tuple[int, int, int, int]:
    """Of an output for all sets its elements, those that are NaN or infinite, those that stay the same, and those that
    do not."""
    size = odd = constant = moved = 0
    for alike in _by_shape(arrays):
        stack = np.stack([values(array) for array in alike])
        size += stack.size
        finite = np.isfinite(stack)
        odd += int((~finite).sum())
        moved += int((finite & (stack != stack[:1])).sum())
        if len(stack) > 1:
            constant += len(stack) * _constants(stack, finite.all(axis=0), UNIT.get(dtype, 2.0**-53))
    return size, odd, constant, moved


def _constants(stack: np.ndarray, usable: np.ndarray, unit: float) -> int:
    """How many elements stay the same over the first axis, those at 0 or at the values of a saturated output apart."""
    whole = stack.dtype.kind in "biu"
    if stack.dtype.kind == "b":
        stack = stack.astype(np.int8)
    first, some = stack[0], np.abs(stack[np.broadcast_to(usable, stack.shape)])
    size = float(np.median(some[some > 0])) if some.any() else 0.0  # what masks is larger by far
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.abs(stack[1:] - first).max(axis=0)
        same = usable & (moved == 0 if whole else moved <= unit * np.maximum(np.abs(first), unit * size))
    kept = first[same]
    if whole:
        return int(kept.size if not kept.any() and kept.size == first.size else np.count_nonzero(kept))
    other = kept[np.abs(kept) > unit * size]
    different = len(np.unique(other if not other.size else np.round(other / (4 * unit * size))))
    saturated = different <= _SATURATED and other.size >= 2 * different
    return 0 if saturated else int(other.size)


def _by_shape(arrays: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    for array in arrays:
        found.setdefault(array.shape, []).append(array)
    return list(found.values())


def _pairs(reference: Sets, exact: Sets, position: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for number, outputs in reference.items():
        yield list(outputs.values())[position], list(exact[number].values())[position]


def _sizes(reference: np.ndarray, exact: np.ndarray) -> tuple[float, float, float]:
    """RMS error of the reference, RMS and RMS deviation of what is right, of the largest group of its values."""
    if not reference.size:
        return 0.0, 0.0, 0.0
    stack = stacked([0], [reference], [reference], [exact])
    mask = main_group(stack.right, stack.valid)
    right, own = (stack.right, stack.own) if mask is None else (stack.right[mask], stack.own[mask])
    if not right.size:
        return 0.0, 0.0, 0.0
    size = max(float(np.abs(right).max()), float(np.abs(own).max())) or 1.0
    level, error = (float(np.sqrt(np.mean((a / size) ** 2))) * size for a in (right, own))
    return error, level, float(np.std(right / size)) * size


def _misfit(reference: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray]) -> str:
    """Why outputs of float64 have another structure than those of the trial's dtype, or ""."""
    if len(reference) != len(exact):
        return f"{len(exact)} outputs in float64, {len(reference)} otherwise"
    for (name, own), right in zip(reference.items(), exact.values(), strict=True):
        if own.shape != right.shape:
            return f"{name} has shape {list(right.shape)} in float64, {list(own.shape)} otherwise"
        if _kind(own) != _kind(right):
            return f"{name} is {right.dtype} in float64, {own.dtype} otherwise"
    return ""


def _kind(array: np.ndarray) -> str:
    """f, c, or the very dtype of whole numbers."""
    array = values(array)
    return array.dtype.kind if array.dtype.kind in "fc" else array.dtype.name
