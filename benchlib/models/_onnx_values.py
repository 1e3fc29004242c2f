"""Inputs for an ONNX file that has none given: made up, and legal as far as the graph shows what is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.models._blank import Blank
from benchlib.models._fillers import filled
from benchlib.models._input_kinds import Kind, kind_of
from benchlib.models._lengths import counted_length
from benchlib.models._moves import InputTensor
from benchlib.models._onnx_graph import Values
from benchlib.models._onnx_shapes import Shapes
from benchlib.models._onnx_sums import past_length
from benchlib.models._use import UNKNOWN, Use
from benchlib.tensors import Inputs

LENGTH = 3  # tensors in a sequence
DTYPES = {"FLOAT": "float32", "DOUBLE": "float64", "STRING": "U", "BFLOAT16": "float32"}
_NO_IMAGES = ("state", "sound", "mask", "padding mask")  # kinds of floating numbers


@dataclass(frozen=True)
class Generator:
    """Makes values for all inputs of a graph: what each is, by the table of kinds, decides what it holds."""

    wanted: Values
    shapes: Shapes
    uses: Mapping[str, Use]

    def __call__(self, seed: int, other: bool = False) -> Inputs:
        """An optional is there; a sequence holds several tensors of one shape. Raises UserError.

        Args:
            seed: what is drawn follows from it.
            other: make a set beside the recorded one, in which lengths are drawn too instead of following a rule.
        """
        chance = np.random.default_rng(seed)
        return {name: self._value(name, self.wanted[name].nesting, chance, seed, other) for name in self.wanted}

    @property
    def guessed(self) -> list[str]:
        """The inputs of which nothing is known: of whole numbers, and of a few floats beside others."""
        return [name for name in self.wanted if self._is_guessed(name)]

    def _value(self, name: str, nesting: tuple[str, ...], chance: np.random.Generator, seed: int, other: bool) -> Any:
        if nesting:
            times = LENGTH if nesting[0] == "sequence" else 1
            parts = [self._value(name, nesting[1:], chance, seed, other) for _ in range(times)]
            return parts if nesting[0] == "sequence" else parts[0]
        # Masks and lengths of one set agree, as they are drawn from the same numbers.
        lengths = np.random.default_rng((seed, 1)) if other else None
        tensor, kind = self._known[name]
        blank = Blank(tensor, chance, self._counted.get(name), self._image, self._past, lengths)
        array = filled(kind.name, blank)
        return _bfloat16(array) if self.wanted[name].kind == "BFLOAT16" else array

    def _is_guessed(self, name: str) -> bool:
        tensor, kind = self._known[name]
        if tensor.use.is_guess:
            return True
        if tensor.numbers.dtype.kind not in "iu" or tensor.role not in ("", "number", "length", "index"):
            return False
        if kind.name in ("count", "one count"):
            sizes_of_image = "size" in tensor.name and self._image and tensor.numbers.shape[-1:] == (2,)
            return not (tensor.use.legal or self._counted.get(name) or sizes_of_image)
        unknown = kind.name in ("unknown whole numbers", "whole number", "identifiers") and not tensor.use.legal
        return unknown and "input_ids" not in tensor.name

    @cached_property
    def _known(self) -> dict[str, tuple[InputTensor, Kind]]:
        """What each input is before it holds anything."""
        found = {}
        for name, value in self.wanted.items():
            blank = np.zeros(self.shapes[name], _dtype(name, value.kind))
            tensor = InputTensor(name.lower(), blank, self.uses.get(name, UNKNOWN), is_blank=True)
            found[name] = tensor, kind_of(tensor)
        return found

    @cached_property
    def _counted(self) -> dict[str, int]:
        """The length of what each count counts, as far as names tell it."""
        counts = [name for name, (_, kind) in self._known.items() if kind.name in ("count", "one count", "offsets")]
        apart = [name for name, (_, kind) in self._known.items() if kind.name in ("state", "sampling rate")]
        surely = [name for name in counts if self._known[name][0].role == "length"]
        lengths = {n: counted_length(n, self.wanted, self.shapes, [*counts, *apart], n in surely) for n in counts}
        return {name: length for name, length in lengths.items() if length}

    @cached_property
    def _past(self) -> int:
        """How many positions come before those of this call."""
        return past_length(self.wanted, self.shapes)

    @cached_property
    def _image(self) -> tuple[int, int] | None:
        """Height and width of the first input that has four axes."""
        own = (t.numbers for t, kind in self._known.values() if kind.name not in _NO_IMAGES)
        shape = next((a.shape for a in own if a.ndim == 4 and (a.dtype.kind == "f" or a.dtype == np.uint8)), None)
        if shape is None:
            return None
        return (shape[1], shape[2]) if shape[3] < min(shape[1:3]) else (shape[2], shape[3])


def _dtype(name: str, kind: str) -> np.dtype:
    try:
        return np.dtype(DTYPES.get(kind, kind.lower()))
    except TypeError:
        raise UserError(f"input '{name}' is of type {kind.lower()}, which cannot be made up; give inputs") from None


def _bfloat16(array: np.ndarray) -> np.ndarray:
    """Truncated to bfloat16: the upper half of the bits."""
    bits = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    return tensors.labelled(bits.reshape(array.shape), "bfloat16")
