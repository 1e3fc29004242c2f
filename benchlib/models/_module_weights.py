"""The numbers that a torch.nn.Module has learned: its parameters, and what quantised layers keep packed instead.

A layer that torch has quantised holds an object of C++ (`torch.ScriptObject`) in the place of its weight and bias,
which unpacks them. A parameter may be a tensor that is made of others (`__tensor_flatten__`), as torchao's are: it
counts as what it stands for, in the bytes of what it holds. A frozen TorchScript has no parameters: they are
constants of its graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchlib.models._weights import Weights

_BITS = {"quint4x2": 4, "quint2x4": 2}  # of dtypes whose tensors say a byte
_PAIRS = "float4_e2m1fn_x2"  # an element of a tensor is two numbers
_MODULES_OWN = ("_parameters", "_buffers", "_modules")  # attributes of every module
_LINEAR = "quantized.LinearPackedParamsBase"
_NO_WEIGHTS = ("scale", "zero")  # in the names of the tensors that a quantised one is made of


def weights_of(module: Any) -> Weights:
    """The count of a module; what its parts share, as one parameter or as one memory, counts once."""
    found, seen = Weights(), set[object]()
    for tensor in list(module.parameters()):  # kept: the identity of what is gone could be another's
        if (memory := _memory(tensor)) not in seen:
            seen.add(memory)
            _add(found, tensor)
    for packed in _packed_in(module):
        for tensor in unpacked(packed):
            _add(found, tensor)
    if not found.elements:
        for tensor in _constants(module):
            _add(found, tensor, is_constant=True)
    return found


def unpacked(packed: Any) -> list[Any]:
    """The tensors of weights in an object that holds them packed; none where it gives none away.

    What a cell of a recurrent layer says of itself holds its packed matrices, and their biases a second time. A linear
    layer that unpacks a matrix in float32 holds it in half precision.
    """
    import torch

    for method in ("unpack", "__getstate__"):
        try:
            leaves = torch.utils._pytree.tree_leaves(getattr(packed, method)())
        except (RuntimeError, AttributeError):  # it has no such method
            continue
        inner = [leaf for leaf in leaves if isinstance(leaf, torch.ScriptObject)]
        if inner:
            return [tensor for each in inner for tensor in unpacked(each)]
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        if str(packed._type()).endswith(_LINEAR):
            return [t.half() if t.dim() > 1 and t.dtype is torch.float32 else t for t in tensors]
        return tensors
    return []


def _packed_in(module: Any) -> list[Any]:
    """The objects that hold weights packed, each once: attributes of the module's parts, alone or in containers, and
    what scripts read."""
    import torch

    found: dict[object, Any] = {}
    for part in module.modules():
        if not isinstance(part, torch.jit.ScriptModule):
            own = [value for name, value in vars(part).items() if name not in _MODULES_OWN]
            leaves = torch.utils._pytree.tree_leaves(own)
            found.update({id(leaf): leaf for leaf in leaves if isinstance(leaf, torch.ScriptObject)})
    for script in _scripts(module):
        found.update({(id(script), path): held for path, held in _script_objects(script).items()})
    return list(found.values())


def _script_objects(script: Any) -> dict[str, Any]:
    """The objects of C++ that the graph of a script reads, by their paths in it, or holds as constants."""
    import torch

    found: dict[str, Any] = {}
    held: dict[str, tuple[str, Any]] = {}  # what a value of the graph is: its path, and itself
    for node in _nodes(script, "prim::GetAttr"):
        path, owner = held.get(node.input().debugName(), ("", script._c))
        own = f"{path}.{node.s('name')}"
        found[own] = owner.getattr(node.s("name"))
        held[node.output().debugName()] = own, found[own]
    for node in _nodes(script, "prim::Constant"):
        if node.hasAttribute("value") and node.kindOf("value") == "ival":
            found[node.output().debugName()] = node.ival("value")
    kind, parts = torch.ScriptObject, torch.ScriptModule  # parts of the script are objects too
    return {path: each for path, each in found.items() if isinstance(each, kind) and not isinstance(each, parts)}


def _constants(module: Any) -> list[Any]:
    """The tensors of floating point that the graphs of a module's scripts hold, single numbers left out."""
    found = []
    for script in _scripts(module):
        for node in _nodes(script, "prim::Constant", "prim::ConstantMKLDNNTensor"):
            if node.hasAttribute("value") and node.kindOf("value") == "t":
                found.append(node.t("value"))
    return [tensor for tensor in found if tensor.dim() and (tensor.is_floating_point() or tensor.is_complex())]


def _scripts(module: Any) -> list[Any]:
    """The scripts among the parts of a module that are inside of no other one."""
    import torch

    found = [part for part in module.modules() if isinstance(part, torch.jit.ScriptModule)]
    inside = {id(inner) for script in found for inner in list(script.modules())[1:]}
    return [script for script in found if id(script) not in inside]


def _nodes(script: Any, *kinds: str) -> Iterator[Any]:
    """The nodes of some kinds in the graph of a script's forward, each valid until the next; none without such a
    method."""
    if hasattr(script, "forward"):
        graph = script.inlined_graph  # a node is nothing without it
        for kind in kinds:
            yield from graph.findAllNodes(kind, recurse=True)


def _add(found: Weights, tensor: Any, is_constant: bool = False) -> None:
    """Counts a tensor as what it stands for, in the bits of what it holds."""
    stored = _stored(tensor)
    largest = max(stored, key=lambda part: part.numel())
    numbers = tensor.numel() if hasattr(tensor, "__tensor_flatten__") else sum(map(_numbers, stored))
    found.add(_dtype(largest), numbers, sum(part.numel() * _bits(part) for part in stored), is_constant)


def _stored(tensor: Any) -> list[Any]:
    """The plain tensors whose elements are those of a tensor: itself, the values of a sparse one, or what it is made of
    without scales and zero points."""
    import torch

    if hasattr(tensor, "__tensor_flatten__"):
        names = tensor.__tensor_flatten__()[0]
        inner = [name for name in names if not any(word in name for word in _NO_WEIGHTS)] or names
        return [part for name in inner for part in _stored(getattr(tensor, name))]
    if tensor.layout is torch.sparse_coo:
        return [tensor._values()]
    compressed = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)
    return [tensor.values()] if tensor.layout in compressed else [tensor]


def _numbers(part: Any) -> int:
    return part.numel() * (2 if _dtype(part) == _PAIRS else 1)


def _bits(part: Any) -> int:
    """Of an element."""
    return _BITS.get(_dtype(part)) or 8 * part.element_size()


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _memory(tensor: Any) -> object:
    """What is equal for tensors that are one memory; where there is none to see, the tensor itself."""
    try:
        address = tensor.untyped_storage().data_ptr()
    except RuntimeError:  # made of others, opaque, without memory
        address = 0
    return (address, tensor.storage_offset(), tensor.numel(), tensor.dtype) if address else id(tensor)
