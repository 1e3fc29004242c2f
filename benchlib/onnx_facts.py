"""What the record says of an ONNX file, read without its external data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchlib.registry import Facts


def onnx_facts(path: Path, optimized: bool = False) -> Facts:
    """The metrics `onnx_*` of a file and its `operators`; `optimized`: the exporter or a pass optimised the graph."""
    import onnx

    proto = onnx.load(path, load_external_data=False)
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value.name for value in proto.graph.input if value.name not in weights]
    outputs = [value.name for value in proto.graph.output]
    files = [path, *external_files(proto, path.parent)]
    every = list(graphs(proto))
    return {
        "onnx_model": 1,
        "onnx_filesize": sum(file.stat().st_size for file in files),
        "onnx_n_inputs": len(inputs),
        "onnx_n_outputs": len(outputs),
        "onnx_input_names": "|".join(inputs),
        "onnx_output_names": "|".join(outputs),
        "graph_inputs_used": "|".join(inputs_used(proto)),
        "onnx_n_nodes": sum(len(graph.node) for graph in (*every, *proto.functions)),
        "onnx_n_initializer": sum(len(graph.initializer) for graph in every),
        "onnx_opset": next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0),
        "onnx_optimized": int(optimized),
        "operators": operators(proto),
    }


def inputs_used(proto: Any) -> list[str]:
    """The inputs of the graph whose values its outputs are computed from; one of which only the shape is asked for is
    none. What a subgraph or a function takes, it counts as using."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value.name for value in proto.graph.input if value.name not in weights]
    makers = {output: node for node in proto.graph.node for output in node.output}
    waiting, used = [value.name for value in proto.graph.output], set()
    while waiting:
        name = waiting.pop()
        if name in used:
            continue
        used.add(name)
        node = makers.get(name)
        if node is None or (node.op_type in ("Shape", "Size") and node.input[0] in inputs):
            continue
        inner = [n for graph in _subgraphs([node]) for n in graph.node]
        waiting += [*node.input, *(taken for n in inner for taken in n.input)]
        waiting += [value.name for graph in _subgraphs([node]) for value in graph.output]
    return [name for name in inputs if name in used]


def operators(proto: Any) -> dict[str, int]:
    """How often each operator occurs, in functions and subgraphs too: {"Add": 12, "com.microsoft.FusedMatMul": 3}."""
    nodes = (node for holder in (*graphs(proto), *proto.functions) for node in holder.node)
    counts = Counter(n.op_type if n.domain in ("", "ai.onnx") else f"{n.domain}.{n.op_type}" for n in nodes)
    return dict(sorted(counts.items()))


def graphs(proto: Any) -> Iterator[Any]:
    """The main graph and all subgraphs of nodes, those within functions too."""
    yield proto.graph
    yield from _subgraphs(proto.graph.node)
    for function in proto.functions:
        yield from _subgraphs(function.node)


def external_files(proto: Any, folder: Path) -> list[Path]:
    """The files in `folder` that hold tensors of the model."""
    return [folder / name for name in external_ends(proto)]


def external_ends(proto: Any) -> dict[str, int]:
    """The files that hold tensors of the model, sorted, as it names them (relative to its own folder, or so they should
    be), and how many bytes each has at least."""
    import onnx

    found: dict[str, int] = {}
    for tensor in tensors_of(proto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            said = {entry.key: entry.value for entry in tensor.external_data}
            if name := said.get("location"):
                end = int(said.get("offset", 0)) + int(said.get("length", 0))
                found[name] = max(found.get(name, 0), end)
    return dict(sorted(found.items()))


def tensors_of(proto: Any) -> Iterator[Any]:
    """All tensors that a model holds: initializers, and attributes of nodes."""
    for graph in graphs(proto):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for holder in (*graphs(proto), *proto.functions):
        for node in holder.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors) if attribute.HasField("t") else attribute.tensors
                if attribute.HasField("sparse_tensor"):
                    yield from (attribute.sparse_tensor.values, attribute.sparse_tensor.indices)


def _subgraphs(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                yield graph
                yield from _subgraphs(graph.node)
