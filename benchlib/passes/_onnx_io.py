"""How passes read and write graphs: whole in memory, and in one file unless the weights are too large for one."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchlib.exporters.onnx_dynamo import ONE_FILE
from benchlib.onnx_facts import graphs, tensors_of


def load(path: Path) -> Any:
    """The model of a file, with all of its weights."""
    import onnx

    return onnx.load(path)


def load_graph(path: Path) -> Any:
    """The model of a file without the weights that lie beside it."""
    import onnx

    return onnx.load(path, load_external_data=False)


def save(model: Any, path: Path) -> None:
    """Writes a model; weights above ONE_FILE bytes go to `<name>.data` beside it."""
    import onnx

    if is_large(model):
        onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", convert_attribute=True)
    else:
        onnx.save(model, path)


def is_large(model: Any) -> bool:
    """Whether the weights of a model, loaded or not, need a file of their own."""
    return weights_size(model) > ONE_FILE


def weights_size(model: Any) -> int:
    """The bytes of a model's weights, wherever they lie."""
    return sum(map(_size, tensors_of(model)))


def _size(tensor: Any) -> int:
    """The bytes of a tensor, wherever they lie."""
    from onnx import helper

    held = (
        math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize if tensor.data_type else 0
    )
    return max(held, tensor.ByteSize())


@contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """A file to write in a folder of its own, for libraries that place external data as they like; what is written
    there becomes `target` at the end."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        file = Path(folder) / "model.onnx"
        yield file
        save(load(file), target)


def rewrite(source: Path, target: Path, change: Callable[[Any], Any]) -> None:
    """Lets `change` work on the model as an `onnx_ir.Model`, in place."""
    import onnx_ir

    model = onnx_ir.from_proto(load(source))
    change(model)
    save(onnx_ir.to_proto(model), target)


def count(model: Any, *operators: str) -> int:
    """How many nodes of a loaded model are one of the operators."""
    holders = (*graphs(model), *model.functions)
    return sum(node.op_type in operators for holder in holders for node in holder.node)


def opset(model: Any) -> int:
    """The version of the standard operators that a model imports; 0 when it imports none."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
