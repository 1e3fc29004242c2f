"""An ONNX file, with inputs that are given or made from the types of its graph.

A free dimension is taken, in this order, from `shapes`, from `batch_size` (the first dimension, one that is
called so, and the free dimension of recurrent state), and from `seq_length`, `height` or `width` where the
graph calls it so. What is left is an error that lists the inputs and shows how to say it. The values follow
the table in `benchlib.models._fillers`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.errors import UserError, suggestion
from benchlib.models import LoadedModel, _fillers, _inputs
from benchlib.registry import Source

PARAMETERS = {  # parameter -> how graphs call such a dimension
    "batch_size": ("batch", "batch_size", "n", "b", "bs", "batch_axis"),
    "seq_length": (
        "seq",
        "seq_length",
        "seq_len",
        "sequence",
        "sequence_length",
        "max_seq_len",
        "s",
        "tokens",
    ),
    "height": ("height", "h", "rows"),
    "width": ("width", "w", "cols"),
}


def load(name: str, trial: Any) -> LoadedModel:
    """The file `name` with its inputs. Raises UserError for a file that is no ONNX model."""
    proto = read(Path(name))
    wanted = graph_inputs(proto)
    if trial.inputs:
        inputs = _inputs.matched(_inputs.read(trial.inputs), wanted, trial.inputs)
    else:
        inputs = generated(wanted, trial)
    return LoadedModel(inputs=inputs, file=Path(name), facts=_facts(proto), axes=axes(wanted))


def identity(name: str, trial: Any) -> dict[str, str]:
    """The sha256 of the file and of the external data it names."""
    path = Path(name)
    files = [path, *external_data(path)]
    return {f.name: _hash(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files}


def read(path: Path) -> Any:
    """The model without its external data. Raises UserError."""
    import onnx

    try:
        proto = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError and whatever else a parser meets
        raise UserError(f"model '{path}': not a readable ONNX file ({error})") from error
    if not proto.graph.output or not proto.opset_import:
        raise UserError(f"model '{path}': not an ONNX model (it has no outputs or no operator set)")
    return proto


def external_data(path: Path) -> list[Path]:
    """The files beside `path` that hold its weights. Raises UserError when one is missing."""
    from benchlib.exporters._onnx_facts import external_files

    files = external_files(read(path), path.parent)
    missing = [f.name for f in files if not f.is_file()]
    if missing:
        raise UserError(f"model '{path}': its external data {', '.join(missing)} is not beside it")
    return files


def graph_inputs(proto: Any) -> dict[str, tuple[str, list[int | str]]]:
    """name -> (dtype, dimensions) of the graph's inputs; a dimension is a number, a name or "" (no name)."""
    import onnx

    weights = {i.name for i in proto.graph.initializer}
    found = {}
    for value in proto.graph.input:
        if value.name in weights:  # before IR version 4 weights were inputs with a default
            continue
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            word = (kind or "value").removesuffix("_type")
            raise UserError(f"input '{value.name}' of the graph is a {word}, not a tensor")
        tensor = value.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in tensor.shape.dim]
        found[value.name] = (onnx.TensorProto.DataType.Name(tensor.elem_type), dims)
    return found


def axes(wanted: dict[str, tuple[str, list]]) -> dict[str, dict[int, str]]:
    """The free dimensions that the graph calls batch or sequence, as in `LoadedModel.axes`; others stay out."""
    free = {"batch_size": "batch", "seq_length": "seq_length"}
    called = {word: free[parameter] for parameter in free for word in PARAMETERS[parameter]}
    named, _ = tensors.flatten({name: np.empty(0) for name in wanted})
    found = {}
    for name, (_, dims) in zip(named, wanted.values(), strict=True):
        followed = {i: called[d.lower()] for i, d in enumerate(dims) if isinstance(d, str) and d.lower() in called}
        if followed:
            found[name] = followed
    return found


def generated(wanted: dict[str, tuple[str, list]], trial: Any) -> dict[str, np.ndarray]:
    """Arrays for all inputs, drawn from the trial's seed."""
    shapes = resolved(wanted, trial)
    rng = np.random.default_rng(trial.seed)
    inputs = {}
    for name, (kind, _) in wanted.items():
        array = _fillers.fill(name, shapes[name], _dtype(name, kind), rng, wanted)
        inputs[name] = _bfloat16(array) if kind == "BFLOAT16" else array
    return inputs


def resolved(wanted: dict[str, tuple[str, list]], trial: Any) -> dict[str, list[int]]:
    """The shape of each input. Raises UserError that names what is missing and how to say it."""
    given = _by_name(trial.shapes or {}, list(wanted))
    for name in given:
        if name not in wanted:
            raise UserError(f"shapes: the graph has no input '{name}'{suggestion(name, wanted)}")
    bound = {
        str(d): size
        for n, s in given.items()
        for d, size in zip(wanted[n][1], s, strict=False)
        if d and isinstance(d, str)
    }
    shapes = {name: _shape(name, wanted, given.get(name), bound, trial) for name in wanted}
    missing = {name: shape for name, shape in shapes.items() if None in shape}
    if missing:
        listed = "; ".join(f"{n} {k.lower()}{_words(dims)}" for n, (k, dims) in wanted.items())
        how = ", ".join(f"{n}: [{', '.join('…' if d is None else str(d) for d in s)}]" for n, s in missing.items())
        raise UserError(f"the sizes of {', '.join(missing)} are not known; inputs: {listed}; say `shapes: {{{how}}}`")
    return shapes


def _by_name(shapes: dict[str, list[int]] | list[list[int]], names: list[str]) -> dict[str, list[int]]:
    """Shapes given in the graph's order, by name."""
    if isinstance(shapes, dict):
        return dict(shapes)
    if len(shapes) != len(names):
        raise UserError(f"shapes: {len(shapes)} are given, the graph has {len(names)} inputs: {', '.join(names)}")
    return dict(zip(names, shapes, strict=True))


def _shape(name: str, wanted: dict, given: list[int] | None, bound: dict[str, int], trial: Any) -> list[int | None]:
    dims = wanted[name][1]
    if given is not None:
        wrong = len(given) != len(dims) or any(isinstance(d, int) and d != g for d, g in zip(dims, given, strict=False))
        if wrong:
            raise UserError(f"shapes: {name} is {_words(dims)} in the graph, not {given}")
        return list(given)
    return [d if isinstance(d, int) else _size(name, wanted, i, bound, trial) for i, d in enumerate(dims)]


def _size(name: str, wanted: dict, axis: int, bound: dict[str, int], trial: Any) -> int | None:
    dims = wanted[name][1]
    called = dims[axis]
    if called in bound:
        return bound[called]
    parameter = next((p for p, words in PARAMETERS.items() if called.lower() in words), None)
    if parameter and getattr(trial, parameter):
        return getattr(trial, parameter)
    if axis == len(dims) - 1 and axis > 0 and _fillers.is_sound(name, wanted):
        return _fillers.CHUNK
    if parameter:
        return None  # the graph says what it is, the trial does not say how long
    if _fillers.is_state(name) or (axis == 0 and (len(dims) > 1 or not called)):
        return trial.batch_size
    return None


def _words(dims: list) -> str:
    return "[" + ", ".join(str(d) if d != "" else "?" for d in dims) + "]"


def _dtype(name: str, kind: str) -> np.dtype:
    if kind == "BFLOAT16":
        return np.dtype("float32")
    try:
        return np.dtype({"FLOAT": "float32", "DOUBLE": "float64"}.get(kind, kind.lower()))
    except TypeError:
        raise UserError(f"input '{name}' is of type {kind.lower()}, which cannot be made up; give inputs") from None


def _bfloat16(array: np.ndarray) -> np.ndarray:
    """Truncated to bfloat16: the upper half of the bits."""
    bits = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    return tensors.labelled(bits.reshape(array.shape), "bfloat16")


def _facts(proto: Any) -> dict[str, Any]:
    """What the record says of the weights: initializers, and floating constants (some exporters' way)."""
    from onnx import helper

    from benchlib.exporters._onnx_facts import weights_of

    counts: dict[str, int] = {}
    size = 0
    for tensor in weights_of(proto):
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        count = int(np.prod(tensor.dims, dtype=np.int64))
        counts[dtype.name] = counts.get(dtype.name, 0) + count
        size += count * dtype.itemsize
    return {
        "model_class": proto.graph.name or "ONNX",
        "model_task": "",
        "model_weights": "real",
        "with_loss": False,
        "params_size": sum(counts.values()),
        "params_dtype": max([d for d in counts if "float" in d] or counts, key=lambda d: counts[d], default=""),
        "weights_size": size,
    }


@lru_cache(maxsize=1024)
def _hash(path: str, size: int, modified: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse(trial: Any) -> str | None:
    if trial.dtype != "float32":
        return "an ONNX file has the dtype that it was exported with; dtype cannot change it"
    if trial.attn_implementation:
        return "an ONNX file has the attention that it was exported with"
    if trial.model_args:
        return "an ONNX file takes no model_args"
    if trial.with_loss:
        return "an ONNX file computes what was exported; with_loss cannot add the loss"
    return None


source = Source(
    name="onnx_file",
    summary="an ONNX file",
    load=load,
    identity=identity,
    packages=("onnx",),
    shapes={"seq_length": None, "height": None, "width": None},
    options={},
    refuse=refuse,
    gives="onnx",
    judge={"exporter": "onnx", "rtopt": "off"},
    judged_by="itself with graph optimisation off",
)
