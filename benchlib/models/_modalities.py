"""Inputs for any model of transformers, from the parameters of its forward and the rules of its configuration.

Each kind of input has a file of its own with a table: a parameter of forward, and what makes it, alone or with its
masks. A model gets all that it must have, and of the rest what the tables hold. What makes one returns nothing where
the model does not read it in that way; sound comes first, because a model that gets it may read no text then.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchlib.errors import UserError
from benchlib.models import _features, _images, _sounds, _text
from benchlib.models._asked import Asked
from benchlib.tensors import Inputs

TABLES: Sequence[Mapping[str, Callable[[Asked], Inputs]]] = (
    _sounds.MAKERS,
    _text.MAKERS,
    _images.MAKERS,
    _features.MAKERS,
)


def inputs_for(config: Any, module: Any, trial: Any, seq_length: int | None) -> Inputs:
    """Inputs for `module`'s forward. Raises UserError that names what is not known how to make."""
    parameters = inspect.signature(module.forward).parameters
    open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = {name: p for name, p in parameters.items() if p.kind not in open_ended}
    required = frozenset(name for name, p in named.items() if p.default is inspect.Parameter.empty)
    asked = Asked(config, module, tuple(named), required, trial, seq_length or _text.LENGTH)
    for table in TABLES:
        for name, make in table.items():
            if name in named and name not in asked.inputs:
                asked.inputs.update(_made(make, name, asked))
    inputs = {name: asked.inputs[name] for name in named if name in asked.inputs}
    missing = sorted(required - inputs.keys())
    if missing or not inputs:
        what = " and ".join(missing) or "anything"
        raise UserError(f"{type(config).__name__} does not say how {asked.name} reads {what}: give inputs")
    return inputs


def _made(make: Callable[[Asked], Inputs], name: str, asked: Asked) -> Inputs:
    try:
        return make(asked)
    except AttributeError as error:  # the configuration has other words for it
        raise UserError(
            f"{type(asked.config).__name__} does not say how {asked.name} reads {name} ({error}): give inputs"
        ) from error
