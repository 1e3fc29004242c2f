"""Which way round a graph reads a mask: the two numbers that yes and no become on their way are followed until one of
them takes something out of a softmax, or makes it zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchlib.models._onnx_sizes import Sizes
from benchlib.models._onnx_trails import MOVES, is_cast_to_truth
from benchlib.models._use import MaskSense

Readers = Mapping[str, list[tuple[Any, int]]]  # a value -> the nodes that read it, and where

MASKED = -1e3  # what is at most this is taken out of a softmax
_PASSING = {"And", "Or", "Xor", "ReduceMax", "ReduceMin", "Expand", "CastLike"}
_BY_OPERATOR: Mapping[tuple[str, int], MaskSense] = {
    ("MultiHeadAttention", 4): "kept",
    ("MultiHeadAttention", 5): "added",
    ("PackedMultiHeadAttention", 6): "added",
    ("DecoderMaskedMultiHeadAttention", 3): "kept",
}
_ARITHMETIC = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
_COMPARISONS = {"Equal": np.equal, "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater,
                "GreaterOrEqual": np.greater_equal}  # fmt: skip
_BEFORE_SOFTMAX = 8  # nodes between what is added to scores and their softmax, at most


@dataclass(frozen=True)
class _Followed:
    """A value that follows from a mask, and what no and yes have become in it."""

    value: str
    no: float = 0
    yes: float = 1

    def behind(self, node: Any, how: Any = None) -> _Followed:
        no, yes = how(np.array([self.no, self.yes], float)) if how else (self.no, self.yes)
        return _Followed(node.output[0], float(no), float(yes))


def mask_sense(name: str, kind: str, readers: Readers, sizes: Sizes) -> MaskSense:
    """What a graph makes of a mask of this kind: yes is kept, or ignored, or it is added to scores; "" where it does
    not tell. What goes into a softmax tells more than what becomes zero."""
    is_float = kind not in ("BOOL", "UINT8", "INT8", "INT32", "INT64", "UINT32", "UINT64")
    found = dict(reversed([*_senses(_Followed(name), is_float, readers, sizes)]))  # the first of each strength
    return found.get(True) or found.get(False) or ""


def _senses(start: _Followed, is_float: bool, readers: Readers, sizes: Sizes) -> Iterator[tuple[bool, MaskSense]]:
    """What each of the places says that a mask comes to, and whether it says so for certain."""
    waiting, done = [start], set()
    while waiting:
        held = waiting.pop(0)
        if held in done:
            continue
        done.add(held)
        for node, position in readers.get(held.value, ()):
            if sense := _by_operator(node, position, is_float):
                yield True, sense
            elif said := _said(node, position, held, is_float, readers, sizes):
                yield said
            elif (after := _after(node, position, held, sizes)) and after.no != after.yes:
                if masks := _of_masked(after):
                    yield True, masks
                else:
                    waiting.append(after)


def _by_operator(node: Any, position: int, is_float: bool) -> MaskSense:
    if node.op_type == "Attention" and position == 3:  # of onnx itself, and of com.microsoft
        return "added" if is_float else "kept"
    return _BY_OPERATOR.get((node.op_type, position), "")


def _said(
    node: Any, position: int, held: _Followed, is_float: bool, readers: Readers, sizes: Sizes
) -> tuple[bool, MaskSense] | None:
    """What a node says that a mask meets as it was: it chooses between numbers, is multiplied with, or is added."""
    if node.op_type == "Where" and position == 0 and {held.no, held.yes} == {0, 1}:
        chosen = [_scalar(node.input[n], sizes) for n in (1, 2)]  # by a true condition, by a false one
        for certain, takes_out in ((True, _masks), (False, lambda number: number == 0)):
            if sum(number is not None and takes_out(number) for number in chosen) == 1:
                is_ignored = chosen[0] is not None and takes_out(chosen[0])
                return certain, "ignored" if is_ignored == (held.yes == 1) else "kept"
    if node.op_type == "Mul" and {held.no, held.yes} == {0, 1} and _scalar(node.input[1 - position], sizes) is None:
        return False, "kept" if held.yes else "ignored"
    as_it_was = is_float and (held.no, held.yes) == (0, 1)
    if as_it_was and node.op_type == "Add" and _scalar(node.input[1 - position], sizes) is None:
        return (True, "added") if _comes_to_softmax(node.output[0], readers) else None
    return None


def _after(node: Any, position: int, held: _Followed, sizes: Sizes) -> _Followed | None:
    """The mask behind a node."""
    operator = node.op_type
    if operator == "Not":
        return held.behind(node, lambda both: 1 - both)
    if is_cast_to_truth(node):
        return held.behind(node, lambda both: both != 0)
    if operator in _PASSING or (operator != "Where" and position in MOVES.get(operator, ())):
        return held.behind(node)
    if operator == "Where":
        return held.behind(node) if position else _chosen(node, held, sizes)
    how = _ARITHMETIC.get(operator) or _COMPARISONS.get(operator)
    if how is None or len(node.input) != 2 or (number := _scalar(node.input[1 - position], sizes)) is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return held.behind(node, lambda both: how(both, number) if position == 0 else how(number, both))


def _chosen(node: Any, held: _Followed, sizes: Sizes) -> _Followed | None:
    """A mask that chooses between two constants becomes these."""
    true, false = (_scalar(node.input[n], sizes) for n in (1, 2))
    if true is None or false is None:
        return None
    return held.behind(node, lambda both: np.where(both != 0, true, false))


def _of_masked(held: _Followed) -> MaskSense:
    if _masks(held.no) == _masks(held.yes):
        return ""
    return "ignored" if _masks(held.yes) else "kept"


def _masks(number: float) -> bool:
    return number <= MASKED


def _scalar(name: str, sizes: Sizes) -> float | None:
    """The one number that a constant holds, whatever its shape."""
    value = sizes.value(name)
    if value is None or not value.size or value.dtype.kind not in "biuf":
        return None
    first = float(value.reshape(-1)[0])
    return first if bool((value == value.reshape(-1)[0]).all()) else None


def _comes_to_softmax(name: str, readers: Readers) -> bool:
    waiting = [(name, 0)]
    while waiting:
        value, far = waiting.pop()
        for node, position in readers.get(value, ()):
            if node.op_type in ("Softmax", "LogSoftmax"):
                return True
            if far < _BEFORE_SOFTMAX and (node.op_type in ("Add", "Max") or position in MOVES.get(node.op_type, ())):
                waiting.append((node.output[0], far + 1))
    return False
