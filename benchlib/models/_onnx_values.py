"""Inputs for an ONNX file that has none given: made up, and legal as far as the graph shows what is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.models import _fillers, _onnx_uses
from benchlib.models._onnx_graph import Values
from benchlib.models._onnx_shapes import Shapes
from benchlib.tensors import Inputs

Uses = Mapping[str, _onnx_uses.Use]  # of inputs by name

LENGTH = 3  # tensors in a sequence
DTYPES = {"FLOAT": "float32", "DOUBLE": "float64", "STRING": "U", "BFLOAT16": "float32"}


def generated(proto: Any, wanted: Values, shapes: Shapes, seed: int) -> Inputs:
    """Values for all inputs. An optional is there; a sequence holds several tensors of one shape. Raises UserError."""
    return generator(wanted, shapes, uses_of(proto, wanted))(seed)


def uses_of(proto: Any, wanted: Values) -> Uses:
    """What the graph makes of its inputs of whole numbers. Raises UserError."""
    dtypes = {name: _dtype(name, value.kind) for name, value in wanted.items()}
    return _onnx_uses.uses_of(proto, [name for name, dtype in dtypes.items() if dtype.kind in "iu"])


def generator(wanted: Values, shapes: Shapes, uses: Uses) -> Callable[[int], Inputs]:
    """What makes values for all inputs from a seed. Raises UserError."""
    dtypes = {name: _dtype(name, value.kind) for name, value in wanted.items()}
    return lambda seed: _generated(wanted, shapes, dtypes, uses, np.random.default_rng(seed))


def _generated(
    wanted: Values, shapes: Shapes, dtypes: Mapping[str, np.dtype], uses: Uses, rng: np.random.Generator
) -> Inputs:

    def tensor(name: str) -> np.ndarray:
        use = uses.get(name, _onnx_uses.Use())
        array = _fillers.fill(name, shapes[name], dtypes[name], rng, wanted, use)
        return _bfloat16(array) if wanted[name].kind == "BFLOAT16" else array

    def value(name: str, nesting: tuple[str, ...]) -> Any:
        if not nesting:
            return tensor(name)
        return (
            [value(name, nesting[1:]) for _ in range(LENGTH)] if nesting[0] == "sequence" else value(name, nesting[1:])
        )

    return {name: value(name, wanted[name].nesting) for name in wanted}


def _dtype(name: str, kind: str) -> np.dtype:
    try:
        return np.dtype(DTYPES.get(kind, kind.lower()))
    except TypeError:
        raise UserError(f"input '{name}' is of type {kind.lower()}, which cannot be made up; give inputs") from None


def _bfloat16(array: np.ndarray) -> np.ndarray:
    """Truncated to bfloat16: the upper half of the bits."""
    bits = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    return tensors.labelled(bits.reshape(array.shape), "bfloat16")
