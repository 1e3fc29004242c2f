"""What one node of a graph does with a value that it reads, which says what values are legal there.

An input that is looked up in a table (Gather and its kin, an embedding) takes the table's rows; one that an operator
holds keys for takes these; one that counts the valid part of an axis, as the lengths of a recurrent operator do, and
what is compared with the positions along an axis, takes 1 to the length of that axis; one that is a shape, a size or
the number of an axis takes what such an operator takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import numpy as np

from benchlib.models._onnx_graph import attribute
from benchlib.models._onnx_operands import operand
from benchlib.models._onnx_sizes import Sizes
from benchlib.models._onnx_trails import SCALES, Trail, begins_with, is_cast_to_truth
from benchlib.models._use import Role, Use

# (operator, position of the indices) -> position of the table, and the axis, or the attribute that holds it
TABLES: dict[tuple[str, int], tuple[int, str | int]] = {
    ("Gather", 1): (0, "axis"),
    ("GatherElements", 1): (0, "axis"),
    ("ScatterElements", 1): (0, "axis"),
    ("Scatter", 1): (0, "axis"),
    ("ArrayFeatureExtractor", 1): (0, -1),
    ("RoiAlign", 2): (0, 0),
    ("EmbedLayerNormalization", 0): (2, 0),
    ("EmbedLayerNormalization", 1): (4, 0),
    ("QEmbedLayerNormalization", 0): (2, 0),
    ("QEmbedLayerNormalization", 1): (4, 0),
    ("GatherBlockQuantized", 1): (0, "gather_axis"),
}
COUNTS = {("Expand", 1), ("Tile", 1), ("TopK", 1), ("ConstantOfShape", 0), ("Loop", 0), ("OneHot", 1), ("Trilu", 1),
          ("NonMaxSuppression", 2)}  # fmt: skip
AXES = {("CumSum", 1), ("Unsqueeze", 1), ("Squeeze", 1), ("SequenceAt", 1), ("SequenceErase", 1),
        *((f"Reduce{how}", 1) for how in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2"))}  # fmt: skip
# (operator, position of the lengths) -> position of what they count, and which of its axes that is
LENGTHS: dict[tuple[str, int], tuple[int, Callable[[Any, int], int]]] = {
    **dict.fromkeys(
        (("RNN", 4), ("GRU", 4), ("LSTM", 4), ("DynamicQuantizeLSTM", 4), ("AttnLSTM", 4)),
        (0, lambda node, rank: attribute(node, "layout", 0)),
    ),
    ("ReverseSequence", 1): (0, lambda node, rank: attribute(node, "time_axis", 0)),
    ("Attention", 6): (1, lambda node, rank: rank - 2),  # the valid part of keys and values
}
KEYS = {
    "LabelEncoder": ("keys_strings", "keys_int64s", "keys_floats", "keys_tensor"),
    "CategoryMapper": ("cats_strings", "cats_int64s"),
    "OneHotEncoder": ("cats_strings", "cats_int64s"),
    "TfIdfVectorizer": ("pool_strings", "pool_int64s"),
}
COMPARISONS = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual")
COMPUTES = SCALES | {"MatMul", "Gemm", "Conv", "Pow", "Sqrt", "Exp", "Log", "Neg", "ReduceMean", "ReduceSum"}
QUANTISED = {("DequantizeLinear", 0), ("ConvInteger", 0), ("MatMulInteger", 0), ("MatMulInteger", 1),
             ("QLinearConv", 0), ("QLinearMatMul", 0), ("QLinearMatMul", 3)}  # fmt: skip
_ROLES: Mapping[tuple[str, int], Role] = {
    **dict.fromkeys(COUNTS, cast(Role, "count")),
    **dict.fromkeys(AXES, cast(Role, "axis")),
    **dict.fromkeys(QUANTISED, cast(Role, "number")),
    ("Reshape", 1): "shape",
}


def uses_in(node: Any, position: int, trail: Trail, sizes: Sizes, kind: str) -> Iterator[Use]:
    """What a node, which reads a trail of an input of this kind at this position, says of the input."""
    place = node.op_type, position
    if place in LENGTHS:
        yield _length(node, *LENGTHS[place], trail, sizes)
    elif place == ("Range", 1):
        yield Use("length")
    elif node.op_type in COMPARISONS:
        yield from _compared_by_order(node, position, trail, sizes)
    elif node.op_type in COMPUTES:
        yield Use("number")
    if not trail.scaled:
        yield from _places_in(node, position, trail, sizes)
    if trail.is_exact:
        yield from _values_in(node, position, trail, sizes, kind)


def _places_in(node: Any, position: int, trail: Trail, sizes: Sizes) -> Iterator[Use]:
    """Where a node looks the values up."""
    place = node.op_type, position
    if place == ("OneHot", 0):
        depth = sizes.value(node.input[1])
        yield _indices(None if depth is None else int(depth.reshape(-1)[0]), trail)
    elif place in TABLES:
        table, axis = TABLES[place]
        axis = attribute(node, axis, 0) if isinstance(axis, str) else axis
        yield _indices(_size(sizes.dims(node.input[table]), axis), trail)
    elif place in (("GatherND", 1), ("ScatterND", 1)):
        yield _indices(_shortest(node, trail.part, sizes), trail)


def _values_in(node: Any, position: int, trail: Trail, sizes: Sizes, kind: str) -> Iterator[Use]:
    """What a node takes that reads the values as they are."""
    place = node.op_type, position
    if node.op_type == "Equal":
        yield from _compared(node, position, trail, sizes)
    elif place == ("Slice", 2):
        yield _in_slice(node, trail, sizes, "length")
    elif place == ("Slice", 1):
        yield _in_slice(node, trail, sizes, "index")
    elif node.op_type in KEYS and position == 0:
        yield from _keys(node, trail, kind)
    elif role := _ROLES.get(place):
        yield Use(role)
    elif said := operand(node, position, trail, sizes):
        yield said
    elif is_cast_to_truth(node):
        yield Use("truth", range(2))


def _length(node: Any, counted: int, axis_of: Callable[[Any, int], int], trail: Trail, sizes: Sizes) -> Use:
    dims = sizes.dims(node.input[counted])
    size = _size(dims, axis_of(node, len(dims))) if dims else None
    return Use("length", range(1, size + 1 - trail.shift) if size and trail.is_exact else ())


def _compared_by_order(node: Any, position: int, trail: Trail, sizes: Sizes) -> Iterator[Use]:
    """A length, where the other operand are positions: up to the number at which all of them are valid."""
    other = node.input[1 - position]
    if not _are_positions(other, sizes):
        return
    positions = sizes.value(other)
    if positions is None or not trail.is_exact:
        yield Use("length")
        return
    below = node.op_type in (("Less", "GreaterOrEqual") if position == 1 else ("Greater", "LessOrEqual"))
    most = int(positions.max()) + below - trail.shift  # `positions < length`, not `<=`
    yield Use("length", range(1, most + 1) if most > 0 else ())


def _compared(node: Any, position: int, trail: Trail, sizes: Sizes) -> Iterator[Use]:
    """Told apart from constants, or one of several positions."""
    other = node.input[1 - position]
    constants = sizes.value(other)
    if constants is None:
        return
    if constants.dtype.kind in "iuf" and _are_positions(other, sizes):
        first, last = int(constants.min()) - trail.shift, int(constants.max()) - trail.shift
        yield Use("length" if trail.shift == -1 else "index", range(max(first, 0), last + 1))
    elif constants.dtype.kind in "iuf":
        yield Use("compared", tuple((np.unique(constants) - trail.shift).tolist()))
    elif constants.dtype.kind in "OU":
        yield Use("compared", tuple(dict.fromkeys(map(_text, constants.reshape(-1)))))


def _are_positions(name: str, sizes: Sizes) -> bool:
    """Whether a value counts an axis through: 0, 1, 2, …, or a range whose end is not known."""
    value = sizes.value(name)
    if value is None:
        return begins_with(name, sizes) in ("Range", "CumSum", "NonZero")
    if value.dtype.kind not in "iuf" or not value.size:
        return False
    numbers = np.unique(value)
    return not sizes.is_constant(name) if len(numbers) == 1 else bool((np.diff(numbers) == 1).all())


def _in_slice(node: Any, trail: Trail, sizes: Sizes, role: Role) -> Use:
    """An end counts what is kept of an axis; a start is a place along it."""
    axes = sizes.value(node.input[3]) if len(node.input) > 3 and node.input[3] else np.zeros(1, int)
    dims = sizes.dims(node.input[0])
    found = [_size(dims, int(axis)) for axis in axes.reshape(-1)] if axes is not None and dims else []
    if not found or None in found:
        return Use(role)
    size = min(cast(list[int], found))
    return Use(role, range(1, size + 1 - trail.shift) if role == "length" else range(size - trail.shift))


def _keys(node: Any, trail: Trail, kind: str) -> Iterator[Use]:
    """The keys of an encoder as the input holds them: a cast may stand between the two."""
    from onnx import helper, numpy_helper

    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    held = {attribute: values[attribute] for attribute in KEYS[node.op_type] if attribute in values}
    if "keys_tensor" in held:
        held["keys_tensor"] = numpy_helper.to_array(held["keys_tensor"]).reshape(-1).tolist()
    of_kind = [keys for attribute, keys in held.items() if ("strings" in attribute) == (kind == "STRING")]
    if keys := next(iter([*of_kind, *held.values()]), None):
        found = tuple(key for key in (_as_kind(key, kind, trail.shift) for key in keys) if key is not None)
        yield Use("category", found, dict.fromkeys(trail.columns, found) if trail.columns else {})
    elif classes := values.get("classes_strings"):  # the first version numbers its classes
        yield Use("category", tuple(map(_text, classes))) if kind == "STRING" else Use("index", range(len(classes)))


def _as_kind(key: Any, kind: str, shift: int) -> Any:
    """A key of an encoder as an input of this kind holds it; None where it cannot."""
    if kind == "STRING":
        return _text(key)
    try:
        return float(_text(key)) - shift if isinstance(key, bytes | str) else key - shift
    except ValueError:
        return None


def _text(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)


def _indices(size: int | None, trail: Trail) -> Use:
    """Places among `size`. One less than a length is the last valid one of them."""
    legal = range(max(0, -trail.shift), size - trail.shift - trail.spread) if size else ()
    if trail.shift == -1:
        return Use("length", legal)
    return Use("index", legal, dict.fromkeys(trail.columns or (), ()))


def _shortest(node: Any, part: int | None, sizes: Sizes) -> int | None:
    """The axis that a part of the indices is for, else the shortest of those that their last axis goes over."""
    table, indices = sizes.dims(node.input[0]), sizes.dims(node.input[1])
    first = attribute(node, "batch_dims", 0)
    reached = table[first : first + indices[-1]] if table and indices else ()
    own = reached[part : part + 1] if part is not None else ()
    return min(own or reached, default=0) or None


def _size(dims: tuple[int, ...] | None, axis: int) -> int | None:
    return dims[axis] or None if dims and -len(dims) <= axis < len(dims) else None
