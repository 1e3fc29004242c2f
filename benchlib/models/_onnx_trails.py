"""The trail of an input through a graph: which values hold its numbers, where, and what was added to them.

An input is followed through operators that only move its values about, and through sums with constants. Through other
arithmetic it is followed to see whether it is a length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchlib.models._onnx_graph import attribute
from benchlib.models._onnx_sizes import Sizes

# Operators whose outputs hold the values of the input at this position, rearranged.
MOVES = {
    **dict.fromkeys(("Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Expand"), (0,)),
    **dict.fromkeys(("Slice", "Split", "Clip", "Tile", "Gather", "ArrayFeatureExtractor"), (0,)),
    **dict.fromkeys(("ReduceMax", "ReduceMin", "CastLike", "Optional", "OptionalGetElement", "Imputer"), (0,)),
    "Where": (1, 2),
    "Concat": tuple(range(64)),
}
SHIFTS = {"Add": 1, "Sub": -1}
SCALES = frozenset(("Mul", "Div", "Floor", "Ceil", "Round", "Min", "Max", "Mod", "Add", "Sub", "Trunc"))
LARGEST_STEP = 1 << 31  # that is added to a place; what is larger masks
_BOOL = 9  # TensorProto.BOOL


@dataclass(frozen=True)
class Trail:
    """A value that follows from an input: its numbers plus `shift` and up to `spread` more, unless they are `scaled`;
    of all its columns or of some; `part` is its place among the values that were concatenated."""

    value: str
    shift: int = 0
    spread: int = 0
    scaled: bool = False
    columns: tuple[int, ...] | None = None
    part: int | None = None

    @property
    def is_exact(self) -> bool:
        """Whether it is the input's numbers plus one and the same number."""
        return not (self.scaled or self.spread)


def followed(node: Any, position: int, trail: Trail, sizes: Sizes | None) -> list[Trail]:
    """What holds the values of a trail behind a node."""
    operator = node.op_type
    if operator in ("Loop", "Scan") and (body := _body(node)) is not None:
        carried = operator == "Scan" or position > 1  # how often a loop runs, and whether, are not carried
        taken = position - (len(node.input) - len(body.input))
        return [replace(trail, value=body.input[taken].name)] if carried and 0 <= taken < len(body.input) else []
    if position in MOVES.get(operator, ()):
        if is_cast_to_truth(node):
            return []
        columns = _columns(node, trail, sizes) if sizes else trail.columns
        part = position if operator == "Concat" else trail.part
        return [replace(trail, value=output, columns=columns, part=part) for output in node.output]
    if (added := _added(node, position, sizes)) is not None:
        shift, spread = trail.shift + added[0], trail.spread + added[1] - added[0]
        return [replace(trail, value=node.output[0], shift=shift, spread=spread)]
    return [replace(trail, value=node.output[0], scaled=True)] if operator in SCALES else []


def is_cast_to_truth(node: Any) -> bool:
    """Whether a node makes yes and no of numbers."""
    return node.op_type == "Cast" and attribute(node, "to", 0) == _BOOL


def _added(node: Any, position: int, sizes: Sizes | None) -> tuple[int, int] | None:
    """The least and the greatest whole number that a node adds to the value at this position, as where items lie one
    after the other; None where it does something else."""
    if sizes is None or node.op_type not in SHIFTS or (node.op_type == "Sub" and position == 1):
        return None
    step = sizes.value(node.input[1 - position])
    if step is None or not step.size or step.dtype.kind not in "iuf":
        return None
    if np.abs(step).max() > LARGEST_STEP or (step % 1).any():
        return None
    steps = step.astype(np.int64) * SHIFTS[node.op_type]
    return int(steps.min()), int(steps.max())


def _columns(node: Any, trail: Trail, sizes: Sizes) -> tuple[int, ...] | None:
    """The columns of the input that are left behind a node; None: all of them."""
    by_column = node.op_type == "Gather" and attribute(node, "axis", 0) in (1, -1)
    if (by_column or node.op_type == "ArrayFeatureExtractor") and len(sizes.dims(trail.value) or ()) == 2:
        chosen = sizes.value(node.input[1])
        if chosen is not None and (trail.columns is None or chosen.max(initial=0) < len(trail.columns)):
            numbers = tuple(int(n) for n in chosen.reshape(-1))
            return numbers if trail.columns is None else tuple(trail.columns[n] for n in numbers)
    return trail.columns


def _body(node: Any) -> Any:
    return next((a.g for a in node.attribute if a.name == "body"), None)


def begins_with(name: str, sizes: Sizes) -> str:
    """The operator that made the numbers of a value, before they were only moved about or shifted."""
    node, passed = sizes.makers.get(name), {name}
    while node is not None and (0 in MOVES.get(node.op_type, ()) or node.op_type in SHIFTS):
        if node.input[0] in passed:
            return ""
        passed.add(node.input[0])
        node = sizes.makers.get(node.input[0])
    return node.op_type if node is not None else ""
