"""What a script changes of a model between two of its calls, noticed at little cost: a training loop has thousands.

What a model does to itself while it is called is none of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_NUMBERS = (int, float, complex)
_FUNCTIONS = ("function", "method", "builtin_function_or_method", "partial")


@dataclass(frozen=True)
class State:
    """Figures of a module; where two differ, it was changed."""

    structure: int  # its parts, the shapes and dtypes of its tensors, what switches its branches, its hooks
    numbers: int  # that it holds
    weights: int  # where its tensors are, and how often they were written
    trains: bool


def state_of(module: Any) -> State:
    """The state of a module and its parts, as far as it can be seen from outside."""
    structure: list[Any] = []
    numbers: list[Any] = []
    weights: list[Any] = []
    for part in module.modules():
        held = vars(part)
        structure += (id(type(part)), len(held.get("_forward_hooks", ())), len(held.get("_forward_pre_hooks", ())))
        for tensors in (held.get("_parameters"), held.get("_buffers")):
            for name, tensor in (tensors or {}).items():
                if tensor is not None:
                    structure += (name, tensor.shape, tensor.dtype)
                    weights.append(_place_of(tensor))
        for name, value in held.items():
            kind = type(value)
            if name == "training":
                continue
            if kind is bool or kind is str or value is None:
                structure += (name, value)
            elif kind in _NUMBERS:
                numbers += (name, value)
            elif kind.__name__ in _FUNCTIONS:
                structure += (name, id(getattr(value, "__func__", value)))
    return State(hash(tuple(structure)), hash(tuple(numbers)), hash(tuple(weights)), bool(module.training))


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
