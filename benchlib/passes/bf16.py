"""float32 to bfloat16. onnxruntime has no converter for it, so this is one, by the types in onnx's own schemas.

A node computes in bfloat16 where the schema of its operator, at the opset of the graph, allows that for everything
of it that is float32. All others stay as they are, between Casts: operators without a schema (onnxruntime's own),
those that name their type in an attribute, and inputs that are always float32, like the scales of Resize.
"""

from __future__ import annotations

from typing import Any

from benchlib.errors import UserError
from benchlib.passes import PassRequest, _onnx_io
from benchlib.registry import Facts, Option, Pass

FIRST_OPSET = 13  # of which the operators take bfloat16
TYPED = ("dtype", "value", "output_datatype")  # attributes that settle a type


def apply(request: PassRequest) -> Facts:
    """Converts the graph. Raises UserError for graphs with control flow, an opset below 13, or values of no type."""
    model = _onnx_io.load(request.source)
    if _onnx_io.opset(model) < FIRST_OPSET:
        raise UserError(
            f"bf16: operators take bfloat16 from opset {FIRST_OPSET} on, the graph has {_onnx_io.opset(model)}"
        )
    before = _onnx_io.count(model, "Cast")
    converted = _converted(model, request.options["keep_io_types"], set(request.options["op_block_list"]))
    _onnx_io.save(converted, request.target)
    return {"casts_added": _onnx_io.count(converted, "Cast") - before}


def _converted(model: Any, keep_io_types: bool, blocked: set[str]) -> Any:
    import onnx_ir
    from onnx_ir.passes import Sequential, common

    graph = onnx_ir.from_proto(model)
    tidy = Sequential(common.InlinePass(), common.LiftConstantsToInitializersPass(True, 0), common.ShapeInferencePass())
    graph = tidy(graph).model
    _Converter(graph, _onnx_io.opset(model), keep_io_types, blocked).convert()
    common.RemoveUnusedNodesPass()(graph)  # the weights that are bfloat16 now
    return onnx_ir.to_proto(graph)


class _Converter:
    """Changes an `onnx_ir.Model` in place; `before` are the values that were float32."""

    def __init__(self, model: Any, opset: int, keep_io_types: bool, blocked: set[str]):
        import onnx_ir

        self.ir, self.graph, self.blocked = onnx_ir, model.graph, blocked
        self.opset, self.keep_io_types = opset, keep_io_types
        self.float, self.half = onnx_ir.DataType.FLOAT, onnx_ir.DataType.BFLOAT16
        self.before: set[Any] = set()
        self.casts: dict[tuple[Any, Any], Any] = {}  # (value, wanted type) -> that value, cast

    def convert(self) -> None:
        nodes = list(self.graph)
        plan = {node: self._positions(node) for node in nodes}
        self.before = {v for n in nodes for v in (*n.inputs, *n.outputs) if v is not None and v.dtype == self.float}
        for node in nodes:
            self._check(node)
        ends = [(i, v) for i, v in enumerate(self.graph.outputs) if v.dtype == self.float]
        if not self.keep_io_types:
            for value in self.graph.inputs:
                value.dtype = self.half if value.dtype == self.float else value.dtype
        for node in nodes:
            self._convert_node(node, *plan[node])
        for i, value in ends:
            self._convert_output(i, value)

    def _check(self, node: Any) -> None:
        """Raises UserError for a node that holds graphs, and for one with an output of no type."""
        graphs = (self.ir.AttributeType.GRAPH, self.ir.AttributeType.GRAPHS)
        if any(attribute.type in graphs for attribute in node.attributes.values()):
            raise UserError(f"bf16 does not convert graphs with control flow ({node.op_type})")
        for value in node.outputs:
            if value.dtype is None and value.name:
                raise UserError(
                    f"bf16 needs the type of every value, and none is known of {value.name} ({node.op_type})"
                )

    def _positions(self, node: Any) -> tuple[set[int], set[int]]:
        """The positions of the inputs and outputs of a node that become bfloat16; none where it stays as it is."""
        import onnx

        ours = node.domain in ("", "ai.onnx") and node.op_type not in self.blocked
        if not ours or not onnx.defs.has(node.op_type, self.opset, ""):
            return set(), set()
        if node.op_type != "Cast" and any(name in node.attributes for name in TYPED):
            return set(), set()
        schema = onnx.defs.get_schema(node.op_type, self.opset, "")
        kinds = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
        chosen: tuple[set[int], set[int]] = set(), set()
        for positions, values, formal in zip(
            chosen, (node.inputs, node.outputs), (schema.inputs, schema.outputs), strict=True
        ):
            for i, value in enumerate(values):
                if value is None or value.dtype != self.float:
                    continue
                kind = formal[min(i, len(formal) - 1)].type_str
                if "tensor(bfloat16)" in kinds.get(kind, ()):
                    positions.add(i)
                elif kind in kinds:
                    return set(), set()
        return chosen

    def _convert_node(self, node: Any, inputs: set[int], outputs: set[int]) -> None:
        for i, value in enumerate(node.inputs):
            wanted = self.half if i in inputs else self.float
            if value in self.before and value.dtype != wanted:
                node.replace_input_with(i, self._cast(value, wanted, node))
        if node.op_type == "Cast" and outputs:
            node.attributes["to"] = self.ir.AttrInt64("to", self.half.value)
        for i in outputs:
            node.outputs[i].dtype = self.half

    def _cast(self, value: Any, wanted: Any, before: Any) -> Any:
        """The value in another type: a weight converted, anything else by one Cast for all that want it."""
        if (value, wanted) not in self.casts:
            self.casts[value, wanted] = (
                self._weight(value) if value.is_initializer() else self._node(value, wanted, before)
            )
        return self.casts[value, wanted]

    def _weight(self, value: Any) -> Any:
        import ml_dtypes

        name = f"{value.name}_bfloat16"
        tensor = self.ir.tensor(value.const_value.numpy().astype(ml_dtypes.bfloat16), self.half, name=name)
        weight = self.ir.Value(name=name, shape=value.shape, type=self.ir.TensorType(self.half), const_value=tensor)
        self.graph.register_initializer(weight)
        return weight

    def _node(self, value: Any, wanted: Any, before: Any) -> Any:
        node = self.ir.node("Cast", [value], {"to": wanted.value}, name=f"{value.name}_to_{wanted.name.lower()}")
        result = node.outputs[0]
        result.name, result.shape, result.type = f"{node.name}_out", value.shape, self.ir.TensorType(wanted)
        before.graph.insert_before(before, node)
        return result

    def _convert_output(self, position: int, value: Any) -> None:
        """Gives an output of the graph the type that was asked for; its name goes with it."""
        wanted = self.float if self.keep_io_types else self.half
        if value.dtype == wanted:
            return
        name = value.name
        node = self.ir.node("Cast", [value], {"to": wanted.value}, name=f"{name}_cast")
        result = node.outputs[0]
        result.shape, result.type = value.shape, self.ir.TensorType(wanted)
        self.graph.append(node)
        self.graph.outputs[position] = result
        value.name, result.name = f"{name}_uncast", name


def refuse(trial: Any) -> str | None:
    if trial.device == "cpu" and trial.resolved_runtime == "onnxruntime":
        return "onnxruntime's CPU provider has no bfloat16 kernels for most operators (pass bf16)"
    return None


pass_ = Pass(
    name="bf16",
    summary="float32 to bfloat16",
    apply=apply,
    packages=("onnx", "onnx_ir", "ml_dtypes"),
    options={
        "keep_io_types": Option(bool, True, "inputs and outputs stay float32, with a Cast each"),
        "op_block_list": Option(list, [], "operators to leave in float32, besides those that have no bfloat16"),
    },
    computes="bfloat16",
    refuse=refuse,
)
