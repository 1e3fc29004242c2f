"""What onnxruntime's quantisers ask for: a graph with known shapes, and samples to calibrate on."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import Refused, UserError
from benchlib.onnx_facts import external_ends, graphs, operators
from benchlib.passes import _onnx_io
from benchlib.runtimes import Feed
from benchlib.runtimes._ort_session import feeds

OWN = "com.microsoft."  # how onnxruntime's own operators begin
PRODUCTS = ("MatMul", "Gemm", "Conv")


@contextmanager
def prepared(source: Path, name: str, wanted: Collection[str]) -> Iterator[Path]:
    """The graph after onnxruntime's preprocessing for quantisation: basic optimisation and shape inference.

    Raises Refused where none of the `wanted` operators has a constant to quantise for the pass `name`.

    It computes the transposes of weights that are tied (an embedding that is the last layer too), which are no
    constants otherwise and would not be quantised. Symbolic inference, which fails on some graphs, is for those with
    fusions by model type alone: of operators of onnxruntime's own it knows the types.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quiet():
        file = Path(folder) / "prepared.onnx"
        model = _onnx_io.load_graph(source)
        require(model, name, wanted)
        large, fused = _onnx_io.is_large(model), any(name.startswith(OWN) for name in operators(model))
        if not large and external_ends(model):  # the weights of which onnxruntime would leave behind
            _onnx_io.save(_onnx_io.load(source), source := Path(folder) / "whole.onnx")
        try:
            quant_pre_process(
                str(source),
                str(file),
                skip_symbolic_shape=not fused,
                auto_merge=fused,
                save_as_external_data=large,
                all_tensors_to_one_file=True,
            )
        except Exception as error:
            if "symbolic shape inference" not in str(error):
                raise
            raise UserError(
                "onnxruntime cannot infer all shapes behind operators of its own, which quantising takes: "
                "quantise first, or without ort-transformers"
            ) from error
        _forget_shapes_of_weights(file)
        yield file


def weights(model: Any) -> int:
    """How many tensors of weights (of two dimensions and more) of a loaded model are quantised."""
    import onnx

    kinds = [getattr(onnx.TensorProto, kind) for kind in ("INT4", "UINT4", "INT8", "UINT8", "INT16", "UINT16")]
    return sum(tensor.data_type in kinds and len(tensor.dims) > 1 for tensor in model.graph.initializer)


def require(model: Any, name: str, wanted: Collection[str]) -> None:
    """Raises Refused for a loaded model in which no operator among `wanted` has a constant matrix among its operands:
    held by the graph, or computed from what it holds. What functions do with their arguments is not looked into."""
    constants: dict[str, int] = {}  # name -> dimensions, of what is computed as many as a matrix has
    for graph in graphs(model):
        constants |= {tensor.name: len(tensor.dims) for tensor in graph.initializer}
        constants |= {tensor.values.name: len(tensor.dims) for tensor in graph.sparse_initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = max((len(a.t.dims) for a in node.attribute), default=0)
            elif all(taken in constants for taken in node.input if taken):
                constants |= dict.fromkeys(node.output, 2)
            elif node.op_type in wanted and any(constants.get(taken, 0) >= 2 for taken in node.input):
                return
    if not model.functions:
        raise nothing_to_quantise(name, wanted)


def nothing_to_quantise(name: str, wanted: Collection[str]) -> Refused:
    """The refusal of the pass `name`, which looks for constants of the operators `wanted`."""
    shown = [operator for operator in PRODUCTS if operator in wanted] or list(wanted)
    words = " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
    return Refused(f"{name}: nothing to quantise: no {words} with constant weights")


def checked(name: str, path: Path, wanted: Collection[str]) -> dict[str, int]:
    """The fact `quantized_weights` of a file that a pass has written. Raises Refused when it found nothing to do."""
    found = weights(_onnx_io.load_graph(path))
    if not found:
        raise nothing_to_quantise(name, wanted)
    return {"quantized_weights": found}


def _forget_shapes_of_weights(file: Path) -> None:
    """The quantisers transpose weights in place and leave their old shapes standing, which then contradict."""
    import onnx

    model = _onnx_io.load_graph(file)
    names = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.value_info if value.name not in names]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    onnx.save(model, file)


class Samples:
    """A calibration data reader over files of inputs; `hashes` are those of their contents."""

    def __init__(self, graph: Path, files: Sequence[Path]):

        proto = _onnx_io.load_graph(graph)
        weights = {tensor.name for tensor in proto.graph.initializer}
        names = [value.name for value in proto.graph.input if value.name not in weights]
        read = [tensors.load(file) for file in files]
        self.hashes = [tensors.content_hash(flat) for flat, _ in read]
        self._left = iter([feeds(names, tensors.unflatten(structure, flat), flat) for flat, structure in read])

    def get_next(self) -> Feed | None:
        return next(self._left, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantisers' advice on the root logger to preprocess, which is done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
