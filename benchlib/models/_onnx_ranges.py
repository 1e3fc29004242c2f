"""What range of floating numbers a graph asks of an input by what it computes first: a logarithm and a root want what
is positive, and what is divided by 255 are the bytes of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchlib.models._onnx_masks import Readers
from benchlib.models._onnx_sizes import Sizes
from benchlib.models._onnx_trails import MOVES
from benchlib.models._use import UNKNOWN, Use

# Operators that take data: what they read is no setting.
DATA = frozenset(
    ("MatMul", "Gemm", "Conv", "ConvTranspose", "LSTM", "GRU", "RNN", "Scaler", "Normalizer", "Binarizer", "Imputer",
     "TreeEnsembleRegressor", "TreeEnsembleClassifier", "TreeEnsemble", "LinearRegressor", "LinearClassifier",
     "SVMRegressor", "SVMClassifier", "LayerNormalization", "BatchNormalization")
)  # fmt: skip
_KEEPING_SIGN = {"Add", "Mul", "Div", "Max", "Clip"}
_BRIGHT = 100  # a mean that is subtracted, from which on it is one of bytes (ImageNet's: 103.9 … 123.7)
_FULL = (120, 300)  # what bytes are divided by: 127.5, 255, 256


def asked_range(name: str, rank: int, readers: Readers, sizes: Sizes) -> Use:
    """What the first things that are computed of an input say of its range; UNKNOWN where they say nothing."""
    places = [*_places(name, readers, lambda node, position: _keeps_sign(node, position, sizes))]
    if rank >= 3 and any(_of_bytes(node, position, sizes) for node, position, is_changed in places if not is_changed):
        return Use("pixels")
    return Use("positive") if any(_of_positive(node, position, sizes) for node, position, _ in places) else UNKNOWN


def is_data(name: str, readers: Readers, sizes: Sizes) -> bool:
    """Whether an input comes to an operator that takes data, only moved about, shifted or scaled before."""
    places = _places(name, readers, lambda node, position: _is_with_constants(node, position, sizes))
    return any(node.op_type in DATA for node, _, _ in places)


def _places(name: str, readers: Readers, passes: Callable[[Any, int], bool]) -> Iterator[tuple[Any, int, bool]]:
    """The nodes that read an input, where, and whether any arithmetic came before, of nodes that let it pass."""
    waiting, done = [(name, False)], {name}
    while waiting:
        value, is_changed = waiting.pop(0)
        for node, position in readers.get(value, ()):
            yield node, position, is_changed
            moves = position in MOVES.get(node.op_type, ()) and node.op_type != "Clip"
            if (moves or passes(node, position)) and node.output[0] not in done:
                done.add(node.output[0])
                waiting.append((node.output[0], is_changed or not moves))


def _keeps_sign(node: Any, position: int, sizes: Sizes) -> bool:
    """Whether what is positive stays so behind a node, as with constants that are."""
    if node.op_type not in _KEEPING_SIGN or (node.op_type in ("Div", "Clip") and position):
        return False
    return all(v is not None and bool((v >= 0).all()) for v in _others(node, position, sizes))


def _is_with_constants(node: Any, position: int, sizes: Sizes) -> bool:
    return node.op_type in (*_KEEPING_SIGN, "Sub") and all(v is not None for v in _others(node, position, sizes))


def _others(node: Any, position: int, sizes: Sizes) -> list[np.ndarray | None]:
    """What a node takes beside the value at a position; None for what is no numbers, or not known."""
    found = [sizes.value(other) for n, other in enumerate(node.input) if other and n != position]
    return [value if value is not None and value.dtype.kind in "iuf" else None for value in found]


def _of_positive(node: Any, position: int, sizes: Sizes) -> bool:
    if node.op_type == "Pow" and position == 0:
        exponent = sizes.value(node.input[1])
        return exponent is not None and bool((np.asarray(exponent, float) % 1 != 0).any())
    return node.op_type in ("Log", "Sqrt") and position == 0


def _of_bytes(node: Any, position: int, sizes: Sizes) -> bool:
    if node.op_type not in ("Sub", "Add", "Div", "Mul"):
        return False
    constant = sizes.value(node.input[1 - position])
    if constant is None or not constant.size or constant.dtype.kind not in "iuf":
        return False
    numbers = np.asarray(constant, float)
    if node.op_type in ("Sub", "Add"):
        taken_off = numbers if node.op_type == "Sub" else -numbers
        return position == 0 and bool((taken_off > 0).all()) and float(taken_off.max()) >= _BRIGHT
    if node.op_type == "Mul":
        numbers = 1 / np.where(numbers == 0, 1, numbers)
    is_divided = position == 0 or node.op_type == "Mul"
    return is_divided and bool(((numbers > _FULL[0]) & (numbers < _FULL[1])).all())
