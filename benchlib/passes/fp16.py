"""float32 to float16, by onnxruntime's converter."""

from __future__ import annotations

from benchlib.passes import PassRequest, _onnx_io
from benchlib.registry import Facts, Option, Pass


def apply(request: PassRequest) -> Facts:
    """Converts the graph; operators that have no float16, or are blocked, stay in float32 between Casts.

    The converter needs every value's type: onnxruntime's symbolic inference finds them for its own operators too.
    """
    from onnxruntime.transformers import float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    graph = OnnxModel(_onnx_io.load(request.source))
    before = _onnx_io.count(graph.model, "Cast")
    graph.convert_float_to_float16(
        keep_io_types=request.options["keep_io_types"],
        op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *request.options["op_block_list"]],
        node_block_list=request.options["node_block_list"],
    )
    graph.topological_sort()
    _onnx_io.save(graph.model, request.target)
    return {"casts_added": _onnx_io.count(graph.model, "Cast") - before}


pass_ = Pass(
    name="fp16",
    summary="float32 to float16",
    apply=apply,
    packages=("onnx", "onnxruntime"),
    options={
        "keep_io_types": Option(bool, True, "inputs and outputs stay float32, with a Cast each"),
        "op_block_list": Option(list, [], "operators to leave in float32, besides onnxruntime's own list"),
        "node_block_list": Option(list, [], "nodes to leave in float32, by name"),
    },
    computes="float16",
)
