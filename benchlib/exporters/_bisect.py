"""Where in a model an export fails: the smallest submodule that fails alone, found by going down through children."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from benchlib import tensors
from benchlib.errors import plain
from benchlib.models import LoadedModel, call
from benchlib.record import SmallestFailure
from benchlib.tensors import Inputs

Export = Callable[[LoadedModel], None]  # raises where the export fails
FirstCalls = dict[str, LoadedModel]  # path of a submodule -> itself, with the inputs of its first call


def smallest_failing(model: LoadedModel, export: Export, seconds: float) -> SmallestFailure | None:
    """Goes from the model into the first child that fails with an exception of the same type, and on from there.

    Children are tried in order, each on the inputs of its first call in a forward of the whole model. Those that are
    not called, or cannot be called with inputs that were taken apart and put together (`tensors.flatten`), are left
    out; a module under two names is tried under the first. An attempt is not interrupted: `seconds` are looked at
    between attempts, and `complete` is false when they ran out before the children of the last module were all tried.

    None when the model exports after all.
    """
    deadline = time.monotonic() + seconds
    failure, tried = _failure(export, model), 1
    if failure is None:
        return None
    calls = _first_calls(model)
    path, module, complete = "", model.module, True
    below = _called_below(module, path, calls)
    while (child := next(below, None)) is not None:
        if time.monotonic() > deadline:
            complete = False
            break
        part = calls[child]
        if not _runs(part):
            continue
        found, tried = _failure(export, part), tried + 1
        if type(found) is type(failure):
            path, module, failure = child, part.module, found
            below = _called_below(module, path, calls)
    return SmallestFailure(
        path=path,
        class_name=type(module).__name__,
        exception=type(failure).__name__,
        message=next((line.strip() for line in plain(failure).splitlines() if line.strip()), ""),
        tried=tried,
        complete=complete,
    )


def _failure(export: Export, model: LoadedModel) -> Exception | None:
    try:
        export(model)
    except Exception as error:
        return error
    return None


def _first_calls(model: LoadedModel) -> FirstCalls:
    """Each submodule by its path, with the inputs of its first call in one forward of the model."""
    import torch
    from torch.utils._pytree import tree_map_only

    found: FirstCalls = {}

    def note(path: str, module: Any, args: tuple, keywords: Inputs) -> None:
        if path not in found:
            # Copies: the module, or one after it, may write into its inputs.
            args, keywords = tree_map_only(torch.Tensor, torch.Tensor.clone, (args, keywords))
            by_position = {f"arg_{i}": arg for i, arg in enumerate(args)}
            found[path] = LoadedModel({**by_position, **keywords}, module, positional=tuple(by_position))

    def hook(path: str) -> Callable[..., None]:
        return lambda module, args, keywords: note(path, module, args, keywords)

    handles = [
        module.register_forward_pre_hook(hook(path), with_kwargs=True)
        for path, module in model.module.named_modules()
        if path
    ]
    try:
        with torch.no_grad():
            call(model.module, tensors.apply(tensors.to_torch, model.inputs), model.positional)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _called_below(module: Any, path: str, calls: FirstCalls) -> Iterator[str]:
    """The paths of the next modules below that are called; lists and dicts of modules are none themselves."""
    for name, child in module.named_children():
        below = f"{path}.{name}" if path else name
        if below in calls:
            yield below
        else:
            yield from _called_below(child, below, calls)


def _runs(part: LoadedModel) -> bool:
    import torch

    try:
        with torch.no_grad():
            call(part.module, tensors.apply(tensors.to_torch, part.inputs), part.positional)
    except Exception:
        return False
    return True
