"""What a script changes of a model between two of its calls, noticed at little cost: a training loop has thousands.

What a model does to itself while it is called is none of that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_NUMBERS = (int, float, complex)
_FUNCTIONS = ("function", "method", "builtin_function_or_method", "partial")
_ATOMS = (bool, str, int, float, complex, type(None))
_DEEP, _LONG = 4, 256  # how deep a configuration goes, and how many values an object of it holds at the most


@dataclass(frozen=True)
class State:
    """Figures of a module; where two differ, it was changed."""

    structure: int  # its parts, the shapes and dtypes of its tensors, what switches its branches, its hooks, its modes
    numbers: int  # that it and its configurations hold
    weights: int  # where its tensors are, and how often they were written
    trains: bool


def state_of(module: Any) -> State:
    """The state of a module and its parts, as far as it can be seen from outside. That all of it goes into training or
    into evaluation makes no other model of it; that a part of it does makes one."""
    structure: list[Any] = []
    numbers: list[Any] = []
    weights: list[Any] = []
    parts = list(module.modules())
    modes = [part.training for part in parts]
    if len(set(modes)) > 1:
        structure += modes
    for part in parts:
        held = vars(part)
        structure += (id(type(part)), len(held.get("_forward_hooks", ())), len(held.get("_forward_pre_hooks", ())))
        for tensors in (held.get("_parameters"), held.get("_buffers")):
            for name, tensor in (tensors or {}).items():
                if tensor is not None:
                    structure += (name, tensor.shape, tensor.dtype)
                    weights.append(_place_of(tensor))
    for name, value in _values_of(parts):
        kind = type(value)
        if kind is bool or kind is str or value is None:
            structure += (name, value)
        elif kind in _NUMBERS:
            numbers += (name, value)
        elif kind.__name__ in _FUNCTIONS:
            structure += (name, id(getattr(value, "__func__", value)))
    return State(hash(tuple(structure)), hash(tuple(numbers)), hash(tuple(weights)), bool(module.training))


def _values_of(parts: list[Any]) -> Iterator[tuple[str, Any]]:
    """What modules hold by a name, and what their configurations hold."""
    import torch

    of_torch = frozenset(vars(torch.nn.Module()))
    seen = set()
    for part in parts:
        for name, value in vars(part).items():
            if name in of_torch:
                continue
            yield name, value
            if not isinstance(value, _ATOMS) and id(value) not in seen:
                seen.add(id(value))
                yield from _plain_values(name, value, _DEEP) or ()


def _plain_values(name: str, value: Any, deep: int) -> list[tuple[str, Any]] | None:
    """The values of a configuration: an object, a mapping or a list that holds nothing but values, however deep. None:
    it holds more than that, as a trainer does."""
    if isinstance(value, _ATOMS):
        return [(name, value)]
    if type(value).__module__ == "torch" and type(value).__name__ in ("dtype", "device"):
        return [(name, str(value))]
    if isinstance(value, os.PathLike):
        return [(name, os.fspath(value))]
    held = _held_by(value)
    if held is None or deep == 0 or len(held) > _LONG:
        return None
    found: list[tuple[str, Any]] = []
    for inner, one in held:
        plain = _plain_values(f"{name}.{inner}", one, deep - 1)
        if plain is None:
            return None
        found += plain
    return found


def _held_by(value: Any) -> list[tuple[str, Any]] | None:
    """What an object holds, by its names. None: of a class, a tensor, or code nothing is known."""
    if isinstance(value, dict):
        return [(str(key), one) for key, one in value.items()]
    if isinstance(value, list | tuple):
        return [(str(place), one) for place, one in enumerate(value)]
    if isinstance(value, type) or callable(value) or hasattr(value, "__torch_function__"):
        return None
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if hasattr(value, name)]
    names = {**getattr(value, "__dict__", {}), **{name: getattr(value, name) for name in slots}}
    return list(names.items()) or None


def words(before: State, now: State) -> str:
    """What was changed that makes no row of its own; "" for nothing. That weights change is what training does."""
    said = ["numbers that it holds were"] if before.numbers != now.numbers else []
    said += ["its weights were"] if before.weights != now.weights and not (before.trains or now.trains) else []
    return " and ".join(said)


def numbers_of(inputs: dict[str, Any]) -> dict[str, Any]:
    """The numbers among the inputs of a call, which may steer it, and the tensors that hold one alone."""
    found = {}
    for name, value in inputs.items():
        if type(value) in _NUMBERS:
            found[name] = value
        elif getattr(value, "shape", None) == () and str(getattr(value, "device", "cpu")) == "cpu":
            try:
                found[name] = value.item()
            except Exception:  # a tensor of a transform, which holds none
                continue
    return found


def _place_of(tensor: Any) -> Any:
    try:
        return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
    except Exception:  # a tensor without memory of its own
        return None
