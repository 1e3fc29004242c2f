"""Whether floating outputs are right, slice by slice; the worst slice decides.

In each slice the error (RMS of candidate − right) has to be within the tolerance, a share `t` of the slice's spread,
or within `k` times what the reference itself is off (`Tolerance`), and no element may be off by ten times that. A
multiple of another error is widened by what chance alone adds for the worst of so many slices of so few numbers.
What the reference is off has a floor, since a slice in which it happens to be exact is not held to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchlib.accuracy.slices import FEW, FEWEST, Family, families, groups_of, may_be_parted
from benchlib.accuracy.stack import SMALLEST, UNIT, Stack
from benchlib.accuracy.tolerances import Tolerance

FARTHEST = 10  # times the bound of a slice that one of its elements may be off
RISK = 0.01  # that the worst slice of a right output exceeds its bound by chance
ROUNDINGS = 32  # of the dtype that was computed in, where the reference's own error is not known
OF_A_SUM = 8  # roundings of float32: sums of some hundred terms
LOOSE = 1000  # times its floor: an output that passes by its tolerance alone with so much is counted
LUCKY = 50  # the floor of a slice by others is at most its own spread divided by this
EXACT = 2.0**-46  # of its level: what varies by less than float64's own rounding is constant
ODD = 50  # of so many numbers the one that is farthest off is left out, to see that it does not excuse the others


@dataclass(frozen=True)
class Measured:
    """The figures of slices, one number of each for each slice."""

    family: Family
    index: np.ndarray  # flat number within the family
    count: np.ndarray  # numbers
    level: np.ndarray  # RMS of what is right
    spread: np.ndarray  # RMS deviation of what is right
    own: np.ndarray  # RMS of the reference's error
    erring: np.ndarray  # numbers in which the reference errs at all
    error: np.ndarray  # RMS of the candidate's error
    worst: np.ndarray  # its largest
    near: np.ndarray | None = None  # mean of what is right, where these are groups of values within slices


@dataclass(frozen=True)
class Verdict:
    """How an output fares."""

    passes: str  # by which rule, in one word or two; "" where it does not
    slice: str  # the worst one, in words; "" for the whole output
    share: float  # of its bound that it uses
    error: float  # its RMS error
    bound: float
    spread: float  # its RMS deviation, of what is right
    floor: float  # what the reference is off there, or at least what rounding is
    loose: bool = False  # whether a slice passes by the tolerance alone with more than `LOOSE` times its floor
    noisy: float = 0.0  # share of the slices in which the reference's own error exceeds the spread


def judge(stack: Stack, tolerance: Tolerance, known: bool, ranked: bool) -> Verdict:
    """The verdict on a stack of outputs.

    Args:
        stack: outputs, one shape over all sets of inputs.
        tolerance: what may be off.
        known: whether the reference's own error is that of the way's dtype: what is right is float64.
        ranked: whether the last axis holds classes.
    """
    worst = Verdict("tolerance", "", -1.0, 0.0, 0.0, 0.0, 0.0)
    loose, noisy = False, []
    for part, scale in _parts(stack):
        measured = [m for m in _measured(part, families(stack.right.shape, ranked, FEW)) if len(m.index)]
        slices = sum(len(m.index) for m in measured)
        for m in measured:
            floor = _floor(m, measured[0], stack, tolerance, known, scale)
            gate = _gate(m, floor, tolerance, slices if known else None)
            if known and m.near is None:
                excused = np.flatnonzero((gate.share <= 1) & ~gate.tolerated & (m.own >= floor))
                others = _without_odd_ones(part, m, excused, gate.bound, floor)
                gate.share[excused] = np.maximum(gate.share[excused], others)
            loose = loose or bool((gate.tolerated & (m.error > LOOSE * floor)).any())
            noisy.append((m.own > np.maximum(m.spread, _rounding(stack, scale))) & (m.spread > EXACT * m.level))
            place = int(np.argmax(gate.share))
            if gate.share[place] > worst.share:
                worst = _verdict(stack, m, gate, floor, (place, scale))
    if worst.passes == "eager's error" and not known:
        worst = replace(worst, passes="rounding")
    share = max(worst.share, 0.0)
    return replace(worst, share=share, loose=loose, noisy=float(np.concatenate(noisy).mean()) if noisy else 0.0)


@dataclass(frozen=True)
class _Gate:
    """What slices are held to, and how they fare, one number of each for each slice."""

    bound: np.ndarray  # of the RMS error
    share: np.ndarray  # of it that is used
    tolerated: np.ndarray  # whether the tolerance alone allows it


def _gate(m: Measured, floor: np.ndarray, tolerance: Tolerance, slices: int | None) -> _Gate:
    """`slices`: of the output, all together; None where the reference's own error is not known."""
    by_tolerance = tolerance.spread_share * m.spread
    by_own = floor if slices is None else floor * tolerance.multiple * _by_chance(m, slices)
    bound, error = np.maximum(by_tolerance, by_own), np.maximum(m.error, m.worst / FARTHEST)
    share = np.where(bound > 0, error / np.where(bound > 0, bound, 1.0), np.where(error > 0, np.inf, 0.0))
    return _Gate(bound, share, error <= by_tolerance)


def _verdict(stack: Stack, m: Measured, gate: _Gate, floor: np.ndarray, at: tuple[int, float]) -> Verdict:
    """The verdict on one slice; `at`: its place, and the scale of the figures."""
    place, scale = at
    name = m.family.words(stack.right, int(m.index[place]), stack.sets)
    if m.near is not None:
        name += f"{', ' if name else ''}values near {m.near[place] * scale:.3g}"
    rule = "tolerance" if gate.tolerated[place] else "eager's error"
    error, bound, spread, least = (scale * float(a[place]) for a in (m.error, gate.bound, m.spread, floor))
    share = float(gate.share[place])
    return Verdict(rule if share <= 1 else "", name, share, error, bound, spread, least)


def _parts(stack: Stack) -> Iterator[tuple[Stack, float]]:
    """The groups of values of the whole output (logits beside what masks them), each scaled to at most 1 in size, with
    that scale: squares neither overflow nor vanish."""
    right = stack.right
    everywhere = np.ones((1, right.size), bool) if stack.valid is None else stack.valid.reshape(1, -1)
    if not everywhere.any():
        return
    parted = may_be_parted(right, Family("", ()), stack.valid).size
    masks = [mask for _, mask in groups_of(right.reshape(1, -1), everywhere)] if parted else [everywhere]
    for mask in masks:
        valid = None if mask.all() else mask.reshape(right.shape)
        arrays = [a if valid is None else np.where(valid, a, 0.0) for a in (right, stack.own, stack.error)]
        size = max(float(np.abs(array).max()) for array in arrays)
        scale = 2.0 ** np.ceil(np.log2(size)) if size > 0 else 1.0
        part, own, error = (a / scale for a in arrays)
        yield Stack(stack.sets, stack.dtype, part, own, error, valid, 0), float(scale)


def _measured(part: Stack, cuts: list[Family]) -> Iterator[Measured]:
    """The figures of each family, and of the groups of values within single slices; the whole first."""
    right, valid = part.right, part.valid
    center = right.mean() if valid is None else right.sum() / valid.sum()
    moved = right - center if valid is None else np.where(valid, right - center, 0.0)
    squares, own, error = moved**2, part.own**2, part.error**2
    erring = own > 0
    for family in cuts:
        over = family.reduced(right)
        numbers = np.prod([right.shape[axis] for axis in over], dtype=np.int64)
        count = np.full(erring.sum(axis=over).size, numbers) if valid is None else valid.sum(axis=over).reshape(-1)

        def mean(array: np.ndarray, over=over, count=count) -> np.ndarray:
            return array.sum(axis=over).reshape(-1) / np.maximum(count, 1)

        offset = mean(moved)
        measured = Measured(
            family,
            np.arange(len(count)),
            count,
            np.sqrt(np.maximum(mean(squares) + 2 * center * offset + center**2, 0.0)) * (count > 0),
            np.sqrt(np.maximum(mean(squares) - offset**2, 0.0)),
            np.sqrt(mean(own)),
            erring.sum(axis=over).reshape(-1),
            np.sqrt(mean(error)),
            np.sqrt(error.max(axis=over).reshape(-1)),
        )
        chosen = may_be_parted(right, family, valid) if family.axes else np.array([], int)
        groups, parted = _grouped(part, family, chosen) if chosen.size else ([], chosen)
        keep = count > 0
        if family.axes:
            keep &= count >= family.fewest
        keep[parted] = False
        yield _chosen(measured, keep)
        yield from groups


def _grouped(part: Stack, family: Family, chosen: np.ndarray) -> tuple[list[Measured], np.ndarray]:
    """The groups of values within slices that have more than one, and the numbers of these slices. A group of few
    numbers is judged with the whole alone."""
    right = family.rows(part.right, chosen)
    valid = np.ones(right.shape, bool) if part.valid is None else family.rows(part.valid, chosen)
    groups = list(groups_of(right, valid))
    found = np.zeros(len(chosen), int)
    for index, _ in groups:
        found[index] += 1
    measured: list[Measured] = []
    own, error = family.rows(part.own, chosen), family.rows(part.error, chosen)
    for index, mask in groups:
        several = (found[index] > 1) & (mask.sum(axis=1) >= FEWEST)
        if not several.any():
            continue
        index, mask = index[several], mask[several]
        count = mask.sum(axis=1)
        near = np.where(mask, right[index], 0.0).sum(axis=1) / count

        def rms(array: np.ndarray, mask=mask, count=count) -> np.ndarray:
            return np.sqrt((np.where(mask, array, 0.0) ** 2).sum(axis=1) / count)

        figures = (
            rms(right[index]),
            rms(right[index] - near[:, None]),
            rms(own[index]),
            (mask & (own[index] != 0)).sum(axis=1),
            rms(error[index]),
            np.where(mask, np.abs(error[index]), 0.0).max(axis=1),
        )
        measured.append(Measured(family, chosen[index], count, *figures, near))
    return measured, chosen[found > 1]


def _chosen(measured: Measured, keep: np.ndarray) -> Measured:
    arrays = (measured.index, measured.count, measured.level, measured.spread, measured.own, measured.erring)
    return Measured(measured.family, *(a[keep] for a in (*arrays, measured.error, measured.worst)))


def _floor(m: Measured, whole: Measured, stack: Stack, tolerance: Tolerance, known: bool, scale: float) -> np.ndarray:
    """What the reference is off in each slice, at least.

    The lower quartile of the slices along the axis stands in where the reference happens to be exact, and is bounded
    by a slice's own spread, so that large boxes excuse no small scores.
    """
    unit, rounding = UNIT.get(stack.dtype, 2.0**-53), _rounding(stack, scale)
    fine = min(unit, UNIT["float32"])
    if not known:
        coarse = UNIT.get(tolerance.dtype, unit)
        # Where large terms cancel each other, what is left is as far off as its neighbours.
        usual = np.quantile(m.level[m.level > 0], 0.25, method="lower") if m.level.any() else 0.0
        within = ROUNDINGS * coarse * np.maximum(m.level, usual)
        if coarse > UNIT["float32"]:  # so many roundings of half precision are an eighth of the level
            within = np.maximum(np.minimum(within, m.spread / 4), 4 * coarse * m.level)
        return np.maximum(within, rounding)
    errors = m.own[m.own > 0]
    typical = np.quantile(errors, 0.25, method="lower") if errors.size else 0.0
    level = whole.level[0] if whole.level.size else 0.0
    bounded = np.minimum(typical, np.maximum(m.spread / LUCKY, ROUNDINGS * fine * level))
    still = (m.erring < FEWEST) & (m.spread == 0)
    # Where all numbers are one (a text of a single token, in each item), the reference's error is one draw, and may be
    # none: what a sum of many terms is off stands in.
    alone = m.spread <= EXACT * m.level
    least = np.where(alone, max(unit, OF_A_SUM * fine), unit) * m.level
    return np.maximum.reduce([m.own, np.where(still, typical, bounded), least, np.full(len(m.own), rounding)])


def _rounding(stack: Stack, scale: float) -> float:
    """What is no error in any slice: the smallest normal number of the dtype. Numbers within ±1, such as probabilities,
    come from functions that are exact to a rounding of 1 and not of the number (onnxruntime's sigmoid ends at 1.5e-8).
    """
    smallest = SMALLEST.get(stack.dtype, 2.0**-1022) / scale
    size = float(np.abs(stack.right).max(initial=0.0)) if stack.right.size else 0.0
    fine = min(UNIT.get(stack.dtype, 2.0**-53), UNIT["float32"])
    return max(smallest, fine * size / scale if size <= 1 else 0.0)


def _by_chance(m: Measured, slices: int) -> np.ndarray:
    """By how much the worst of so many ratios of two equal errors exceeds 1, by chance alone: the square root of the
    quantile of Fisher's F."""
    from scipy.special import fdtri

    erring = np.where(m.erring > 0, m.erring, m.count)
    coarse = 2.0 ** (np.round(2 * np.log2(np.maximum(erring, 1))) / 2)  # few different ones, so that few are computed
    pairs, place = np.unique(np.stack([m.count, coarse]), axis=1, return_inverse=True)
    return np.sqrt(fdtri(pairs[0], pairs[1], 1 - RISK / max(slices, 1)))[place.reshape(-1)]


def _without_odd_ones(part: Stack, m: Measured, chosen: np.ndarray, bound: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """The share of their bound that the `chosen` slices use when the farthest numbers of both the reference and the
    candidate are left out: one bad element of the reference excuses no others."""
    if not chosen.size:
        return np.zeros(0)
    own = _squares(part.own, m, chosen)
    odd = own.max(axis=1) > FARTHEST**2 * m.own[chosen] ** 2
    shares = np.zeros(len(chosen))
    if not odd.any():
        return shares
    error, own = _squares(part.error, m, chosen[odd]), own[odd]
    count = own.shape[1] - max(1, own.shape[1] // ODD)
    left = [np.sqrt(np.partition(a, count - 1, axis=1)[:, :count].mean(axis=1)) for a in (own, error)]
    factor = bound[chosen[odd]] / floor[chosen[odd]]
    least = UNIT.get(part.dtype, 2.0**-53) * m.level[chosen[odd]]
    shares[odd] = left[1] / (factor * np.maximum(np.maximum(left[0], least), 1e-300))
    return shares


def _squares(array: np.ndarray, m: Measured, chosen: np.ndarray) -> np.ndarray:
    """The squares of the numbers of the `chosen` slices, a row each."""
    return np.asarray(m.family.rows(array, m.index[chosen]) ** 2)
