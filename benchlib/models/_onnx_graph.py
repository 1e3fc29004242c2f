"""What an ONNX file takes and gives, as its graph declares it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchlib.errors import UserError

Values = Mapping[str, "Value"]  # the inputs or the outputs of a graph by name, in its order

_LETTERS = {"FLOAT": "f", "BFLOAT": "f", "DOUBLE": "f", "INT": "i", "UINT": "u", "BOOL": "b", "STRING": "U",
            "COMPLEX": "c"}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """An input or an output: the type of its elements, and its dimensions.

    A dimension is a number, a name, or "" where it is free and has no name; `dims` is None where the file does not even
    say how many there are. `nesting` is what stands around the tensor, outermost first: optional, sequence.
    """

    kind: str
    dims: tuple[int | str, ...] | None
    nesting: tuple[str, ...] = ()

    @property
    def letter(self) -> str:
        """The kind of its numbers in numpy's letters: "f", "i", "u", "b", "c" or "U"."""
        return _LETTERS.get(self.kind.rstrip("0123456789"), "")

    def __str__(self) -> str:
        around = "".join("optional " if word == "optional" else f"{word} of " for word in self.nesting)
        return f"{around}{self.kind.lower()}{words(self.dims)}"


def words(dims: Iterable[int | str] | None) -> str:
    """Dimensions as a message shows them: `[batch, ?, 80]`."""
    return "[…]" if dims is None else "[" + ", ".join(str(d) if d != "" else "?" for d in dims) + "]"


def inputs_of(proto: Any) -> Values:
    """The inputs that a caller gives. Raises UserError for a type of which there are no values in Python."""
    weights = {i.name for i in proto.graph.initializer}  # before IR version 4 these were inputs with a default
    weights |= {i.values.name for i in proto.graph.sparse_initializer}
    found = {value.name: _value(value.type) for value in proto.graph.input if value.name not in weights}
    for name, value in found.items():
        if not value.kind:
            raise UserError(f"input '{name}' of the graph is a {value.nesting[-1]}, not a tensor")
    return found


def outputs_of(proto: Any) -> Values:
    """The outputs; what is neither a tensor nor built of some has no kind."""
    return {value.name: _value(value.type) for value in proto.graph.output}


def _value(kind: Any, around: tuple[str, ...] = ()) -> Value:
    from onnx import TensorProto

    which = kind.WhichOneof("value") or "value_type"
    word = which.removesuffix("_type")
    if word in ("sequence", "optional"):
        return _value(getattr(kind, which).elem_type, (*around, word))
    if word != "tensor":
        return Value("", None, (*around, word.replace("_", " ")))
    tensor = kind.tensor_type
    dims = tuple(_dimension(d) for d in tensor.shape.dim) if tensor.HasField("shape") else None
    return Value(TensorProto.DataType.Name(tensor.elem_type), dims, around)


def _dimension(dim: Any) -> int | str:
    """A negative number is an old way of saying that a dimension is free."""
    return dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else dim.dim_param


def attribute(node: Any, name: str, default: int) -> int:
    """A whole number that a node holds."""
    return next((int(a.i) for a in node.attribute if a.name == name), default)
