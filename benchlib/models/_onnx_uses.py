"""What a graph does with its inputs, which says what values are legal there.

An input that is looked up in a table (Gather and its kin, an embedding) takes the table's rows; one that an operator
holds keys for takes these; one that counts the valid part of an axis, as the lengths of a recurrent operator do, and
what is compared with the positions along an axis, takes 1 to the length of that axis; one that is a shape, a size or
the number of an axis takes what such an operator takes. What a recurrent operator begins with is a state.

An input is followed through operators that only move its values about, and through sums with constants. Through other
arithmetic it is followed to see whether it is a length. Of several uses the more telling one counts, of several ranges
what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from benchlib.models._names import are_one_state, is_overruled, is_sound
from benchlib.models._onnx_graph import Values, outputs_of
from benchlib.models._onnx_sizes import LARGEST, Sizes
from benchlib.models._use import UNKNOWN, Role, Use
from benchlib.onnx_facts import graphs

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
          ("NonMaxSuppression", 2), ("Pad", 1)}  # fmt: skip
AXES = {("CumSum", 1), ("Unsqueeze", 1), ("Squeeze", 1), ("SequenceAt", 1), ("SequenceErase", 1),
        *((f"Reduce{how}", 1) for how in ("Sum", "Mean", "Max", "Min", "Prod", "L1", "L2"))}  # fmt: skip
# (operator, position of the lengths) -> position of what they count, and which of its axes that is
LENGTHS: dict[tuple[str, int], tuple[int, Callable[[Any, int], int]]] = {
    **dict.fromkeys(
        (("RNN", 4), ("GRU", 4), ("LSTM", 4), ("DynamicQuantizeLSTM", 4), ("AttnLSTM", 4)),
        (0, lambda node, rank: _attribute(node, "layout", 0)),
    ),
    ("ReverseSequence", 1): (0, lambda node, rank: _attribute(node, "time_axis", 0)),
    ("Attention", 6): (1, lambda node, rank: rank - 2),  # the valid part of keys and values
}
STATES = {("RNN", 5), ("GRU", 5), ("LSTM", 5), ("LSTM", 6), ("DynamicQuantizeLSTM", 5), ("DynamicQuantizeLSTM", 6),
          ("AttnLSTM", 5), ("AttnLSTM", 6)}  # fmt: skip
KEYS = {
    "LabelEncoder": ("keys_strings", "keys_int64s", "keys_floats", "keys_tensor"),
    "CategoryMapper": ("cats_strings", "cats_int64s"),
    "OneHotEncoder": ("cats_strings", "cats_int64s"),
    "TfIdfVectorizer": ("pool_strings", "pool_int64s"),
}
LARGEST_STEP = 1 << 31  # that is added to a place; what is larger masks
FLOATS = ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")
COMPARISONS = ("Less", "LessOrEqual", "Greater", "GreaterOrEqual")
COMPUTES = SCALES | {"MatMul", "Gemm", "Conv", "Pow", "Sqrt", "Exp", "Log", "Neg", "ReduceMean", "ReduceSum"}
QUANTISED = {("DequantizeLinear", 0), ("ConvInteger", 0), ("MatMulInteger", 0), ("MatMulInteger", 1),
             ("QLinearConv", 0), ("QLinearMatMul", 0), ("QLinearMatMul", 3)}  # fmt: skip
TELLING: tuple[Role, ...] = (
    "state", "category", "length", "index", "shape", "count", "axis", "truth", "compared", "number",
)  # fmt: skip


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


class GraphUses:
    """The uses of a graph's inputs, over the main graph and its subgraphs, which see the names of the outer one."""

    def __init__(self, proto: Any, wanted: Values):
        self._proto, self._wanted = _inlined(proto), wanted
        self._readers: dict[str, list[tuple[Any, int]]] = {}
        self._given_as: dict[str, list[str]] = {}  # an output of a subgraph -> those of its node
        for graph in graphs(self._proto):
            for node in graph.node:
                for position, name in enumerate(node.input):
                    self._readers.setdefault(name, []).append((node, position))
                for inner, outer in _given_by(node):
                    self._given_as.setdefault(inner, []).append(outer)

    @cached_property
    def states(self) -> frozenset[str]:
        """The inputs that a recurrent network begins with: by their use, or because the graph gives them again."""
        return frozenset(name for name, value in self._wanted.items() if value.kind in FLOATS and self._is_state(name))

    def uses(self, shapes: Mapping[str, list[int]]) -> dict[str, Use]:
        """The uses, where the graph shows any, for inputs of these shapes."""
        sizes = Sizes(self._proto, shapes)
        found = {}
        for name, value in self._wanted.items():
            seen = [Use("state")] if name in self.states else self._seen(name, sizes)
            if seen := [use for use in seen if not is_overruled(name, use.role)]:
                found[name] = _most_telling(seen)
            is_open = found.get(name, UNKNOWN).role in ("", "number")
            if is_open and value.kind in FLOATS and is_sound(name, self._wanted):
                found[name] = Use("sound")
        return found

    def channels(self, name: str) -> int | None:
        """How many the convolution takes that reads an input, as its weights say."""
        sizes = Sizes(self._proto, {})
        for trail in self._trails(name, sizes):
            for node, position in self._readers.get(trail.value, ()):
                if node.op_type == "Conv" and position == 0 and (dims := sizes.dims(node.input[1])):
                    return dims[1] * _attribute(node, "group", 1) or None
        return None

    def _is_state(self, name: str) -> bool:
        """What a recurrent operator begins with, and none of what it reads later on; or given again by an output that
        is called like it, of the same type and dimensions."""
        read = [place for trail in self._trails(name, None) for place in self._readers.get(trail.value, ())]
        if any(place in STATES or _is_state_of_scan(node, place[1]) for node, place in _placed(read)):
            return not any(place in _READ for _, place in _placed(read))
        own, outputs = self._wanted[name], outputs_of(self._proto)
        kept = [n for n, v in outputs.items() if v.kind == own.kind and _may_be_equal(v.dims, own.dims)]
        return len(self._wanted) > 1 and any(are_one_state(name, other) for other in kept)

    def _trails(self, name: str, sizes: Sizes | None) -> Iterator[Trail]:
        """The input itself, and what follows from it."""
        waiting, done = [Trail(name)], set()
        while waiting:
            trail = waiting.pop()
            if trail.value not in done:
                done.add(trail.value)
                yield trail
                waiting += [replace(trail, value=outer) for outer in self._given_as.get(trail.value, ())]
                for node, position in self._readers.get(trail.value, ()):
                    waiting += _followed(node, position, trail, sizes)

    def _seen(self, name: str, sizes: Sizes) -> list[Use]:
        """All uses. Floating numbers that are compared, or asked for yes or no, are such only if nothing else is made
        of them; those that are looked up are categories."""
        kind = self._wanted[name].kind
        seen = [
            use
            for trail in self._trails(name, sizes)
            for node, position in self._readers.get(trail.value, ())
            for use in _uses_in(node, position, trail, sizes, kind)
        ]
        if kind not in FLOATS:
            return seen
        known = [_as_category(use) if use.role == "index" and use.legal else use for use in seen]
        is_number = any(node.op_type not in _TELLS_APART for node in self._ends(name, sizes))
        return [use for use in known if not (is_number and use.role in ("compared", "truth"))]

    def _ends(self, name: str, sizes: Sizes) -> Iterator[Any]:
        """The nodes that do more with an input than to move its values about."""
        for trail in self._trails(name, sizes):
            for node, position in self._readers.get(trail.value, ()):
                if position not in MOVES.get(node.op_type, ()):
                    yield node


def _followed(node: Any, position: int, trail: Trail, sizes: Sizes | None) -> list[Trail]:
    """What holds the values of a trail behind a node."""
    operator = node.op_type
    if operator in ("Loop", "Scan") and (body := _body(node)) is not None:
        carried = operator == "Scan" or position > 1  # how often a loop runs, and whether, are not carried
        taken = position - (len(node.input) - len(body.input))
        return [replace(trail, value=body.input[taken].name)] if carried and 0 <= taken < len(body.input) else []
    if position in MOVES.get(operator, ()):
        if operator == "Cast" and _attribute(node, "to", 0) == _BOOL:
            return []
        columns = _columns(node, trail, sizes) if sizes else trail.columns
        part = position if operator == "Concat" else trail.part
        return [replace(trail, value=output, columns=columns, part=part) for output in node.output]
    if (added := _added(node, position, sizes)) is not None:
        shift, spread = trail.shift + added[0], trail.spread + added[1] - added[0]
        return [replace(trail, value=node.output[0], shift=shift, spread=spread)]
    return [replace(trail, value=node.output[0], scaled=True)] if operator in SCALES else []


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
    by_column = node.op_type == "Gather" and _attribute(node, "axis", 0) in (1, -1)
    if (by_column or node.op_type == "ArrayFeatureExtractor") and len(sizes.dims(trail.value) or ()) == 2:
        chosen = sizes.value(node.input[1])
        if chosen is not None and (trail.columns is None or chosen.max(initial=0) < len(trail.columns)):
            numbers = tuple(int(n) for n in chosen.reshape(-1))
            return numbers if trail.columns is None else tuple(trail.columns[n] for n in numbers)
    return trail.columns


def _uses_in(node: Any, position: int, trail: Trail, sizes: Sizes, kind: str) -> Iterator[Use]:
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
        axis = _attribute(node, axis, 0) if isinstance(axis, str) else axis
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
    elif node.op_type == "Cast" and _attribute(node, "to", 0) == _BOOL:
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
        return _begins_with(name, sizes) in ("Range", "CumSum", "NonZero")
    if value.dtype.kind not in "iuf" or not value.size:
        return False
    numbers = np.unique(value)
    return not sizes.is_constant(name) if len(numbers) == 1 else bool((np.diff(numbers) == 1).all())


def _begins_with(name: str, sizes: Sizes) -> str:
    """The operator that made the numbers of a value, before they were only moved about or shifted."""
    node, passed = sizes.makers.get(name), {name}
    while node is not None and (0 in MOVES.get(node.op_type, ()) or node.op_type in SHIFTS):
        if node.input[0] in passed:
            return ""
        passed.add(node.input[0])
        node = sizes.makers.get(node.input[0])
    return node.op_type if node is not None else ""


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


def _as_category(use: Use) -> Use:
    legal = tuple(use.legal[:LARGEST])
    return Use("category", legal, dict.fromkeys(use.columns, legal))


def _shortest(node: Any, part: int | None, sizes: Sizes) -> int | None:
    """The axis that a part of the indices is for, else the shortest of those that their last axis goes over."""
    table, indices = sizes.dims(node.input[0]), sizes.dims(node.input[1])
    first = _attribute(node, "batch_dims", 0)
    reached = table[first : first + indices[-1]] if table and indices else ()
    own = reached[part : part + 1] if part is not None else ()
    return min(own or reached, default=0) or None


def _most_telling(seen: list[Use]) -> Use:
    """One use out of several."""
    role = next(role for role in TELLING if any(use.role == role for use in seen))
    own = [use for use in seen if use.role == role]
    ranges = [use.legal for use in seen if isinstance(use.legal, range) and use.legal and role in ("length", "index")]
    if role in ("length", "index"):
        least = max((r.start for r in ranges), default=0)
        legal = range(max(least, 1) if role == "length" else least, min((r.stop for r in ranges), default=0))
        return Use(role, legal or ())
    if role == "truth":
        return own[0]
    columns: dict[int, tuple[Any, ...]] = {}
    for use in own:
        for column, keys in use.columns.items():
            columns[column] = tuple(dict.fromkeys((*columns.get(column, ()), *keys)))
    return Use(role, tuple(dict.fromkeys(key for use in own for key in use.legal)), columns)


def _size(dims: tuple[int, ...] | None, axis: int) -> int | None:
    return dims[axis] or None if dims and -len(dims) <= axis < len(dims) else None


def _placed(read: list[tuple[Any, int]]) -> Iterator[tuple[Any, tuple[str, int]]]:
    return ((node, (node.op_type, position)) for node, position in read)


def _is_state_of_scan(node: Any, position: int) -> bool:
    return node.op_type == "Scan" and position < len(node.input) - _attribute(node, "num_scan_inputs", 0)


def _may_be_equal(one: tuple[int | str, ...] | None, other: tuple[int | str, ...] | None) -> bool:
    if one is None or other is None or len(one) != len(other):
        return False
    return all(a == b or isinstance(a, str) or isinstance(b, str) for a, b in zip(one, other, strict=True))


def _attribute(node: Any, name: str, default: int) -> int:
    return next((int(a.i) for a in node.attribute if a.name == name), default)


def _given_by(node: Any) -> Iterator[tuple[str, str]]:
    """The outputs of a node's subgraphs, and those of the node that they become. A loop gives its condition to none."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            inner = [value.name for value in attribute.g.output]
            yield from zip(inner[1:] if node.op_type == "Loop" else inner, node.output, strict=False)


def _body(node: Any) -> Any:
    return next((a.g for a in node.attribute if a.name == "body"), None)


def _inlined(proto: Any) -> Any:
    """The model with the functions of its own written out."""
    from onnx import inliner

    if not proto.functions:
        return proto
    try:
        return inliner.inline_local_functions(proto)
    except Exception:  # a graph that the checker does not like may run all the same
        return proto


_READ = {(operator, 0) for operator, _ in STATES}
_TELLS_APART = ("Equal", "Not", "Shape")
_BOOL = 9  # TensorProto.BOOL
_ROLES: Mapping[tuple[str, int], Role] = {
    **dict.fromkeys(COUNTS, cast(Role, "count")),
    **dict.fromkeys(AXES, cast(Role, "axis")),
    **dict.fromkeys(QUANTISED, cast(Role, "number")),
    ("Reshape", 1): "shape",
}
