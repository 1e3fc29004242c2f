"""What a graph does with its inputs of whole numbers, which says what numbers are legal there.

An input that is looked up in a table (Gather and its kin, an embedding) takes the table's rows; one that is a shape, a
count or a number of repetitions takes what such an operator takes. An input is followed through operators that only
move its numbers about. Of two uses the narrower counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchlib.onnx_facts import graphs

# Operators whose first output holds the numbers of the input at this position, rearranged.
MOVES = {
    **dict.fromkeys(
        ("Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Expand", "Tile"), 0
    ),
    **dict.fromkeys(("Slice", "Split", "Clip"), 0),
}
# (operator, position of the indices) -> position of the table, and the axis, or the attribute that holds it
TABLES: dict[tuple[str, int], tuple[int, str | int]] = {
    ("Gather", 1): (0, "axis"),
    ("GatherElements", 1): (0, "axis"),
    ("ScatterElements", 1): (0, "axis"),
    ("EmbedLayerNormalization", 0): (2, 0),
    ("EmbedLayerNormalization", 1): (4, 0),
    ("GatherBlockQuantized", 1): (0, "gather_axis"),
}
ONES = {("Expand", 1), ("Tile", 1), ("TopK", 1), ("ConstantOfShape", 0)}  # sizes and counts: of these 1 always fits
RESHAPES = {("Reshape", 1)}


@dataclass(frozen=True)
class Use:
    """What an input may hold: numbers below `bound`, or by its `role` ones ("count"), or -1, 1, 1, … ("shape")."""

    bound: int | None = None
    role: str = ""


def uses_of(proto: Any, names: list[str]) -> Mapping[str, Use]:
    """The uses of the inputs `names`, where the graph shows any."""
    graph = _Graph(proto)
    found = {}
    for name in names:
        seen = list(graph.uses(name))
        bounds = [use.bound for use in seen if use.bound]
        if bounds:
            found[name] = Use(bound=min(bounds))
        elif seen:
            found[name] = seen[0]
    return found


class _Graph:
    """Who reads what, over the main graph and its subgraphs, which see the names of the outer one."""

    def __init__(self, proto: Any):
        self.proto = proto
        self.readers: dict[str, list[tuple[Any, int]]] = {}
        self.sizes: dict[str, tuple[int, ...]] = {}
        self.inferred = False
        for graph in graphs(proto):
            self.sizes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
            for node in graph.node:
                for position, name in enumerate(node.input):
                    self.readers.setdefault(name, []).append((node, position))
                if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                    self.sizes[node.output[0]] = tuple(node.attribute[0].t.dims)

    def uses(self, name: str) -> Iterator[Use]:
        waiting, done = [name], set()
        while waiting:
            value = waiting.pop()
            if value in done:
                continue
            done.add(value)
            for node, position in self.readers.get(value, ()):
                if MOVES.get(node.op_type) == position:
                    waiting += node.output
                elif use := self._use(node, position):
                    yield use

    def _use(self, node: Any, position: int) -> Use | None:
        place = node.op_type, position
        if place in ONES:
            return Use(role="count")
        if place in RESHAPES:
            return Use(role="shape")
        if place == ("OneHot", 0):
            depth = self._constant(node.input[1])
            return Use(bound=int(depth)) if depth else None
        if place not in TABLES:
            return None
        table, axis = TABLES[place]
        if isinstance(axis, str):
            axis = next((a.i for a in node.attribute if a.name == axis), 0)
        dims = self._dims(node.input[table])
        return Use(bound=dims[axis]) if dims and -len(dims) <= axis < len(dims) and dims[axis] else None

    def _dims(self, name: str) -> tuple[int, ...] | None:
        """The dimensions of a value (0: free), of weights at once, of others by shape inference."""
        if name not in self.sizes and not self.inferred:
            self.inferred = True
            for value in _inferred(self.proto):
                self.sizes.setdefault(value.name, tuple(d.dim_value for d in value.type.tensor_type.shape.dim))
        return self.sizes.get(name)

    def _constant(self, name: str) -> float | None:
        """The one number of a constant, or None."""
        from onnx import TensorProto, numpy_helper

        weights = [t for t in self.proto.graph.initializer if t.name == name]
        nodes = [n for n in self.proto.graph.node if n.op_type == "Constant" and name in n.output]
        tensors = [*weights, *(a.t for n in nodes for a in n.attribute if a.HasField("t"))]
        if not tensors or tensors[0].data_location == TensorProto.EXTERNAL:
            return None
        array = numpy_helper.to_array(tensors[0])
        return float(array.reshape(-1)[0]) if array.size == 1 else None


def _inferred(proto: Any) -> list[Any]:
    """All values of the main graph whose shapes can be inferred."""
    import onnx

    try:
        graph = onnx.shape_inference.infer_shapes(proto).graph
    except Exception:  # a graph that the checker does not like may run all the same
        return []
    return [*graph.value_info, *graph.input, *graph.output]
