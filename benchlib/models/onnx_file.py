"""An ONNX file, with inputs that are given or made for its graph.

`_onnx_graph` says what the file takes, `_onnx_shapes` how large that is, `_onnx_values` makes it up and `_onnx_data`
reads what is given instead. A fixed batch is rewritten by `_onnx_batch`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from benchlib.errors import UserError
from benchlib.files import digest_of
from benchlib.models import (
    LoadedModel,
    _file_kinds,
    _items,
    _onnx_batch,
    _onnx_data,
    _onnx_shapes,
    _onnx_weights,
    _refusals,
)
from benchlib.models._guessed import guessed_in_words
from benchlib.models._onnx_graph import inputs_of, outputs_of
from benchlib.models._onnx_uses import GraphUses
from benchlib.models._onnx_values import Generator
from benchlib.onnx_facts import external_ends
from benchlib.registry import Facts, Source
from benchlib.tensors import Inputs


def load(name: str, trial: Any) -> LoadedModel:
    """The file `name` with its inputs. Raises UserError for a file that is no ONNX model, Refused for a batch that it
    cannot have."""
    path = Path(name)
    proto = read(path)
    wanted, facts, write = inputs_of(proto), _facts(proto), None
    graph = GraphUses(proto, wanted)
    external_data(path)
    if change := _onnx_batch.asked(wanted, trial, graph.states):
        proto, write = _onnx_batch.rewritten(path, wanted, *change, trial, graph.states)
        wanted, facts["batch_rewritten"] = inputs_of(proto), "{} → {}".format(*change)
        graph = GraphUses(proto, wanted)
    redraw: Callable[[int], Inputs] | None = None
    if trial.inputs:
        sets = _onnx_data.given(trial.inputs, wanted, outputs_of(proto))
        _onnx_data.check(trial.inputs, sets[0].inputs, wanted)
        uses = graph.uses(_onnx_data.shapes_of(sets[0].inputs))
    else:
        shapes = _onnx_shapes.resolved(wanted, trial, graph)
        uses = graph.uses(shapes)
        generator = Generator(wanted, shapes, uses)
        sets, redraw = [_onnx_data.Given(generator(trial.seed), None)], partial(generator, other=True)
        facts["inputs_guessed"] = guessed_in_words(generator.guessed, wanted)
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
        uses=uses,
    )


def identity(name: str, trial: Any) -> dict[str, str]:
    """The sha256 of the file and of the external data it names."""
    path = Path(name)
    return {str(f.relative_to(path.parent)): digest_of(f) for f in (path, *external_data(path))}


def read(path: Path) -> Any:
    """The model without its external data. Raises UserError."""
    import onnx

    try:
        proto = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError and whatever else a parser meets
        cut = f"not a readable ONNX file of {path.stat().st_size} bytes: cut short, damaged or none at all"
        raise UserError(f"model '{path}': {_other(path) or cut}") from error
    if not proto.graph.output or not proto.opset_import:
        raise UserError(f"model '{path}': {_other(path) or 'not an ONNX model (it has no outputs or no operator set)'}")
    return proto


def _other(path: Path) -> str | None:
    found = _file_kinds.fault(path)
    return found and f"not an ONNX model; {found}"


def external_data(path: Path) -> list[Path]:
    """The files beside `path`, or in folders there, that hold its weights. Raises UserError when one is missing, not
    whole, or lies elsewhere: a model must not read any file of this machine that it names. Links may lead to where the
    model itself lies when it is one, as all files of a snapshot in a hub's cache are."""
    found = path.stat()
    ends = _external_ends(path, found.st_size, found.st_mtime_ns)
    if outside := [name for name in ends if not _may_read(path, name)]:
        raise UserError(f"model '{path}': its external data {', '.join(outside)} lies outside its folder")
    files = [path.parent / name for name in ends]
    if missing := [name for name, file in zip(ends, files, strict=True) if not file.is_file()]:
        raise UserError(f"model '{path}': its external data {', '.join(missing)} is not beside it")
    for file, end in zip(files, ends.values(), strict=True):
        size = file.stat().st_size
        if wrong := _file_kinds.stub(file) if end else None:
            raise UserError(f"model '{path}': its external data {file.name}: {wrong}")
        if size < end:
            raise UserError(
                f"model '{path}': its external data {file.name} is cut short: {size} bytes, of which the graph reads "
                f"{end}"
            )
    return files


def _facts(proto: Any) -> Facts:
    """What the record says of the model and its weights."""
    return {
        "model_class": proto.graph.name or "ONNX",
        "model_task": "",
        "model_weights": "real",
        "with_loss": False,
        **_onnx_weights.weights_of(proto).facts(),
        **_onnx_weights.classic_values(proto),
    }


def _may_read(path: Path, name: str) -> bool:
    """Whether a model may read a file by this name: one that it names within its folder, and that lies there or where
    the model does."""
    file = path.parent / name
    folders = (path.parent.resolve(), path.resolve().parent)
    inside = Path(os.path.abspath(file)).is_relative_to(os.path.abspath(path.parent))
    return inside and any(file.resolve().is_relative_to(folder) for folder in folders)


@lru_cache(maxsize=1024)
def _external_ends(path: Path, size: int, modified: int) -> Mapping[str, int]:
    """What a file that is as it was reads of other files: a plan asks for each trial."""
    return external_ends(read(path))


def refuse(trial: Any) -> str | None:
    if trial.dtype != "float32":
        return "an ONNX file has the dtype that it was exported with; dtype cannot change it"
    if trial.attn_implementation:
        return "an ONNX file has the attention that it was exported with"
    if trial.with_loss:
        return "an ONNX file computes what was exported; with_loss cannot add the loss"
    return _refusals.as_written("an ONNX file", trial)


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
    exporter="onnx",
    judge={"exporter": "onnx", "rtopt": "off"},
    judged_by="itself with graph optimisation off",
)
