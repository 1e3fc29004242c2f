"""The last step of every source that gives a module: inference mode, dtype, given inputs, facts.

Modules and inputs stay on the host; the runtime moves them to the trial's device.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchlib import tensors
from benchlib.dtypes import MIXED, OWN
from benchlib.errors import Unavailable, UserError
from benchlib.models import LoadedModel, _axes, _given, _inputs, _items
from benchlib.models._configs import Settings
from benchlib.models._facts import facts_of, is_all_training
from benchlib.models._saved import StoredModule
from benchlib.tensors import Inputs

REDRAWN = "redrawn"  # what a trial has that asks for inputs beside the recorded ones


def loaded(
    module: Any,
    inputs_at: Callable[[Any], Inputs],
    trial: Any,
    *,
    task: str,
    weights: str,
    positional: tuple[str, ...] = (),
) -> LoadedModel:
    """`module` ready for inference in the trial's dtype, with the trial's own inputs where it names some.

    Args:
        module: a torch.nn.Module on the host.
        inputs_at: makes the inputs for a trial: for this one, and at other sizes to see which dimensions are free.
        trial: the trial's parameters.
        task: what the model is for.
        weights: "random" or "real".
        positional: the inputs that forward takes by position.
    """
    import torch

    dtype = getattr(torch, trial.dtype)
    module = _in_dtype(_without_gradients(module.eval()), dtype)
    inputs = with_given(inputs_at(trial), trial.inputs)
    facts = {**facts_of(module), "model_task": task, "model_weights": weights, "with_loss": trial.with_loss}
    axes = _axes.followed(inputs_at, trial)

    def redraw(seed: int) -> Inputs:
        return _all_cast(inputs_at(SimpleNamespace(**{**vars(trial), "seed": seed, REDRAWN: True})), dtype)

    cast = _all_cast(inputs, dtype)
    if trial.inputs and (items := _items.items(cast, axes)):
        facts["items"] = items
    return LoadedModel(
        inputs=cast,
        module=module,
        positional=positional,
        facts=facts,
        axes=axes,
        redraw=None if trial.inputs else redraw,
    )


def given(module: Any, inputs: Inputs, trial: Any, stored: StoredModule) -> LoadedModel:
    """A module that was given as an object, with the inputs of its call. Nothing of both is cast, unless the trial asks
    for another dtype than they have; parts in training mode stay so beside others that are not."""
    import torch

    training = _given.training_words(module)
    module = _without_gradients(module.eval() if is_all_training(module) else module)
    inputs = with_given(inputs, trial.inputs)
    if trial.dtype not in (OWN, MIXED, stored.dtype):
        module = _in_dtype(module, dtype := getattr(torch, trial.dtype))
        inputs = _all_cast(inputs, dtype)
    facts = {
        **facts_of(module),
        "model_task": "",
        "model_weights": stored.weights,
        "training_mode": training,
        **({"given_otherwise": "; ".join(stored.told)} if stored.told else {}),
        "with_loss": trial.with_loss,
    }
    axes = _axes.shared(inputs)
    if items := _items.items(inputs, axes):
        facts["items"] = items
    return LoadedModel(inputs, module, positional=tuple(stored.positional), facts=facts, axes=axes)


def _without_gradients(module: Any) -> Any:
    for parameter in module.parameters():  # not all at once: a ScriptModule refuses that
        parameter.requires_grad_(False)
    return module


def _in_dtype(module: Any, dtype: Any) -> Any:
    """The module with its floating weights and buffers in a dtype."""
    if any(t.is_floating_point() and t.dtype != dtype for t in (*module.parameters(), *module.buffers())):
        return module._apply(lambda tensor: _given.cast(tensor, dtype))
    return module


def chance_of(trial: Any) -> Any:
    """A generator for the lengths of inputs beside the recorded ones; None for those, whose lengths follow a rule."""
    return generator(trial.seed) if getattr(trial, REDRAWN, False) else None


def with_given(inputs: Inputs, path: str | None) -> Inputs:
    """The inputs, or those of the file `path` in their places, their floating numbers in the same dtypes: numpy's are
    of 64 bits where nobody says otherwise."""
    if path is None:
        return inputs
    recorded, structure = tensors.flatten(inputs)
    found = {n: tensors.to_torch(a) for n, a in _inputs.matched(_inputs.read(path), recorded, path).items()}
    return tensors.unflatten(structure, {n: _like(tensor, recorded[n]) for n, tensor in found.items()})


def _like(tensor: Any, recorded: Any) -> Any:
    dtype = tensors.to_torch(recorded).dtype
    return tensor.to(dtype) if dtype.is_floating_point and tensor.is_floating_point() else tensor


def with_attention(build: Any, name: str | None) -> Any:
    """`build(**arguments)` under `attn_implementation`; what transformers says against it in one line."""
    if name is None:
        return build()
    try:
        return build(attn_implementation=name)
    except ImportError as error:
        raise Unavailable(f"attn_implementation '{name}': {_first_line(error)}") from error
    except ValueError as error:
        raise UserError(f"attn_implementation '{name}': {_first_line(error)}") from error


def built(build: Callable[..., Any], arguments: Settings, what: str) -> Any:
    """`build(**arguments)`; what a library says against them in one line."""
    try:
        return build(**arguments)
    except (TypeError, ValueError, AssertionError) as error:
        raise UserError(f"{what} with {dict(arguments)}: {' '.join(str(error).split())}") from error


def pair(size: Any) -> tuple[Any, Any]:
    """Height and width from what libraries take for both: one number, or two."""
    return tuple(size) if isinstance(size, list | tuple) else (size, size)


def generator(seed: int) -> Any:
    """A generator for inputs, apart from the global one: they do not depend on the weights drawn."""
    import torch

    return torch.Generator().manual_seed(seed)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _all_cast(inputs: Inputs, dtype: Any) -> Inputs:
    return tensors.moved(lambda tensor: _given.cast(tensor, dtype), tensors.apply(tensors.to_torch, inputs))
