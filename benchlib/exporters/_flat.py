"""Any nesting of inputs and outputs as a plain list of named tensors: what every graph exporter starts from.

The wrapper's forward takes one positional parameter per tensor, puts the nesting together again (Python
numbers, texts and None are constants of the graph), calls the module and returns a flat tuple of tensors.
The names are those of `benchlib.tensors.flatten`, so that a runtime finds its feeds by name.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

from benchlib import tensors
from benchlib.errors import Refused
from benchlib.models import LoadedModel, call
from benchlib.structures import NONE


@dataclass(frozen=True)
class Flat:
    """A module that takes and returns tensors only, with its example inputs and the names for the graph."""

    module: Any
    args: tuple
    input_names: list[str]
    output_names: list[str]


def flat(model: LoadedModel) -> Flat:
    """The model's module, wrapped. Calls it once, to learn what it returns."""
    import torch

    leaves, structure = tensors.flatten(model.inputs)
    if foreign := structure.objects_by(NONE):
        place, words = next(iter(foreign.items()))
        raise Refused(f"graphs are exported on dense tensors, and the input {place} is a {words}: eager takes it")
    args = {name: tensors.to_torch(leaf) for name, leaf in leaves.items()}
    with torch.no_grad():
        outputs = call(model.module, tensors.unflatten(structure, args), model.positional)
    wrapper = _wrapper(model.module, structure, list(args), model.positional)
    return Flat(wrapper, tuple(args.values()), list(args), output_names(outputs, set(args)))


def output_names(outputs: Any, inputs: set[str]) -> list[str]:
    """A name for each output tensor: its key, `output` or `output_0`; never the name of an input."""
    named = outputs if isinstance(outputs, Mapping) or is_dataclass(outputs) else {"output": outputs}
    names: list[str] = []
    for name in tensors.leaves_of(named):
        while name in inputs or name in names:
            name += "_out"
        names.append(name)
    return names


def _wrapper(module: Any, structure: Any, names: list[str], positional: tuple[str, ...]) -> Any:
    import torch

    class Flattened(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = module

        def run(self, *leaves):
            inputs = tensors.unflatten(structure, dict(zip(names, leaves, strict=True)))
            return tuple(tensors.leaves_of(call(self.module, inputs, positional)).values())

    Flattened.forward = _with_signature(names)
    wrapper = Flattened()
    wrapper.training = any(part.training for part in module.modules())  # its parts keep the modes that they have
    return wrapper


def _with_signature(names: list[str]) -> Any:
    """`forward(self, <names>)`: tracers bind their arguments by inspecting it, `*args` is not enough."""
    taken = {"self"}
    parameters: list[str] = []
    for name in names:
        while name in taken or keyword.iskeyword(name) or not name.isidentifier():
            name = f"{name}_" if name.isidentifier() else f"x{len(parameters)}"
        taken.add(name)
        parameters.append(name)
    listed = ", ".join(parameters)
    space: dict[str, Any] = {}
    exec(f"def forward({', '.join(['self', *parameters])}):\n    return self.run({listed})\n", space)
    return space["forward"]
