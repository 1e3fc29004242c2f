"""A TorchScript file (`torch.jit.save`): a program with its weights, which does not say how large its inputs are.

`shapes` says so, by name or in forward's order, for inputs of floats; `inputs` gives any others. Without either the
code is asked (`_torchscript_inputs`).
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable, UserError
from benchlib.models import (
    LoadedModel,
    _file_kinds,
    _inputs,
    _module,
    _onnx_shapes,
    _refusals,
    _torchscript_inputs,
    python,
)
from benchlib.models._onnx_graph import Value
from benchlib.registry import Source
from benchlib.tensors import Inputs

MakeInputs = Callable[[Any], Inputs]  # for a trial
_UNKNOWN = re.compile(r"Unknown builtin op: (\w+)::(\w+)")


def load(name: str, trial: Any) -> LoadedModel:
    """The program, with inputs of the trial's shapes, the trial's own, or those that its code tells. Raises
    UserError."""
    path = Path(name)
    module = _opened(path).eval()
    takes = _tensors_of(module, path)
    if trial.inputs:
        arrays = _inputs.matched(_inputs.read(trial.inputs), takes, trial.inputs)
        return python.with_its_inputs(module, arrays, tuple(arrays), path.name, trial, "real")
    if not trial.shapes:
        inputs_at = _by_the_code(module, takes, trial)
        return _module.loaded(module, inputs_at, trial, task="", weights="real", positional=tuple(takes))
    inputs_at = _of_shapes(takes, trial.shapes)
    if trial.batch_size != 1:
        python.check_batch(path.name, inputs_at(trial), trial.batch_size)
    model = _module.loaded(module, inputs_at, trial, task="", weights="real", positional=tuple(takes))
    return python.with_items(model)


def _of_shapes(takes: list[str], shapes: Any) -> MakeInputs:
    import torch

    given = _onnx_shapes.by_name(shapes, dict.fromkeys(takes, Value("", None)))
    if missing := [name for name in takes if name not in given]:
        raise UserError(f"the sizes of {', '.join(missing)} are not known: {_HOW}")

    def inputs_at(trial: Any) -> Inputs:
        chance = _module.generator(trial.seed)
        return {name: torch.randn(given[name], generator=chance) for name in takes}

    return inputs_at


def _by_the_code(module: Any, takes: list[str], trial: Any) -> MakeInputs:
    """The first of the likely inputs with which the program runs. Raises UserError where there is none."""
    import torch

    module.float()  # as what is drawn; the trial's dtype comes after
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        reads = _torchscript_inputs.first_reads(module)
    if missing := [name for name in takes if name not in reads]:
        raise UserError(f"the sizes of {', '.join(missing)} are not known: {_HOW}")
    said = ""
    for inputs_at in _torchscript_inputs.makers({name: reads[name] for name in takes}, trial):
        try:
            with torch.no_grad():
                module(*inputs_at(trial).values())
            return inputs_at
        except RuntimeError as error:
            said = said or next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
    raise UserError(f"with no likely size of {', '.join(takes)} it runs ({said}): {_HOW}")


def identity(name: str, trial: Any) -> dict[str, str]:
    """The sha256 of the file. Raises UserError for what is no TorchScript."""
    return _file_kinds.archive_identity(Path(name), "torchscript")


def _opened(path: Path) -> Any:
    """The program on the host; operators of another package are there once that is imported."""
    import torch

    try:
        return _read(path)
    except RuntimeError as error:
        unknown = _UNKNOWN.search(str(error))
        if unknown is None:
            line = next((text for text in str(error).splitlines() if text.strip()), "no message")
            raise UserError(f"model '{path}': this torch ({torch.__version__}) cannot read it: {line}") from error
    try:
        importlib.import_module(unknown[1])
        return _read(path)
    except (ImportError, RuntimeError) as error:
        operator = "::".join(unknown.groups())
        raise Unavailable(f"model '{path}' needs the operator {operator}, of a package {unknown[1]}") from error


def _read(path: Path) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch means to give TorchScript up
        return torch.jit.load(str(path), map_location="cpu")


def _tensors_of(module: Any, path: Path) -> list[str]:
    """The inputs that forward has to be given. Raises UserError for one that is no tensor."""
    wanted = [a for a in module.forward.schema.arguments[1:] if not a.has_default_value()]
    for argument in wanted:
        if str(argument.type) not in ("Tensor", "Optional[Tensor]"):
            raise UserError(
                f"model '{path}': its input {argument.name} is {argument.type}, no tensor: give a script that loads "
                "the file and calls it"
            )
    return [argument.name for argument in wanted]


_HOW = "give `shapes: [[1, 3, 224, 224]]`, or `inputs:` with an .npz"


def refuse(trial: Any) -> str | None:
    return _refusals.as_written("a TorchScript file", trial) or _refusals.no_attention_or_loss(trial)


source = Source(
    name="torchscript_file",
    summary="a TorchScript file",
    load=load,
    identity=identity,
    packages=("torch",),
    shapes={"seq_length": None, "height": None, "width": None},
    refuse=refuse,
    exporter="script",
)
