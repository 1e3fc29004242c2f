"""What a model is besides its answers: a function, or random, stateful, changing its inputs.

The judge calls it in two processes whose generators have different seeds, and several times in the first of them, each
time from that process's own seed. Answers that differ between the processes are random; answers that differ within one
are the doing of a state that calls leave behind. Only differences far beyond rounding count: sums of floating numbers
need not be equal to the bit from run to run, and a healthy model must never be called random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchlib import tensors
from benchlib.accuracy import TOLERANCES

FUNCTION, RANDOM, STATEFUL, CHANGES_INPUTS = "a function", "random", "stateful", "changes its inputs"
SEEDS = (1, 2)  # of the two processes
STRAY = 100  # one element in so many may differ where nothing says that a model draws or remembers
FEW = 16  # numbers of an output from which its spread cannot be told: how they move between sets of inputs tells it
_ROUNDINGS = 32  # of the dtype, by which an element may differ from run to run
ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53, "mixed": 2.0**-24}
_MOST_NAMED = 3


@dataclass(frozen=True)
class Nature:
    """What was found of a model's way of answering."""

    kind: str = FUNCTION  # one of the four
    words: str = ""  # what makes it so: dropout; buffer `last`; x

    @property
    def repeats(self) -> bool:
        """Whether it answers alike as often as it is asked, so that its answers can be held against others'."""
        return self.kind in (FUNCTION, CHANGES_INPUTS)

    @property
    def in_words(self) -> str:
        """`random: dropout`; `a function`."""
        return f"{self.kind}: {self.words}" if self.words else self.kind

    @property
    def sentence(self) -> str:
        """Why nothing can be said of a way that is held against it; "" where something can."""
        if self.kind == RANDOM:
            return f"the model draws random numbers: {self.words}"
        if self.kind == STATEFUL:
            return f"the model remembers its calls: each changes {self.words}, so that the next answers otherwise"
        return ""


@dataclass(frozen=True)
class Observed:
    """What two judging processes saw."""

    first: tensors.FlatArrays  # the answer to the recorded inputs
    elsewhere: tensors.FlatArrays  # the same in the other process
    again: Sequence[tensors.FlatArrays]  # what later calls in the first process answered to them, where not the same
    fails_again: str  # what a later call failed with
    draws: bool  # a generator had moved on after the first call, or the graph has operators that draw
    operators: Sequence[str]  # what draws
    changed_state: Sequence[str]  # in words: "buffer `last`"
    changed_inputs: Sequence[str]
    others: Sequence[tensors.FlatArrays] = ()  # the answers of the first process to other sets of inputs


def nature_of(observed: Observed, dtype: str) -> Nature:
    """The kind of a model from what was observed of it."""
    if differ(observed.first, observed.elsewhere, dtype, observed.draws, observed.others):
        return Nature(RANDOM, listed(observed.operators) or "its answers differ from process to process")
    remembers = bool(observed.changed_state)
    changed = any(differ(observed.first, again, dtype, remembers, observed.others) for again in observed.again)
    if changed or observed.fails_again:
        return Nature(STATEFUL, f"its {listed(observed.changed_state)}" if remembers else "its state")
    if observed.changed_inputs:
        return Nature(CHANGES_INPUTS, listed([f"`{name}`" for name in observed.changed_inputs]))
    return Nature()


def differ(
    first: tensors.FlatArrays,
    second: tensors.FlatArrays,
    dtype: str,
    suspected: bool,
    others: Sequence[tensors.FlatArrays] = (),
) -> bool:
    """Whether two answers of one model to one set of inputs differ by more than rounding.

    Args:
        first: outputs by name.
        second: outputs by name; those of one position are compared.
        dtype: what the model computes in.
        suspected: something says that the model draws or remembers, so that a single element decides; else one in
            `STRAY` has to be another, as a tie that rounding decides may turn.
        others: answers to other sets of inputs, which say what is much and little of an output of few numbers: one
            number is what large ones left when they cancelled each other, as a difference of losses is.
    """
    if [a.shape for a in first.values()] != [b.shape for b in second.values()]:
        return True
    for place, (one, other) in enumerate(zip(first.values(), second.values(), strict=True)):
        there = [array for answer in others for array in list(answer.values())[place : place + 1]]
        alike = [tensors.values(array) for array in there if array.shape == one.shape]
        usual = _moves(tensors.values(one), alike) if one.size < FEW and alike else None
        beyond = int(_beyond(tensors.values(one), tensors.values(other), dtype, usual).sum())
        if beyond > (0 if suspected else one.size // STRAY):
            return True
    return False


def _moves(one: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray | None:
    """How far each number of an output moves between sets of inputs; None where that is nothing to go by."""
    stack = np.stack(others)
    if one.dtype.kind not in "fc" or not np.isfinite(stack).all():
        return None
    return np.asarray(np.abs(stack - one).max(axis=0))


def moved(before: tensors.FlatArrays, after: tensors.FlatArrays, dtype: str) -> bool:
    """Whether outputs are others than before, by more than a few roundings of any element."""
    if structure_of(before) != structure_of(after):
        return True
    for one, other in zip(map(tensors.values, before.values()), map(tensors.values, after.values()), strict=True):
        if one.dtype.kind not in "fc":
            changed = one != other
        else:
            with np.errstate(invalid="ignore"):
                size = np.abs(one[np.isfinite(one)]).max(initial=0.0)
                near = np.abs(one - other) <= _ROUNDINGS * ROUNDING[dtype] * size
            changed = ~(near | (one == other) | (np.isnan(one) & np.isnan(other)))
        if np.any(changed):
            return True
    return False


def listed(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _beyond(one: np.ndarray, other: np.ndarray, dtype: str, usual: np.ndarray | None) -> np.ndarray:
    """Which elements differ by more than rounding: by a tolerance of how far each usually moves, where that is known,
    or of the spread, and some roundings besides."""
    if one.dtype.kind not in "fc":
        return np.asarray(one != other)
    one, other = one.astype(np.complex128), other.astype(np.complex128)
    finite = np.isfinite(one) & np.isfinite(other)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore", over="ignore"):
        much = _spread(one[finite]) if usual is None else usual
        allowed = TOLERANCES[dtype].rtol * much + _ROUNDINGS * ROUNDING[dtype] * np.abs(one)
        return np.where(finite, np.abs(one - other) > allowed, ~same)


def _spread(values: np.ndarray) -> float:
    """How far the middle half of the different values lies apart: what a model masks with is one of them, however often
    it stands there."""
    different = np.unique(values.real)
    if not different.size:
        return 0.0
    low, high = np.quantile(different, [0.25, 0.75])
    return float(high - low)


def structure_of(outputs: Mapping[str, np.ndarray]) -> list[tuple[int, ...]]:
    """The shapes of outputs, as of large ones a part is kept."""
    return [tuple(tensors.thinned(np.asarray(array)).shape) for array in outputs.values()]
