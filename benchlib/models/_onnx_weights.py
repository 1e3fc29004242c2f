"""The numbers that an ONNX file has learned, by what its graph does with each constant, without loading any.

An initializer or a Constant may be a weight, or a shape, an axis, an index, a range of quantisation. Which it is, its
readers say: an operator's schema takes only whole numbers there, or names a scale (`_onnx_places`). A constant is
followed through what moves and computes numbers until something takes it for what it is; control flow and functions
are looked through.

    floating point      weights, unless all that reads them takes a setting there
    8 bits and fewer    the same: quantised weights
    wider whole numbers no weights, unless something that computes with quantised weights reads them (a bias)
    booleans, texts     no weights

A single number is mostly one of the model's code. It is a weight where it is an initializer that is called as a
parameter of a module is ("layers.0.gain"), or has a dimension (the bias of one output) and a name that no exporter
makes up. What classic models hold in attributes (trees, supports, tables) is counted apart.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from benchlib.models._onnx_places import (
    BODIES,
    FLOAT,
    OUTPUT,
    STANDARD,
    Place,
    bits_of,
    dtype_name,
    kind_of,
    operator_of,
    place_of,
)
from benchlib.models._weights import Weights
from benchlib.onnx_facts import graphs
from benchlib.registry import Facts

_OF_A_MODULE = re.compile(r"^[A-Za-z_]\w*(\.\w+)+$")  # how torch calls a parameter
_MADE_UP = re.compile(r"^(\d+|val_\d+|const.*|.*(Constant|::).*)$")  # what exporters call the numbers of a model's code
_CLASSIC = ("ai.onnx.ml.", "TfIdfVectorizer", "StringNormalizer")  # how operators of classic models begin


@dataclass(eq=False)
class _Value:
    """A value of a graph: who reads it, and which values are the same one inside or outside of a subgraph."""

    readers: list[_Reader] = field(default_factory=list)
    same: list[_Value] = field(default_factory=list)
    is_output: bool = False
    is_scale: bool = False  # of what is quantised while the model runs


@dataclass(frozen=True, eq=False)
class _Reader:
    """A node that reads a value, and where it takes it."""

    place: Place
    outputs: list[_Value]


@dataclass(frozen=True, eq=False)
class _Constant:
    """Numbers that a graph holds."""

    value: _Value
    name: str
    data_type: int
    dims: tuple[int, ...]
    memory: object  # equal for tensors that are one place in a file
    in_node: bool = False  # held by a Constant


def weights_of(proto: Any) -> Weights:
    """The count of a model; its external data need not be loaded."""
    found, seen = Weights(), set[object]()
    for constant in _Constants(proto).found:
        if constant.memory not in seen and _is_weight(constant):
            seen.add(constant.memory)
            _add(found, constant)
    return found


def classic_values(proto: Any) -> Facts:
    """The metrics `ml_values` and `ml_values_size`: what operators of classic models hold in lists and tensors among
    their attributes. Nothing of a graph without any."""
    count = bits = 0
    for holder in (*graphs(proto), *proto.functions):
        for node in holder.node:
            if operator_of(node).startswith(_CLASSIC):
                for attribute in node.attribute:
                    own, own_bits = _values_in(attribute)
                    count, bits = count + own, bits + own_bits
    return {"ml_values": count, "ml_values_size": bits // 8} if count else {}


def _values_in(attribute: Any) -> tuple[int, int]:
    """How many values an attribute holds, and their bits."""
    texts = list(attribute.strings)
    count = len(texts) + len(attribute.floats) + len(attribute.ints)
    bits = 32 * len(attribute.floats) + 64 * len(attribute.ints)
    for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
        texts += tensor.string_data
        count += prod(tensor.dims)
        bits += prod(tensor.dims) * bits_of(tensor.data_type)
    return count, bits + sum(8 * len(text) for text in texts)


def _is_weight(constant: _Constant) -> bool:
    kind = kind_of(constant.data_type)
    if kind == "other":
        return False
    if kind == "wide":
        return any(place.takes_quantised for place in _ends(constant.value, computing=False))
    if prod(constant.dims) == 1 and not _is_named(constant):
        return False
    if not constant.value.readers and not constant.value.same:  # nothing reads it: it lies there for itself
        return kind == "float"
    return any(not place.is_setting for place in _ends(constant.value, computing=True))


def _is_named(constant: _Constant) -> bool:
    """Whether the name of a single number says that it is more than one of the model's code."""
    if constant.in_node:
        return False
    return bool(_OF_A_MODULE.match(constant.name) or (constant.dims and not _MADE_UP.match(constant.name)))


def _ends(value: _Value, computing: bool) -> Iterator[Place]:
    """Where a value ends up: behind what moves its numbers, and where `computing` behind what computes with them."""
    waiting, done = [value], set[int]()
    while waiting:
        value = waiting.pop()
        if id(value) in done:
            continue
        done.add(id(value))
        waiting += value.same
        if value.is_output:
            yield OUTPUT
        for reader in value.readers:
            if reader.place.moves or (computing and reader.place.computes):
                waiting += reader.outputs
            else:
                yield reader.place


def _add(found: Weights, constant: _Constant) -> None:
    """Counts a tensor; what an operator keeps packed in bytes counts as the numbers that it says."""
    packed = next((place.packed for place in _ends(constant.value, computing=False) if place.packed), None)
    stored, bits = prod(constant.dims), bits_of(constant.data_type)
    size = -(-stored * bits // 8) * 8  # whole bytes
    if packed:
        found.add(f"uint{packed.bits}", packed.numbers or stored * bits // packed.bits, size, constant.in_node)
    else:
        found.add(dtype_name(constant.data_type), stored, size, constant.in_node)


class _Constants:
    """Walks all graphs of a model once, ties values to their readers, and gathers the constants."""

    def __init__(self, proto: Any):
        self.found: list[_Constant] = []
        self.versions = {opset.domain or STANDARD: opset.version for opset in proto.opset_import}
        self.bodies = {(f.domain, f.name, f.overload): f for f in proto.functions}
        self.walked: dict[tuple[str, str, str], tuple[list[_Value], list[_Value]]] = {}
        for result in self._graph(proto.graph, {})[1]:
            result.is_output = True

    def _graph(self, graph: Any, outer: MutableMapping[str, _Value]) -> tuple[list[_Value], list[_Value]]:
        """The values that a graph takes, and those that it gives."""
        scope = ChainMap({value.name: _Value() for value in graph.input}, outer)
        for tensor in graph.initializer:
            scope.maps[0][tensor.name] = _Value()
            self._constant(scope[tensor.name], tensor.name, tensor)
        for sparse in graph.sparse_initializer:
            scope.maps[0][sparse.values.name] = _Value()
            self._constant(scope[sparse.values.name], sparse.values.name, sparse.values)
        self._nodes(graph.node, scope)
        results = [scope.setdefault(value.name, _Value()) for value in graph.output]
        return [scope[value.name] for value in graph.input], results

    def _function(self, name: tuple[str, str, str]) -> tuple[list[_Value], list[_Value]]:
        """The same of a function, which is walked once, whoever calls it."""
        if name not in self.walked:
            body = self.bodies[name]
            scope = ChainMap({value: _Value() for value in body.input})
            self.walked[name] = [scope[value] for value in body.input], []
            self._nodes(body.node, scope)
            self.walked[name][1].extend(scope[value] for value in body.output)
        return self.walked[name]

    def _nodes(self, nodes: Any, scope: ChainMap[str, _Value]) -> None:
        for node in nodes:
            outputs = [_Value() for _ in node.output]
            taken = [scope.get(name) for name in node.input]
            scope.maps[0].update((name, value) for name, value in zip(node.output, outputs, strict=True) if name)
            name = node.domain, node.op_type, node.overload
            if name in self.bodies:
                inputs, results = self._function(name)
                _tie(taken, inputs)
                _tie(results, outputs)
                continue
            self._read(node, taken, outputs)
            for attribute in node.attribute:
                for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                    inputs, results = self._graph(graph, scope)
                    loops = node.op_type == "Loop"  # its body takes its number and a condition, and gives a condition
                    _tie(taken[2 * loops :], inputs[2 * loops :])
                    _tie(results[loops:], outputs)
            if node.op_type == "Constant":
                self._constant_of(node, outputs[0])

    def _read(self, node: Any, taken: list[_Value | None], outputs: list[_Value]) -> None:
        """Notes a node among the readers of what it takes."""
        scaled = node.op_type == "Mul" and any(value and value.is_scale for value in taken)
        version = self.versions.get(node.domain or STANDARD, 1)
        for position, value in enumerate(taken):
            if value is not None and not (node.op_type in BODIES and position >= BODIES[node.op_type]):
                value.readers.append(_Reader(place_of(node, position, version, scaled), outputs))
        if node.op_type == "DynamicQuantizeLinear" and len(outputs) > 1:
            outputs[1].is_scale = True

    def _constant_of(self, node: Any, value: _Value) -> None:
        for attribute in node.attribute:
            if attribute.name == "value":
                self._constant(value, "", attribute.t, in_node=True)
            elif attribute.name == "sparse_value":
                self._constant(value, "", attribute.sparse_tensor.values, in_node=True)
            elif attribute.name == "value_floats":
                floats = _Constant(value, "", FLOAT, (len(attribute.floats),), object(), in_node=True)
                self.found.append(floats)

    def _constant(self, value: _Value, name: str, tensor: Any, in_node: bool = False) -> None:
        places = {entry.key: entry.value for entry in tensor.external_data}
        memory = (places["location"], places.get("offset", "0"), tuple(tensor.dims)) if places else object()
        self.found.append(_Constant(value, name, tensor.data_type, tuple(tensor.dims), memory, in_node))


def _tie(given: Sequence[_Value | None], taken: Sequence[_Value]) -> None:
    """Notes that values are passed on as others."""
    for one, other in zip(given, taken, strict=False):
        if one is not None:
            one.same.append(other)
