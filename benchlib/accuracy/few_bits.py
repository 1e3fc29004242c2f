"""Whether outputs that were computed in 8 or 4 bits are right: they are close to nothing, but have to go along.

In each slice the candidate is correlated with what is right after the slice's mean is subtracted from both (else an
offset, such as that of logits, is all that counts), and the ratio of their spreads is taken. Items, rows and the whole
hold the bound of the dtype; 99 % of the slices along every other axis, and all that have a signal, hold `LEAST`. What
is right moves from set to set, and so does the candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchlib.accuracy.slices import FEWEST, Family, families, main_group
from benchlib.accuracy.stack import Stack
from benchlib.accuracy.tolerances import Tolerance

LEAST = 0.7  # correlation of any slice with a signal
RATIOS = (0.5, 2.0)  # of the spreads of any slice with a signal
SCALE = 0.15  # by which the spread of the whole, or most of its items, may differ
SIGNAL = 0.1  # of the median spread along its axis, that a slice with a signal has
FAINT = 1e-6  # of the level of a slice: what varies by less is constant
MOVES = 0.3  # of the spread: what is right moves so much from set to set where the motion is compared
ODD = 10  # times the usual error that one slice or one element may be off, however small it is
FAR = 2  # times the spread that the odd element is off
QUANTILE = 0.01


@dataclass(frozen=True)
class Likeness:
    """How an output goes along with what is right."""

    problem: str  # why it is wrong; "" where it is not
    slice: str  # the worst one, in words
    correlation: float  # of it


def judge_few_bits(stack: Stack, tolerance: Tolerance, ranked: bool) -> Likeness:
    """How a stack of outputs goes along with what is right.

    Args:
        stack: outputs, one shape over all sets of inputs.
        tolerance: of the dtype that was computed in.
        ranked: whether the last axis holds classes.
    """
    main = main_group(stack.right, stack.valid)
    mask = np.ones(stack.right.shape, bool) if main is None else main
    if not mask.any():
        return Likeness("", "", 1.0)
    others = ~mask if stack.valid is None else stack.valid & ~mask
    near = tolerance.rtol * np.abs(stack.right[others]) + float(np.ptp(stack.right[mask]))
    if off := int((np.abs(stack.error[others]) > near).sum()):
        return Likeness(f"{off} of {int(others.sum())} numbers that stand far from the others are elsewhere", "", 0.0)
    size = float(np.abs(stack.right[mask]).max()) or 1.0
    right, error = (np.where(mask, a, 0.0) / size for a in (stack.right, stack.error))
    worst = Likeness("", "", 1.0)
    for found in _problems(right, error, mask, stack, (tolerance, ranked)):
        if found.problem:
            return found
        if found.correlation < worst.correlation:
            worst = found
    return worst


def _problems(
    right: np.ndarray, error: np.ndarray, mask: np.ndarray, stack: Stack, asked: tuple[Tolerance, bool]
) -> Iterator[Likeness]:
    tolerance, ranked = asked
    cuts = families(right.shape, ranked)
    for family in cuts:
        yield _alike(family, right, error, mask, stack, tolerance.correlation)
    if len(right) > 1:
        yield _moves_alike(right, error, mask)
    if right.size < FEWEST:
        yield _close(right, error, mask, tolerance)
    yield _odd_one(right, error, mask, stack)


def _alike(
    family: Family, right: np.ndarray, error: np.ndarray, mask: np.ndarray, stack: Stack, bound: float
) -> Likeness:
    """The slices of a family: their correlations and the ratios of their spreads."""
    over = family.reduced(right)
    correlation, ratio, spread, level = (a.reshape(-1) for a in _figures(right, error, mask, over))
    varies = spread > FAINT * level
    if not varies.any():
        return Likeness("", "", 1.0)
    small = right.size < FEWEST
    by_item = family.axes in ((), (0,), (0, 1)) or len(family.axes) > 2
    signal = varies & (spread >= SIGNAL * np.median(spread[varies]))
    order = np.flatnonzero(varies)[np.argsort(correlation[varies])]
    allowed = int(QUANTILE * len(order))  # so many slices are beyond the quantile
    lowest = order[min(allowed, len(order) - 1)]
    wanted = bound if by_item and not small else LEAST
    if correlation[lowest] < wanted:
        return _told(family, stack, int(lowest), f"correlation {correlation[lowest]:.4f}, at least {wanted:g}", 0.0)
    for lost, text in (
        (signal & (correlation < LEAST), f"correlation below {LEAST:g}"),
        (signal & ((ratio < RATIOS[0]) | (ratio > RATIOS[1])), "another spread"),
    ):
        if lost.any():
            place = int(np.flatnonzero(lost)[0])
            figures = f"{text}: {correlation[place]:.4f}, {ratio[place]:.3g} times the spread"
            return _told(family, stack, place, figures, float(correlation[place]))
    usual = float(np.median(ratio[signal])) if signal.any() else 1.0
    if by_item and not small and abs(usual - 1) > SCALE:
        return _told(family, stack, int(lowest), f"{usual:.3g} times the spread of what is right", usual)
    return _told(family, stack, int(lowest), "", float(correlation[lowest]))


def _figures(right: np.ndarray, error: np.ndarray, mask: np.ndarray, over: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Correlation, ratio of spreads, spread and level of the slices over some axes."""
    count = np.maximum(mask.sum(axis=over, keepdims=True), 1)

    def mean(array: np.ndarray) -> np.ndarray:
        return np.asarray(array.sum(axis=over, keepdims=True) / count)

    own, found = (np.where(mask, a - mean(a), 0.0) for a in (right, right + error))
    spread, of_found = np.sqrt(mean(own**2)), np.sqrt(mean(found**2))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(mean(own * found) / (spread * of_found), nan=0.0)
        return correlation, of_found / spread, spread, np.sqrt(mean(right**2))


def _moves_alike(right: np.ndarray, error: np.ndarray, mask: np.ndarray) -> Likeness:
    """Whether the candidate moves from set to set as what is right does."""
    always = np.broadcast_to(mask.all(axis=0, keepdims=True), right.shape)
    if not always.any():
        return Likeness("", "", 1.0)
    motion, found = (a - a.mean(axis=0, keepdims=True) for a in (right, right + error))
    every = tuple(range(right.ndim))
    correlation, ratio, spread, _ = (float(a.item()) for a in _figures(motion, found - motion, always, every))
    if spread < MOVES * float(np.std(right[mask])) or spread == 0:
        return Likeness("", "", 1.0)
    if correlation < LEAST or not RATIOS[0] <= ratio <= RATIOS[1]:
        text = "does not move from input set to input set as it should: "
        text += f"correlation {correlation:.4f}, {ratio:.3g} times as far"
        return Likeness(text, "", correlation)
    return Likeness("", "", 1.0)


def _close(right: np.ndarray, error: np.ndarray, mask: np.ndarray, tolerance: Tolerance) -> Likeness:
    """So few numbers have to be close as well, in the dtype's own coarse terms: a correlation says nothing of them."""
    near = np.abs(error) <= tolerance.rtol * np.maximum(np.abs(right), np.std(right[mask]))
    if near[mask].all():
        return Likeness("", "", 1.0)
    return Likeness(f"{int((~near & mask).sum())} of {int(mask.sum())} numbers are not close", "", 0.0)


def _odd_one(right: np.ndarray, error: np.ndarray, mask: np.ndarray, stack: Stack) -> Likeness:
    """Whether one item, one index of an axis or one element is far off although the others are not."""
    spread = float(np.std(right[mask]))
    usual = float(np.median(np.abs(error[mask])))
    if float(np.abs(error).max()) > max(ODD * usual, FAR * spread) and spread > 0:
        return Likeness(f"one element is off by {np.abs(error).max() / spread:.3g} times the spread", "", 0.0)
    last = right.ndim - 1
    for family in (
        Family("item {} of input set {}", (0, 1)),
        *(Family(f"axis {a - 1}, index {{}}", (a,)) for a in range(1, last + 1)),
    ):
        over = family.reduced(right)
        count = np.maximum(mask.sum(axis=over), 1)
        off, own = (np.sqrt((a**2).sum(axis=over) / count).reshape(-1) for a in (error, right))
        place = int(np.argmax(off))
        if off[place] > ODD * np.median(off) and off[place] > RATIOS[0] * max(float(own[place]), spread / ODD):
            return _told(
                family, stack, place, f"off by {off[place] / own[place] if own[place] else np.inf:.3g} of its size", 0.0
            )
    return Likeness("", "", 1.0)


def _told(family: Family, stack: Stack, number: int, problem: str, correlation: float) -> Likeness:
    return Likeness(problem, family.words(stack.right, number, stack.sets), correlation)
