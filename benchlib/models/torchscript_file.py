"""A TorchScript file (`torch.jit.save`): a program with its weights, which does not say how large its inputs are.

`shapes` says so, by name or in forward's order; `inputs` gives the inputs themselves. The code is asked what it makes
of them, and without either also how large they are (`_torchscript_inputs`).
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

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
from benchlib.models._guessed import guessed_in_words
from benchlib.models._named_values import named_use
from benchlib.models._onnx_graph import Value
from benchlib.models._onnx_values import Generator
from benchlib.models._use import UNKNOWN
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
    generator = _of_shapes(module, takes, trial.shapes)
    inputs_at = _made_by(generator)
    if trial.batch_size != 1:
        python.check_batch(path.name, inputs_at(trial), trial.batch_size)
    model = _module.loaded(module, inputs_at, trial, task="", weights="real", positional=tuple(takes))
    model.facts["inputs_guessed"] = guessed_in_words(generator.guessed, generator.wanted)
    return python.with_items(model)


def _of_shapes(module: Any, takes: list[str], shapes: Any) -> Generator:
    """What makes inputs of these shapes, of the types and values that the code and the names tell; others are
    floats."""
    given = _onnx_shapes.by_name(shapes, dict.fromkeys(takes, Value("", None)))
    if missing := [name for name in takes if name not in given]:
        raise UserError(f"the sizes of {', '.join(missing)} are not known: {_hint(takes, _reads(module))}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        known = _torchscript_inputs.uses(module)
    values = {name: Value(known[name][0] if name in known else "FLOAT", tuple(given[name])) for name in takes}
    own = {name: use for name, (_, use) in known.items()}
    named = {name: use for name in takes if (use := named_use(name, values[name].letter, given[name])) is not UNKNOWN}
    return Generator(values, {name: given[name] for name in takes}, {**named, **own})


def _made_by(generator: Generator) -> MakeInputs:
    import torch

    def inputs_at(trial: Any) -> Inputs:
        drawn = generator(trial.seed, other=hasattr(trial, _module.REDRAWN))
        return {name: torch.from_numpy(np.array(array)) for name, array in drawn.items()}

    return inputs_at


def _reads(module: Any) -> dict[str, _torchscript_inputs.Read]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _torchscript_inputs.first_reads(module)


def _hint(takes: list[str], reads: dict[str, _torchscript_inputs.Read]) -> str:
    """How to say the sizes of all inputs, with those that the code tells."""
    likely = [_torchscript_inputs.likely_shape(name, reads.get(name)) for name in takes]
    said = ", ".join(f"{name}: {shape}" for name, shape in zip(takes, likely, strict=True))
    return f"give `shapes: {{{said}}}`, or `inputs:` with an .npz"


def _by_the_code(module: Any, takes: list[str], trial: Any) -> MakeInputs:
    """The first of the likely inputs with which the program runs. Raises UserError where there is none."""
    import torch

    module.float()  # as what is drawn; the trial's dtype comes after
    reads = _reads(module)
    if missing := [name for name in takes if name not in reads]:
        raise UserError(f"the sizes of {', '.join(missing)} are not known: {_hint(takes, reads)}")
    said = ""
    for inputs_at in _torchscript_inputs.makers({name: reads[name] for name in takes}, trial):
        try:
            with torch.no_grad():
                module(*inputs_at(trial).values())
            return inputs_at
        except RuntimeError as error:
            said = said or next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
    raise UserError(f"with no likely size of {', '.join(takes)} it runs ({said}): {_hint(takes, reads)}")


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
