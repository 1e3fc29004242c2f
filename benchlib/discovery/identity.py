"""What makes two invocations one: what the module holds, and what it is called with."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchlib.models._content_walk import Content

Original = Callable[[types.FunctionType], types.FunctionType]  # of a function as it was written
CallInputs = dict[str, Any]  # the arguments of one call by name: tensors, or whatever a script gives
_DEEPEST = 5  # nesting of inputs that is looked into
_WIDEST = 64  # items of a sequence


def likeness(module: Any, as_written: Original) -> str:
    """What instances have in common that differ in their weights alone: code, configuration, and the dtypes and shapes
    of their tensors. `as_written` gives functions as they are without a watch."""
    from benchlib.models import _content  # takes numpy

    return _content.digest(module, values=False, as_written=as_written)


def content_of(module: Any, inputs: CallInputs, positional: int, depth: int, as_written: Original) -> Content:
    """The content of an invocation, whose digest is its hash: of the module, weights included, and of what it is called
    with. The inputs of a child are computed by its parent: numbers with a fraction count by their shapes and dtypes,
    all others by their values."""
    from benchlib.models import _content, _given

    if depth:
        exact = [*_exact(list(inputs.values()))]
        return _content.content_of(module, inputs_text(inputs), exact, as_written=as_written)
    return _given.content_of(module, inputs, list(inputs)[:positional], as_written)


def class_of(module: Any, main: str) -> str:
    """`torch.nn.modules.linear.Linear`; what the script itself defines belongs to `main`."""
    kind = type(module)
    name = getattr(module, "original_name", kind.__qualname__) if "ScriptModule" in _bases(kind) else kind.__qualname__
    place = main if kind.__module__ in ("__main__", "__mp_main__") else kind.__module__
    return f"{place}.{name}" if place else name


def parameters(module: Any) -> tuple[list[str], str]:
    """The names of what `forward` takes by position, and of its `*args` ("" without)."""
    forward = module.forward
    if hasattr(forward, "schema"):  # of a ScriptModule
        return [argument.name for argument in forward.schema.arguments[1:]], ""  # the first is the module itself
    try:
        given = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return [], "x"
    rest = next((p.name for p in given if p.kind is p.VAR_POSITIONAL), "")
    return [p.name for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)], rest


def named(takes: tuple[list[str], str], args: tuple, kwargs: CallInputs) -> CallInputs:
    """The inputs by name, those by position first; what comes beyond the known names is numbered."""
    names, rest = takes
    extra = [f"{rest or 'x'}_{i}" for i in range(len(args) - len(names))]
    return dict(zip([*names, *extra], args, strict=False)) | dict(kwargs)


def inputs_text(inputs: CallInputs) -> str:
    """`x: float32[1×10], mask: None`; in the order of their names' first appearance."""
    return ", ".join(f"{name}: {text_of(value)}" for name, value in inputs.items())


def _exact(value: Any, depth: int = 0) -> Iterator[Any]:
    """The whole numbers and truth values among inputs, those in tensors too."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if str(value.dtype).removeprefix("torch.").startswith(("int", "uint", "bool")):
            yield value
    elif isinstance(value, int):
        yield value
    elif depth < _DEEPEST and isinstance(value, Mapping | list | tuple):
        for held in value.values() if isinstance(value, Mapping) else value[:_WIDEST]:
            yield from _exact(held, depth + 1)


def text_of(value: Any, depth: int = 0) -> str:
    """A tensor by dtype and shape, a number by its kind, what switches a branch (bool, text, None) by its value; of
    other objects their class and the tensors that they hold (caches, graphs)."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{str(value.dtype).removeprefix('torch.')}[{'×'.join(map(str, value.shape))}]"
    if value is None or isinstance(value, (bool, str)):
        return repr(value)[:80]
    if isinstance(value, (int, float, complex)) or depth >= _DEEPEST:
        return type(value).__name__
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {text_of(v, depth + 1)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        more = f", {len(value)} in all" if len(value) > _WIDEST else ""
        return "[" + ", ".join(text_of(v, depth + 1) for v in value[:_WIDEST]) + more + "]"
    return f"{type(value).__name__}({_held_tensors(value, depth)})"


def _held_tensors(value: Any, depth: int) -> str:
    """The attributes of an object that are tensors, or hold some."""
    held = [(n, text_of(v, depth + 1)) for n, v in getattr(value, "__dict__", {}).items() if n[:2] != "__"]
    return ", ".join(f"{n.lstrip('_')}: {t}" for n, t in held if "[" in t and "]" in t)


def _bases(kind: type) -> set[str]:
    return {base.__name__ for base in kind.__mro__}
