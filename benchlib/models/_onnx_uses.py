"""What a graph does with its inputs: each is followed (`_onnx_trails`) to the nodes that use it (`_onnx_node_uses`).

Of several uses the more telling one counts, of several ranges what they have in common. What a recurrent operator
begins with is a state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

from benchlib.models._named_values import FEW, named_use
from benchlib.models._names import are_one_state, is_mask, is_overruled, is_sound
from benchlib.models._onnx_graph import Values, attribute, outputs_of
from benchlib.models._onnx_masks import mask_sense
from benchlib.models._onnx_node_uses import uses_in
from benchlib.models._onnx_ranges import asked_range, is_data
from benchlib.models._onnx_sizes import LARGEST, Sizes
from benchlib.models._onnx_trails import MOVES, Trail, followed
from benchlib.models._use import UNKNOWN, MaskSense, Role, Use
from benchlib.onnx_facts import graphs

FLOATS = ("FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE")
STATES = {("RNN", 5), ("GRU", 5), ("LSTM", 5), ("LSTM", 6), ("DynamicQuantizeLSTM", 5), ("DynamicQuantizeLSTM", 6),
          ("AttnLSTM", 5), ("AttnLSTM", 6)}  # fmt: skip
TELLING: tuple[Role, ...] = (
    "state", "category", "fixed", "length", "index", "shape", "count", "axis", "boxes", "setting", "unit", "positive",
    "truth", "compared", "number",
)  # fmt: skip
_READ = {(operator, 0) for operator, _ in STATES}
_TELLS_APART = ("Equal", "Not", "Shape")


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
            if masks := self._mask_sense(name, found.get(name, UNKNOWN).role, sizes):
                found[name] = replace(found.get(name, UNKNOWN), mask=masks)
            role = found.get(name, UNKNOWN).role
            is_open = role in ("", "number") or (role == "count" and value.kind in FLOATS)
            if is_open and (more := self._more(name, role, shapes, sizes)):
                found[name] = replace(more, mask=masks) if masks else more
        return found

    def _more(self, name: str, role: Role, shapes: Mapping[str, list[int]], sizes: Sizes) -> Use | None:
        """What is known of an input that no node says enough of: by what it is called, by what is computed first of it,
        or, of a few floating numbers beside others, that nothing is."""
        value, shape = self._wanted[name], shapes.get(name, [])
        if value.kind in FLOATS and is_sound(name, self._wanted):
            return Use("sound")
        size = prod(shape)
        named = named_use(name, value.letter, shape)
        if named is not UNKNOWN or value.kind not in FLOATS:
            return named if named is not UNKNOWN else None
        if role == "count":
            return Use("fixed", (1.0,))
        asked = asked_range(name, len(shape), self._readers, sizes)
        if asked is not UNKNOWN:
            return asked
        is_row = len(shape) > 1 and any(isinstance(dim, str) for dim in value.dims or ())
        has_data = any(prod(other) > FEW for other in shapes.values())
        if 0 < size <= FEW and has_data and not is_row and not is_data(name, self._readers, sizes):
            return Use("setting", (1.0,), is_guess=True)
        return None

    def channels(self, name: str) -> int | None:
        """How many the convolution takes that reads an input, as its weights say."""
        sizes = Sizes(self._proto, {})
        for trail in self._trails(name, sizes):
            for node, position in self._readers.get(trail.value, ()):
                if node.op_type == "Conv" and position == 0 and (dims := sizes.dims(node.input[1])):
                    return dims[1] * attribute(node, "group", 1) or None
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

    def _mask_sense(self, name: str, role: Role, sizes: Sizes) -> MaskSense:
        """How a graph reads an input that may be a mask. Numbers are only if they are called so: what is multiplied
        with, or added to scores, is most often none."""
        kind = self._wanted[name].kind
        may_be = kind == "BOOL" or role == "truth" or (is_mask(name) and role in ("", "number", "compared"))
        return mask_sense(name, kind, self._readers, sizes) if may_be else ""

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
                    waiting += followed(node, position, trail, sizes)

    def _seen(self, name: str, sizes: Sizes) -> list[Use]:
        """All uses. Floating numbers that are compared, or asked for yes or no, are such only if nothing else is made
        of them; those that are looked up are categories."""
        kind = self._wanted[name].kind
        seen = [
            use
            for trail in self._trails(name, sizes)
            for node, position in self._readers.get(trail.value, ())
            for use in uses_in(node, position, trail, sizes, kind)
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


def _as_category(use: Use) -> Use:
    legal = tuple(use.legal[:LARGEST])
    return Use("category", legal, dict.fromkeys(use.columns, legal))


def _most_telling(seen: list[Use]) -> Use:
    """One use out of several."""
    role = next(role for role in TELLING if any(use.role == role for use in seen))
    own = [use for use in seen if use.role == role]
    ranges = [use.legal for use in seen if isinstance(use.legal, range) and use.legal and role in ("length", "index")]
    if role in ("length", "index"):
        least = max((r.start for r in ranges), default=0)
        legal = range(max(least, 1) if role == "length" else least, min((r.stop for r in ranges), default=0))
        return Use(role, legal or ())
    if role in ("truth", "fixed", "boxes", "setting"):
        return own[0]
    columns: dict[int, tuple[Any, ...]] = {}
    for use in own:
        for column, keys in use.columns.items():
            columns[column] = tuple(dict.fromkeys((*columns.get(column, ()), *keys)))
    return Use(role, tuple(dict.fromkeys(key for use in own for key in use.legal)), columns)


def _placed(read: list[tuple[Any, int]]) -> Iterator[tuple[Any, tuple[str, int]]]:
    return ((node, (node.op_type, position)) for node, position in read)


def _is_state_of_scan(node: Any, position: int) -> bool:
    return node.op_type == "Scan" and position < len(node.input) - attribute(node, "num_scan_inputs", 0)


def _may_be_equal(one: tuple[int | str, ...] | None, other: tuple[int | str, ...] | None) -> bool:
    if one is None or other is None or len(one) != len(other):
        return False
    return all(a == b or isinstance(a, str) or isinstance(b, str) for a, b in zip(one, other, strict=True))


def _given_by(node: Any) -> Iterator[tuple[str, str]]:
    """The outputs of a node's subgraphs, and those of the node that they become. A loop gives its condition to none."""
    for held in node.attribute:
        if held.HasField("g"):
            inner = [value.name for value in held.g.output]
            yield from zip(inner[1:] if node.op_type == "Loop" else inner, node.output, strict=False)


def _inlined(proto: Any) -> Any:
    """The model with the functions of its own written out."""
    from onnx import inliner

    if not proto.functions:
        return proto
    try:
        return inliner.inline_local_functions(proto)
    except Exception:  # a graph that the checker does not like may run all the same
        return proto
