"""An ONNX file, with inputs that are given or made for its graph.

`_onnx_graph` says what the file takes, `_onnx_shapes` how large that is, `_onnx_values` makes it up and `_onnx_data`
reads what is given instead. A fixed batch is rewritten by `_onnx_batch`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import artifacts
from benchlib.errors import UserError
from benchlib.models import LoadedModel, _items, _onnx_batch, _onnx_data, _onnx_shapes, _onnx_values
from benchlib.models._onnx_graph import inputs_of, outputs_of
from benchlib.onnx_facts import external_files, weights_of
from benchlib.registry import Facts, Source


def load(name: str, trial: Any) -> LoadedModel:
    """The file `name` with its inputs. Raises UserError for a file that is no ONNX model, Refused for a batch that it
    cannot have."""
    path = Path(name)
    proto = read(path)
    wanted, facts, write = inputs_of(proto), _facts(proto), None
    external_data(path)
    if change := _onnx_batch.asked(wanted, trial):
        proto, write = _onnx_batch.rewritten(path, wanted, *change, trial)
        wanted, facts["batch_rewritten"] = inputs_of(proto), "{} → {}".format(*change)
    uses, redraw = _onnx_values.uses_of(proto, wanted), None
    if trial.inputs:
        sets = _onnx_data.given(trial.inputs, wanted, outputs_of(proto))
        _onnx_data.check(trial.inputs, sets[0].inputs, wanted)
    else:
        redraw = _onnx_values.generator(wanted, _onnx_shapes.resolved(wanted, trial), uses)
        sets = [_onnx_data.Given(redraw(trial.seed), None)]
    axes = _onnx_shapes.axes(wanted, sets[0].inputs)
    if items := _items.items(sets[0].inputs, axes):
        facts["items"] = items
        if (trial.inputs or trial.shapes) and trial.batch_size not in (1, items):
            said = "inputs" if trial.inputs else "shapes"
            raise UserError(f"batch_size {trial.batch_size}: the {said} that are given are of {items} items")
    return LoadedModel(
        inputs=sets[0].inputs,
        file=None if write else path,
        write=write,
        more=tuple(given.inputs for given in sets[1:]),
        expected={number: given.outputs for number, given in enumerate(sets) if given.outputs is not None},
        facts=facts,
        axes=axes,
        redraw=redraw,
        roles={name: use.role for name, use in uses.items() if use.role},
    )


def identity(name: str, trial: Any) -> dict[str, str]:
    """The sha256 of the file and of the external data it names."""
    path = Path(name)
    return {f.name: artifacts.file_hash(f) for f in (path, *external_data(path))}


def read(path: Path) -> Any:
    """The model without its external data. Raises UserError."""
    import onnx

    if not path.stat().st_size:
        raise UserError(f"model '{path}': the file is empty, so it is no ONNX model")
    try:
        proto = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError and whatever else a parser meets
        raise UserError(f"model '{path}': not a readable ONNX file ({error})") from error
    if not proto.graph.output or not proto.opset_import:
        raise UserError(f"model '{path}': not an ONNX model (it has no outputs or no operator set)")
    return proto


def external_data(path: Path) -> tuple[Path, ...]:
    """The files beside `path` that hold its weights. Raises UserError when one is missing."""
    found = path.stat()
    files = _external_files(path, found.st_size, found.st_mtime_ns)
    missing = [f.name for f in files if not f.is_file()]
    if missing:
        raise UserError(f"model '{path}': its external data {', '.join(missing)} is not beside it")
    return files


def _facts(proto: Any) -> Facts:
    """What the record says of the weights: initializers, and floating constants (some exporters' way)."""
    from onnx import helper

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
def _external_files(path: Path, size: int, modified: int) -> tuple[Path, ...]:
    """Those that a file names which is as it was: a plan asks for each trial."""
    return tuple(external_files(read(path), path.parent))


def refuse(trial: Any) -> str | None:
    if trial.dtype != "float32":
        return "an ONNX file has the dtype that it was exported with; dtype cannot change it"
    if trial.attn_implementation:
        return "an ONNX file has the attention that it was exported with"
    if trial.model_args:
        return "an ONNX file takes no model_args"
    if trial.inputs and trial.shapes:
        return "inputs are given, and with them their shapes: leave shapes out"
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
