"""What of an ONNX graph follows from the shapes of its inputs: dimensions of values, and values that are made of
dimensions and constants alone, as the positions are that a length is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from benchlib.onnx_facts import graphs

LARGEST = 1 << 16  # elements of a constant up to which it is read
# Operators by which exporters compute positions and sizes; others are not evaluated.
FOLDED = frozenset(
    (
        "Abs", "Add", "Cast", "Ceil", "Concat", "Constant", "ConstantOfShape", "CumSum", "Div", "Equal", "Expand",
        "Flatten", "Floor", "Gather", "Identity", "Max", "Min", "Mod", "Mul", "Neg", "NonZero", "Range", "ReduceMax",
        "ReduceMin", "ReduceProd", "ReduceSum", "Reshape", "Shape", "Size", "Slice", "Squeeze", "Sub", "Tile",
        "Transpose", "Unsqueeze", "Where",
    )
)  # fmt: skip


class Sizes:
    """The dimensions and the foldable values of a graph for inputs of some shapes.

    Args:
        proto: the model, without functions of its own.
        shapes: sizes of inputs by name; those of others stay as they are declared.
    """

    def __init__(self, proto: Any, shapes: Mapping[str, list[int]]):
        self._proto, self._shapes = proto, shapes
        self.makers = {output: node for graph in graphs(proto) for node in graph.node for output in node.output}
        self._weights = {tensor.name: tensor for graph in graphs(proto) for tensor in graph.initializer}
        self._values: dict[str, np.ndarray | None] = {}

    def dims(self, name: str) -> tuple[int, ...] | None:
        """The dimensions of a value (0: free), of weights at once, of others by shape inference; None: not known."""
        if name in self._weights:
            return tuple(self._weights[name].dims)
        node = self.makers.get(name)
        if node is not None and node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            return tuple(node.attribute[0].t.dims)
        return self._inferred.get(name)

    def value(self, name: str) -> np.ndarray | None:
        """A value that no input's numbers have a part in; None where they have, or where it is too large."""
        if name not in self._values:
            self._values[name] = None  # for a value that is made of itself, of which there is none
            self._values[name] = self._folded(name)
        return self._values[name]

    def is_constant(self, name: str) -> bool:
        """Whether it stands in the file as it is."""
        return name in self._weights or (name in self.makers and self.makers[name].op_type == "Constant")

    def _folded(self, name: str) -> np.ndarray | None:
        if name in self._weights:
            return _array(self._weights[name])
        node = self.makers.get(name)
        if node is None or node.op_type not in FOLDED or node.domain not in ("", "ai.onnx"):
            return None
        if any(a.HasField("t") and np.prod(a.t.dims) > LARGEST for a in node.attribute):
            return None
        if node.op_type in ("Shape", "Size"):
            dims = self.dims(node.input[0])
            feeds = {node.input[0]: np.broadcast_to(np.float32(0), dims) if dims is not None and all(dims) else None}
        else:
            feeds = {taken: self.value(taken) for taken in node.input if taken}
        if any(array is None for array in feeds.values()):
            return None
        try:
            return self._evaluated(node, feeds, list(node.output).index(name))
        except Exception:  # an operator of a version, or with values, that the reference does not take
            return None

    def _evaluated(self, node: Any, feeds: Mapping[str, Any], output: int) -> np.ndarray | None:
        from onnx import TypeProto, helper
        from onnx.reference import ReferenceEvaluator

        taken = [helper.make_value_info(name, TypeProto()) for name in feeds]
        given = [helper.make_value_info(name, TypeProto()) for name in node.output]
        model = helper.make_model(
            helper.make_graph([node], "one", taken, given), opset_imports=self._proto.opset_import
        )
        found = np.asarray(ReferenceEvaluator(model).run(None, dict(feeds))[output])
        return found if found.size <= LARGEST else None

    @cached_property
    def _inferred(self) -> dict[str, tuple[int, ...]]:
        import onnx

        try:
            graph = onnx.shape_inference.infer_shapes(self._skeleton(), data_prop=True).graph
        except Exception:  # a graph that the checker does not like may run all the same
            return {}
        values = (*graph.value_info, *graph.input, *graph.output)
        return {
            v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
            for v in values
            if v.type.tensor_type.HasField("shape")
        }

    def _skeleton(self) -> Any:
        """The graph at these shapes; large weights are inputs of it, so that nothing large is copied."""
        import onnx
        from onnx import helper

        found = onnx.ModelProto(ir_version=max(self._proto.ir_version, 4), opset_import=self._proto.opset_import)
        graph, own = found.graph, self._proto.graph
        graph.name = "skeleton"
        for node in own.node:
            large = next((a.t for a in node.attribute if a.HasField("t") and np.prod(a.t.dims) > LARGEST), None)
            if node.op_type == "Constant" and large is not None:
                graph.input.append(helper.make_tensor_value_info(node.output[0], large.data_type, large.dims))
            else:
                graph.node.append(node)
        weights = {tensor.name for tensor in own.initializer}
        graph.input.extend(value for value in own.input if value.name not in weights)
        for value in graph.input:
            if value.name in self._shapes and value.type.HasField("tensor_type"):
                _set_dims(value.type.tensor_type, self._shapes[value.name])
        for tensor in own.initializer:
            if np.prod(tensor.dims) <= LARGEST and tensor.data_location != onnx.TensorProto.EXTERNAL:
                graph.initializer.append(tensor)
            else:
                graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        graph.output.extend(own.output)
        for value in graph.output:
            if value.type.HasField("tensor_type"):
                value.type.tensor_type.ClearField("shape")
        return found


def _set_dims(kind: Any, shape: list[int]) -> None:
    kind.ClearField("shape")
    for size in shape:
        kind.shape.dim.add().dim_value = size
    if not shape:
        kind.shape.SetInParent()


def _array(tensor: Any) -> np.ndarray | None:
    from onnx import TensorProto, numpy_helper

    if np.prod(tensor.dims) > LARGEST or tensor.data_location == TensorProto.EXTERNAL:
        return None
    return numpy_helper.to_array(tensor)
