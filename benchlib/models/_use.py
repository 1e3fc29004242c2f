"""What a graph makes of an input, and so which values are legal there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal[
    "",  # nothing is known
    "state",  # what a recurrent network begins with
    "length",  # counts the part of an axis that is valid
    "index",  # looked up in a table, or along an axis
    "category",  # one of the keys that an operator holds
    "compared",  # held against constants: these are told apart
    "shape",  # of a Reshape
    "count",  # a size, or a number of repetitions: 1 always fits
    "axis",  # the number of an axis: 0 always fits
    "truth",  # yes or no, as a whole number
    "number",  # computed with
    "sound",  # a waveform
    "fixed",  # just what is legal
    "setting",  # a number that scales or decides: `legal` has the usual one
    "positive",  # above 0, up to 1
    "unit",  # from -1 to 1
    "boxes",  # corners within what is legal: a width and a height
    "pixels",  # 0 to 255, as floats
    "one hot",  # a one among zeros
    "timestep",  # 0 to 999
    "image size",  # height and width
]


MaskSense = Literal[
    "",  # not known
    "kept",  # yes where something counts
    "ignored",  # yes where nothing does
    "added",  # added to scores: 0 where something counts
]


@dataclass(frozen=True)
class Use:
    """The role of an input, and the values that are `legal` in it; empty where they are not known. Where the columns of
    a table have categories of their own, `columns` has them by number. What masks has a sense beside its role: `mask`.
    `is_guess`: nothing says so, it is only what does no harm."""

    role: Role = ""
    legal: range | tuple[Any, ...] = ()
    columns: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)
    mask: MaskSense = ""
    is_guess: bool = False

    def categories(self, column: int) -> tuple[Any, ...]:
        """What is legal in a column."""
        return self.columns.get(column, () if self.columns else tuple(self.legal))


UNKNOWN = Use()
