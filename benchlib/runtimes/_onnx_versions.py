"""A file that is too new or too old for a runtime, or computes in what it has no kernels for, in one line."""

from __future__ import annotations

import re
from typing import Any

from benchlib.errors import Refused, Unavailable

# What onnxruntime says -> what it means; `{0}` is its version, the others are the groups.
SAID = (
    (r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
     "onnxruntime {0} reads IR versions up to {2}; the file has {1}"),
    (r"Opset (\d+) is under development.*?for domain (\S+) is till opset (\d+)",
     "onnxruntime {0} knows the operator set {2} up to version {3}; the file has {1}"),
    (r"Fatal error: (\S+?):(\w+)\(-?\d+\) is not a registered function/op",
     "onnxruntime {0} has no operator {2} of the domain {1}, which the file asks for"),
    (r"Type 'tensor\((\w+)\)' of input parameter \((\S*)\) of operator \((\w+)\) in node \((.*?)\) is invalid",
     "the operator set of the file has no {3} of {1} (input {2} of node '{4}'): a newer operator set may have it, or "
     "give the file in float32"),
)  # fmt: skip
_LOCALE = re.compile(r"Failed to construct locale with name:(\S+?):")
_NO_KERNEL = re.compile(r"Could not find an implementation for (\w+)\((\d+)\)(?: node with name '([^']*)')?")
# What nearly every kernel is there for: where one is missing all the same, it is for the version.
_COMMON = {"float32", "int64", "int32", "bool"}
_OLDEST = 7  # version of an operator of which onnxruntime has kernels
_NAMES = {"float": "float32", "double": "float64"}  # of ONNX's types, where numpy's differ


def meaning(error: Exception, file: str, provider: str) -> Refused | Unavailable | None:
    """What an error of onnxruntime's says of versions and types in a file; None where it is about something else."""
    import onnxruntime

    if found := _LOCALE.search(str(error)):
        return Unavailable(
            f"onnxruntime {onnxruntime.__version__} needs the locale {found[1]} for this file, which this machine does "
            "not have"
        )
    if found := _NO_KERNEL.search(str(error)):
        return Refused(_without_kernel(file, provider, *found.groups()))
    for pattern, words in SAID:
        if found := re.search(pattern, str(error), re.DOTALL):
            return Refused(words.format(onnxruntime.__version__, *found.groups()))
    return None


def _without_kernel(file: str, provider: str, operator: str, version: str, name: str | None) -> str:
    import onnxruntime

    types = input_types(file, operator, name or "")
    if int(version) < _OLDEST or _COMMON.issuperset(types):
        return (
            f"onnxruntime {onnxruntime.__version__} does not run {operator} of version {version} of the operator set, "
            "which the file asks for: convert it to another one (onnx.version_converter)"
        )
    return (
        f"onnxruntime {onnxruntime.__version__} has no kernel for {operator} of {' and '.join(types)} on the "
        f"{provider}{f' (node {name!r})' if name else ''}: give the file in float32, or take another runtime "
        "(runtime: reference)"
    )


def input_types(file: str, operator: str, name: str) -> list[str]:
    """The types of the inputs of the node of an ONNX file that is called so, else of the first of that operator whose
    types are uncommon; as far as they can be inferred, each once."""
    import onnx

    proto = onnx.load(file, load_external_data=False)
    try:
        graph = onnx.shape_inference.infer_shapes(proto).graph
    except Exception:  # a graph that onnx does not understand has its declared types still
        graph = proto.graph
    known = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    known |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == operator]
    nodes = [node for node in nodes if name and node.name == name] or nodes
    found = [_names_of([known[i] for i in node.input if known.get(i)]) for node in nodes]
    return next((types for types in found if not _COMMON.issuperset(types)), found[0] if found else [])


def _names_of(types: list[int]) -> list[str]:
    from onnx import TensorProto

    named = (TensorProto.DataType.Name(kind).lower() for kind in types)
    return list(dict.fromkeys(_NAMES.get(name, name) for name in named))


def check_onnx(opsets: dict[str, int]) -> None:
    """Raises Refused for operator sets that are newer than onnx's own: it would take others for them."""
    import onnx

    for domain, version in opsets.items():
        known = onnx.defs.onnx_opset_version() if domain in ("", "ai.onnx") else version
        if version > known:
            raise Refused(
                f"onnx {onnx.__version__}'s reference evaluator knows the operator set up to version {known}; "
                f"the file has {version}"
            )


def opened(file: str, settings: Any, providers: list[tuple[str, dict[str, str]]], **more: Any) -> Any:
    """An onnxruntime session; Refused or Unavailable in place of an error about versions, types or the machine."""
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(file, settings, providers=providers, **more)
    except Exception as error:
        if reason := meaning(error, file, providers[0][0]):
            raise reason from error
        raise
