"""An exported program (`torch.export.save`, `.pt2`): a graph with its weights and the inputs of its export."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from benchlib.errors import UserError
from benchlib.models import LoadedModel, _file_kinds, _inputs, _refusals, python
from benchlib.registry import Source


def load(name: str, trial: Any) -> LoadedModel:
    """The program as a module, with its own inputs or the trial's. Raises UserError."""
    import torch

    path = Path(name)
    try:
        program = torch.export.load(str(path))
    except Exception as error:  # its schema, its operators, its pickles: whatever torch meets in it
        line = " ".join(str(error).split())[:300]
        raise UserError(f"model '{path}': this torch ({torch.__version__}) cannot read it: {line}") from error
    unlifted = program.module(check_guards=False)  # its inputs are those that it was exported at
    module = torch.fx.GraphModule(unlifted, unlifted.graph)  # a plain one: torch's own refuses eval()
    names = list(inspect.signature(module.forward).parameters)
    if program.example_inputs is None and not trial.inputs:
        raise UserError(
            f"model '{path}': it was saved without the inputs that it was exported at; give `inputs:` with an .npz of "
            f"{', '.join(names)}"
        )
    if program.example_inputs is None:
        inputs: dict[str, Any] = dict(_inputs.matched(_inputs.read(trial.inputs), names, trial.inputs))
        positional = names
    else:
        args, kwargs = program.example_inputs
        positional = names[: len(args)]
        inputs = {**dict(zip(positional, args, strict=True)), **kwargs}
    return python.with_its_inputs(module, inputs, tuple(positional), path.name, trial, "real")


def identity(name: str, trial: Any) -> dict[str, str]:
    """The sha256 of the file. Raises UserError for what is no exported program."""
    return _file_kinds.archive_identity(Path(name), "exported")


def refuse(trial: Any) -> str | None:
    if trial.shapes:
        return "an exported program has the inputs that it was exported at; `inputs:` gives others"
    return _refusals.as_written("an exported program", trial) or _refusals.no_attention_or_loss(trial)


source = Source(
    name="exported_file",
    summary="an exported program of torch.export",
    load=load,
    identity=identity,
    packages=("torch",),
    refuse=refuse,
)
