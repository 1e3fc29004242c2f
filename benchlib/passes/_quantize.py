"""What onnxruntime's quantisers ask for: a graph with known shapes, and samples to calibrate on."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError
from benchlib.onnx_facts import operators
from benchlib.passes import _onnx_io
from benchlib.runtimes import Feed
from benchlib.runtimes._ort_session import feeds


@contextmanager
def prepared(source: Path) -> Iterator[Path]:
    """The graph after onnxruntime's preprocessing for quantisation: basic optimisation and shape inference.

    It computes the transposes of weights that are tied (an embedding that is the last layer too), which are no
    constants otherwise and would not be quantised. Symbolic inference, which fails on some graphs, is for those with
    fusions by model type alone: of operators of onnxruntime's own it knows the types.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quiet():
        file = Path(folder) / "prepared.onnx"
        model = _onnx_io.load(source)
        large, fused = _onnx_io.is_large(model), any("." in name for name in operators(model))
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


def checked(name: str, path: Path) -> dict[str, int]:
    """The fact `quantized_weights` of a file that a pass has written. Raises UserError when it found nothing to do."""
    found = weights(_onnx_io.load(path))
    if not found:
        raise UserError(f"{name} found no constant weights that it can quantise in this graph")
    return {"quantized_weights": found}


def _forget_shapes_of_weights(file: Path) -> None:
    """The quantisers transpose weights in place and leave their old shapes standing, which then contradict."""
    import onnx

    model = onnx.load(file, load_external_data=False)
    names = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.value_info if value.name not in names]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    onnx.save(model, file)


class Samples:
    """A calibration data reader over files of inputs; `hashes` are those of their contents."""

    def __init__(self, graph: Path, files: Sequence[Path]):
        import onnx

        proto = onnx.load(graph, load_external_data=False)
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
