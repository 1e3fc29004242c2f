"""The last step of every source that gives a module: inference mode, dtype, given inputs, facts.

Modules and inputs stay on the host; the runtime moves them to the trial's device.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchlib import tensors
from benchlib.errors import Unavailable, UserError
from benchlib.models import LoadedModel, _axes, _inputs, _items
from benchlib.models._configs import Settings
from benchlib.models._facts import facts_of
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
    module = module.eval()
    for parameter in module.parameters():  # not all at once: a ScriptModule refuses that
        parameter.requires_grad_(False)
    if any(t.is_floating_point() and t.dtype != dtype for t in (*module.parameters(), *module.buffers())):
        module = module.to(dtype)
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


def chance_of(trial: Any) -> Any:
    """A generator for the lengths of inputs beside the recorded ones; None for those, whose lengths follow a rule."""
    return generator(trial.seed) if getattr(trial, REDRAWN, False) else None


def with_given(inputs: Inputs, path: str | None) -> Inputs:
    """The inputs, or those of the file `path` in their places."""
    if path is None:
        return inputs
    flat, structure = tensors.flatten(inputs)
    return tensors.unflatten(structure, _inputs.matched(_inputs.read(path), flat, path))


def no_shapes(trial: Any) -> str | None:
    """The refusal of sources whose inputs follow batch_size and the parameters in `Source.shapes`."""
    if trial.shapes:
        return "shapes are for ONNX files; this model takes batch_size, seq_length, height and width"
    return None


def no_loss(trial: Any) -> str | None:
    """The refusal of sources whose models also compute no loss."""
    return _no_loss(trial) or no_shapes(trial)


def _no_loss(trial: Any) -> str | None:
    if trial.with_loss:
        return "with_loss is for transformers models, whose forward takes labels; this model computes no loss"
    return None


def no_attention(trial: Any) -> str | None:
    """The refusal of sources whose models are also none of transformers'."""
    return no_attention_or_loss(trial) or no_shapes(trial)


def no_attention_or_loss(trial: Any) -> str | None:
    """The refusal of sources whose models are none of transformers'."""
    if trial.attn_implementation:
        return "attn_implementation is for transformers models; this model has one way to compute its attention"
    return _no_loss(trial)


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
    return tensors.apply(lambda leaf: _cast(tensors.to_torch(leaf), dtype), inputs)


def _cast(tensor: Any, dtype: Any) -> Any:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
