"""What timed sessions answered otherwise than before, taken into the comparison.

Each new answer is compared as the first ones were, slice by slice. An engine whose bits never repeat gives very many:
of those to one set of inputs a few are compared so, and the others are held against these by their largest and their
mean error alone; one that is farther off than they are is compared in full again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchlib import tensors
from benchlib.measure.controller import ChangedOutput
from benchlib.tensors import FlatArrays

FEW = 4  # answers of a contender to a set that are compared in full, whatever they are
FARTHER = 1.5  # times the largest error of those that another one may have


@dataclass
class LaterAnswers:
    """The later answers of a trial.

    Args:
        right: the outputs that count as right for a set, by its number; None: there are none.
        compare: compares an answer in full.

    Attributes:
        roughly: how many answers were not compared in full.
    """

    right: Callable[[int], FlatArrays | None]
    compare: Callable[[ChangedOutput], None]
    roughly: int = 0
    _errors: dict[tuple[int, int], list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))

    def take(self, changed: ChangedOutput) -> None:
        """Compares an answer, in full or roughly."""
        known, right = self._errors[changed.contender, changed.input_set], self.right(changed.input_set)
        own = None if right is None else errors(list(tensors.load(changed.file)[0].values()), right)
        if own is not None and len(known) >= FEW and (own <= FARTHER * np.max(known, axis=0)).all():
            self.roughly += 1
            return
        if own is not None:
            known.append(own)
        self.compare(changed)


def errors(outputs: Sequence[np.ndarray], right: Mapping[str, np.ndarray]) -> np.ndarray:
    """Of each output its largest and its mean distance from what is right; infinite where it has another shape, or NaN
    and infinities elsewhere."""
    found = []
    if len(outputs) != len(right):
        return np.full(2 * len(right), np.inf)
    for own, expected in zip(map(tensors.values, outputs), map(tensors.values, right.values()), strict=True):
        if own.shape != expected.shape:
            return np.full(2 * len(right), np.inf)
        kind = np.complex128 if expected.dtype.kind == "c" else np.float64
        one, other = own.astype(kind), expected.astype(kind)
        with np.errstate(invalid="ignore"):
            off = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(one - other))
        off = np.where(np.isnan(off), np.inf, off)
        found += [float(off.max(initial=0.0)), float(off.mean()) if off.size else 0.0]
    return np.array(found)
