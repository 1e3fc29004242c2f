"""A class of transformers built from its configuration, with random weights and inputs that fit it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable, UnknownName, UserError
from benchlib.models import LoadedModel, _configs, _labels, _modalities, _module
from benchlib.models._configs import Settings
from benchlib.tensors import Inputs

_ROOT = "PreTrainedModel"  # of transformers: what all its models are made from
_ABSTRACT = re.compile("Pre[Tt]rainedModel$|^Pretrained")  # base classes, the old names of some too
_MODELING = ".modeling_"
_CLASS = re.compile(r"^class (\w+)\(([^)]*)\):", re.MULTILINE)
_WORD = re.compile(r"\w+")
MakeInputs = Callable[[Any, Any, Any], Inputs]  # of configuration, module and trial


def loaded(
    model_class: str,
    trial: Any,
    values: Settings,
    seq_length: int | None,
    task: str,
    *,
    inputs: MakeInputs | None = None,
) -> LoadedModel:
    """`model_class` in a configuration from `values`, which the trial's `model_args` override, its weights drawn from
    the trial's seed.

    Args:
        model_class: the name of a class of transformers.
        trial: the trial's parameters.
        values: of the configuration; of a composed one by its parts: {"encoder": {"model_type": "bert"}, …}.
        seq_length: tokens of a text where the trial names none.
        task: what the model is for.
        inputs: makes the inputs of (configuration, module, trial); by default they follow from forward's signature.

    Raises:
        UserError: the values do not go together, or forward's signature does not say what inputs it takes.
    """
    import torch

    kind = model_named(model_class)
    config = _configs.configured(kind.config_class, values, trial.model_args, kind.config_class.__name__)
    _configs.suited(config, model_class, {**values, **trial.model_args})
    torch.manual_seed(trial.seed)
    module = built(kind._from_config, config, trial, model_class)

    def inputs_at(trial: Any) -> Inputs:
        if inputs is not None:
            return inputs(config, module, trial)
        return _labels.added(_modalities.inputs_for(config, module, trial, seq_length), module, trial)

    return _module.loaded(module, inputs_at, trial, task=task, weights="random")


def built(build: Callable[..., Any], config: Any, trial: Any, what: str) -> Any:
    """`build(config)` under the trial's `attn_implementation`. Raises UserError and Unavailable, in which it is `what`
    that cannot be built."""
    try:
        return _module.with_attention(partial(build, config), trial.attn_implementation)
    except ImportError as error:
        raise Unavailable(f"{what}: {_one_line(error)}") from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:  # values that do not go together
        raise UserError(f"{what} cannot be built from {type(config).__name__}: {_one_line(error)}") from error


def model_named(name: str) -> Any:
    """The class of transformers. Raises UnknownName, or UserError for what is no model."""
    import transformers

    if name not in transformers._class_to_module:
        raise UnknownName("transformers model", name, names())
    kind = getattr(transformers, name)
    known = isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)
    if not (known and getattr(kind, "config_class", None)) or _ABSTRACT.search(name):
        raise UserError(f"transformers.{name} is no model that a configuration describes")
    return kind


def names() -> list[str]:
    """The names that `model_named` takes, in the order of the installed transformers' own table. None of its files is
    imported: the text of a file says what its classes are made from."""
    import transformers

    places = {name: place for name, place in transformers._class_to_module.items() if _MODELING in place}
    folder = Path(transformers.__file__).parent
    bases: dict[str, list[str]] = {}
    for place in dict.fromkeys(places.values()):
        file = folder.joinpath(*place.split(".")).with_suffix(".py")
        if file.is_file():
            bases |= {name: _WORD.findall(listed) for name, listed in _CLASS.findall(file.read_text(encoding="utf-8"))}
    models = _made_from(_ROOT, bases)
    return [name for name in places if name in models and not _ABSTRACT.search(name)]


def _made_from(root: str, bases: Mapping[str, Sequence[str]]) -> set[str]:
    """The classes that have `root` among what they are made from, at any depth; itself too."""
    found, before = {root}, 0
    while len(found) > before:
        before = len(found)
        found |= {name for name, own in bases.items() if not found.isdisjoint(own)}
    return found


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
