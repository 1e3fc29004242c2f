"""What stands in the graph of a trace (`torch.jit.trace(…).inlined_graph`): its nodes as values that can be compared,
and which inputs of the model a value comes from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_FRAME = re.compile(r"^(.*)\((\d+)\): ", re.MULTILINE)  # of a node's source range: `net.py(12): forward`

# Operators that ask a tensor for its sizes, or for what else is known without its values.
_SIZES = {
    f"aten::{name}"
    for name in ("size", "sym_size", "numel", "sym_numel", "dim", "len", "stride", "is_floating_point", "is_complex")
} | {"prim::shape", "prim::dtype", "prim::device", "prim::layout"}
# Operators that take only the sizes of their first input, and of their second.
_LIKE_FIRST = {
    f"aten::{name}"
    for name in (
        "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like",
        "new_zeros", "new_ones", "new_empty", "new_full", "fill", "zero",
    )
}  # fmt: skip
_LIKE_SECOND = {f"aten::{name}" for name in ("expand_as", "view_as", "reshape_as", "type_as")}
# Operators whose outputs have as many elements as the values of their inputs say.
_SIZED_BY_VALUES = {
    f"aten::{name}"
    for name in (
        "nonzero", "nonzero_numpy", "argwhere", "masked_select", "unique_dim", "unique_consecutive", "_unique",
        "_unique2", "bincount", "one_hot", "histc", "coalesce", "to_sparse",
    )
} | {"torchvision::nms"}  # fmt: skip

# Operators that leave a tensor as large as it is, whatever else they take.
_SIZED_BY_FIRST = {
    f"aten::{name}"
    for name in (
        "index_put", "index_fill", "index_copy", "index_add", "masked_fill", "masked_scatter", "scatter", "scatter_add",
        "scatter_reduce", "slice_scatter", "select_scatter", "copy", "to", "softmax", "layer_norm", "dropout",
    )
}  # fmt: skip
_VIEWS = {f"aten::{name}" for name in ("view", "reshape", "_unsafe_view")}


@dataclass(frozen=True)
class Node:
    """A node without types, and where the model's code made it."""

    kind: str
    attributes: tuple[str, ...]  # tensors by a hash of their bytes
    inputs: tuple[int, ...]  # which values it takes, counted as they come into being
    source: str  # torch's words for the frames that made it

    @property
    def frames(self) -> list[tuple[str, int]]:
        """File and line of each frame that was active, innermost first."""
        return [(file, int(line)) for file, line in _FRAME.findall(self.source)]

    @property
    def content(self) -> tuple[Any, ...]:
        """What two traces are compared by."""
        return self.kind, self.attributes, self.inputs


def nodes_of(graph: Any) -> list[Node]:
    """The nodes of an inlined graph in order, those of blocks included, and a last one that stands for its outputs."""
    numbers: dict[int, int] = {}

    def number(value: Any) -> int:
        return numbers.setdefault(value.unique(), len(numbers))

    def walk(block: Any) -> Iterator[Node]:
        for value in block.inputs():
            number(value)
        for node in block.nodes():
            attributes = tuple(f"{name}={_attribute(node, name)}" for name in sorted(node.attributeNames()))
            yield Node(node.kind(), attributes, tuple(map(number, node.inputs())), str(node.sourceRange()))
            for inner in node.blocks():
                yield from walk(inner)
            for value in node.outputs():
                number(value)
        yield Node("return", (), tuple(map(number, block.outputs())), "")

    return list(walk(graph))


def first_difference(a: Sequence[Node], b: Sequence[Node]) -> Node | None:
    """The first node of `a` that is another in `b`; None where the graphs are the same."""
    for left, right in zip(a, b, strict=False):
        if left.content != right.content:
            return left if left.source or not right.source else right
    return None if len(a) == len(b) else max(a, b, key=len)[min(len(a), len(b))]


def _attribute(node: Any, name: str) -> str:
    kind = node.kindOf(name)
    value = getattr(node, kind)(name)
    if kind in ("t", "ts", "ival"):
        return " ".join(_content(item) for item in (value if isinstance(value, list | tuple) else [value]))
    return repr(value)


def _content(value: Any) -> str:
    """A tensor by its dtype, shape and bytes, anything else by what Python prints of it."""
    import torch

    if not isinstance(value, torch.Tensor):
        return repr(value)
    tensor = value.detach().cpu().contiguous()
    data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return f"{tensor.dtype} {tuple(tensor.shape)} {hashlib.sha256(data).hexdigest()}"


class _Asked(NamedTuple):
    """A value of a graph, and whether only its sizes are asked for."""

    value: Any
    sizes: bool

    @property
    def key(self) -> tuple[int, bool]:
        return self.value.unique(), self.sizes


class Origins:
    """Which inputs the values of one graph come from, also while it is being traced. Sizes of inputs do not count, but
    where values decide them (the rows that a mask picks).

    Args:
        graph: finds the graph; its first input is the module itself.
        names: of the model's inputs, in the order of the graph's.
    """

    def __init__(self, graph: Callable[[], Any], names: Sequence[str]):
        self._graph, self._names = graph, names
        self._inputs: dict[int, str] | None = None
        self._known: dict[tuple[int, bool], frozenset[str]] = {}

    def of(self, value: Any, sizes: bool = False) -> frozenset[str]:
        """The names of the inputs whose values `value` is computed from, or, with `sizes`, its sizes are."""
        if self._inputs is None:
            tensors = [v for v in self._graph().inputs() if v.type().kind() != "ClassType"]
            self._inputs = {v.unique(): name for v, name in zip(tensors, self._names, strict=False)}
        wanted = _Asked(value, sizes)
        waiting = [wanted]
        while waiting:
            asked = waiting[-1]
            if asked.key in self._known:
                waiting.pop()
                continue
            parents = list(_parents(asked))
            if missing := [parent for parent in parents if parent.key not in self._known]:
                waiting += missing
                continue
            own = self._inputs.get(asked.value.unique()) if not asked.sizes else None
            known = (self._known[parent.key] for parent in parents)
            self._known[asked.key] = frozenset([own] if own else ()).union(*known)
        return self._known[wanted.key]


def _parents(asked: _Asked) -> Iterator[_Asked]:
    """What a value, or its sizes, is made from."""
    node = asked.value.node()
    kind, inputs = node.kind().removesuffix("_"), list(node.inputs())
    if kind in ("prim::Param", "prim::GetAttr", "prim::Constant"):
        return
    if not asked.sizes:
        for place, value in enumerate(inputs):
            sizes = (place == 0 and kind in _SIZES | _LIKE_FIRST) or (place == 1 and kind in _LIKE_SECOND)
            yield _Asked(value, sizes)
        return
    if kind in _SIZED_BY_FIRST:
        inputs = inputs[:1]
    elif kind in _VIEWS and _says_all_sizes(inputs[1].node()):
        inputs = inputs[1:]  # the sizes that are asked for are all there is to know
    for place, value in enumerate(inputs):
        by_values = _sizes_by_values(kind, place, inputs) or not _holds_tensors(value)
        yield _Asked(value, sizes=not by_values)


def _sizes_by_values(kind: str, place: int, inputs: Sequence[Any]) -> bool:
    """Whether the values of the input at a place decide how large an operator's outputs are."""
    if kind == "aten::index":
        return place == 1 and any(map(_is_mask, inputs[place].node().inputs()))
    if kind == "aten::where":  # with two more tensors it picks elements, and no places
        return len(inputs) == 1
    if kind == "aten::repeat_interleave":  # its one tensor are the numbers, or its second one
        return place == 1 or len(inputs) == 2
    return kind in _SIZED_BY_VALUES


def _says_all_sizes(sizes: Any) -> bool:
    """Whether a node that lists the sizes of a view leaves none of them to be found out."""
    return sizes.kind() == "prim::ListConstruct" and not any(item.toIValue() == -1 for item in sizes.inputs())


def _is_mask(value: Any) -> bool:
    kind = value.type()  # in `x[:, mask]` the first one is None
    return kind.kind() == "TensorType" and kind.scalarType() in ("Bool", "Byte")


def _holds_tensors(value: Any) -> bool:
    """Whether it is a tensor or a list of tensors; numbers decide sizes by their values."""
    return "Tensor" in str(value.type())


def inputs_used(graph: Any, names: Sequence[str]) -> list[str]:
    """Those of the inputs `names` whose values the outputs of a finished graph are computed from."""
    origins = Origins(lambda: graph, names)
    found = frozenset[str]().union(*(origins.of(value) for value in graph.outputs()))
    found |= frozenset[str]().union(*(origins.of(value, sizes=True) for value in graph.outputs()))
    return [name for name in names if name in found]
