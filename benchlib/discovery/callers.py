"""Who calls a module: the script, a library for it, or a tool for which a module is no model."""

from __future__ import annotations

import enum
import itertools
import sys
from collections.abc import ValuesView
from pathlib import Path
from typing import Any

from benchlib.discovery import names

# Code of torch whose calls are no calls of a model: a trace, a weight that is computed from another.
_TOOLS = ("torch.jit._trace", "torch.nn.utils.parametrize")
_OBSERVERS = "torch.ao.quantization"  # its observers and its fake quantization
_HERE = str(Path(__file__).parent)


class Caller(enum.Enum):
    """Whose code it is that calls. What torch and Python call, they call for somebody: threads, `functional_call`."""

    SCRIPT = enum.auto()
    LIBRARY = enum.auto()
    TOOL = enum.auto()


def caller_of(module: Any, script: str) -> Caller:
    """Who makes the call of a module that is under way."""
    observes = any(kind.__module__.startswith(_OBSERVERS) for kind in type(module).__mro__)
    frame = sys._getframe(1)
    while frame is not None:
        name, file = frame.f_globals.get("__name__") or "", frame.f_code.co_filename
        if names.is_users(file, script):
            return Caller.SCRIPT
        if name in _TOOLS or (observes and name.startswith("torch.ao.")):
            return Caller.TOOL
        passes_on = file.startswith(("<", _HERE)) or name.partition(".")[0] == "torch" or names.is_of_python(file)
        if not passes_on:
            return Caller.LIBRARY
        frame = frame.f_back
    return Caller.SCRIPT


def is_libraries(value: Any) -> bool:
    """Whether an installed package defines the class of a module, or of an error."""
    return not names.is_users(getattr(sys.modules.get(type(value).__module__), "__file__", None) or "", "")


def is_error(raised: Exception) -> bool:
    """Whether something went wrong. An exception of the user's own may be a way to end a call where it is enough."""
    return type(raised).__module__ == "builtins" or is_libraries(raised)


def holder_of(modules: tuple[Any, ...], kind: type) -> tuple[Any, str]:
    """The module of class `kind` that holds the last of `modules` and a method of which is under way, and the name of
    the method: the nearest module, and the outermost of its methods. What the module is wrapped in, before it in
    `modules`, is none. (None, "") without one."""
    holder, method, frame = None, "", sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        own = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        if holder is None and isinstance(own, kind) and all(own is not one for one in modules):
            holder = own if holds(own, modules[-1]) else None
        if holder is not None and own is holder:
            method = code.co_name
        frame = frame.f_back
    return holder, method


def holds(module: Any, part: Any) -> bool:
    """Whether `part` is a module, or a part of it at any depth, or in a plain list or dict of it."""
    kept = (value.values() if isinstance(value, dict) else value for value in list(vars(module).values()))
    lists = (list(value) for value in kept if isinstance(value, (list, tuple, ValuesView)))
    return any(part is one for one in itertools.chain(module.modules(), *lists))
