"""An input that is to be made up, with what the others of its set say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchlib.models._moves import InputTensor


@dataclass(frozen=True)
class Blank:
    """An input that is to be made up."""

    tensor: InputTensor  # zeros
    chance: np.random.Generator
    length: int | None = None  # of what it counts, if it is a count and this is known
    image: tuple[int, int] | None = None  # height and width of an image among the other inputs
    past: int = 0  # positions that were computed before
    lengths: np.random.Generator | None = None  # draws the lengths of items; None: they follow the rule

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.numbers.shape

    @property
    def dtype(self) -> np.dtype:
        return self.tensor.numbers.dtype
