"""How code is walked: functions, methods, classes, modules. The user's own by what stands in it, any other by name."""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from benchlib.models import _code
from benchlib.models._code import name_of
from benchlib.models._content_walk import Parts, Walk

_NOT_OF_A_CLASS = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__",
    "__annotations__", "__slotnames__", "__abstractmethods__", "_abc_impl", "__dataclass_fields__",
    "__dataclass_params__",
}  # fmt: skip
_READS = ("LOAD_GLOBAL", "LOAD_NAME")
_WITHOUT_DOCSTRING = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")


def code_object_parts(code: types.CodeType, walk: Walk) -> Parts:
    """Without its file, its lines and its docstring."""
    constants = code.co_consts
    if code.co_name not in _WITHOUT_DOCSTRING and constants and isinstance(constants[0], str):
        constants = (None, *constants[1:])
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return f"code {shape}", [code.co_code, code.co_exceptiontable, *names, *constants]


def function_parts(function: types.FunctionType, walk: Walk) -> Parts:
    function = walk.as_written(function)
    closure = [_cell(cell) for cell in function.__closure__ or ()]
    if not _code.is_users(function):
        return f"function {function.__module__}.{function.__qualname__}", closure
    own = [part for pair in sorted(vars(function).items()) for part in pair]
    held = [function.__code__, function.__defaults__, function.__kwdefaults__, *closure, *own]
    return f"function {function.__qualname__}", [*held, *_globals(function)]


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is in it yet
        return None


def _globals(function: types.FunctionType) -> Iterator[Any]:
    """The globals that a function reads, each with its name; of the user's modules the attributes that it names."""
    names = _names(function.__code__)
    for name in _read(function.__code__):
        value = function.__globals__.get(name)  # None: it is one of Python's own
        yield from (name, NamedModule(value, names) if isinstance(value, types.ModuleType) else value)


@lru_cache(maxsize=4096)
def _read(code: types.CodeType) -> tuple[str, ...]:
    """The names that code takes from its globals, those of functions inside it included, in order."""
    own = [i.argval for i in dis.get_instructions(code) if i.opname in _READS]
    inner = [name for c in code.co_consts if isinstance(c, types.CodeType) for name in _read(c)]
    return tuple(dict.fromkeys([*own, *inner]))


@lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> tuple[str, ...]:
    inner = [name for c in code.co_consts if isinstance(c, types.CodeType) for name in _names(c)]
    return tuple(dict.fromkeys([*code.co_names, *inner]))


class NamedModule:
    """A module, and the names that a function reads of it or of the modules in it."""

    def __init__(self, module: types.ModuleType, names: tuple[str, ...]):
        self.module, self.names = module, names


def named_module_parts(item: NamedModule, walk: Walk) -> Parts:
    if not _code.is_users(item.module):
        return f"module {item.module.__name__}", ()
    held = [(name, vars(item.module)[name]) for name in item.names if name in vars(item.module)]
    inner = [(n, NamedModule(v, item.names) if isinstance(v, types.ModuleType) else v) for n, v in held]
    return "module of the user", [part for pair in inner for part in pair]


def module_parts(module: types.ModuleType, walk: Walk) -> Parts:
    return f"module {module.__name__}", ()


def method_parts(method: types.MethodType, walk: Walk) -> Parts:
    return "method", [method.__func__, method.__self__]


def builtin_parts(function: Any, walk: Walk) -> Parts:
    """A function of an extension: by name, with the object that it is bound to."""
    owner = function.__self__
    bound = () if owner is None or isinstance(owner, types.ModuleType) else [owner]
    return f"builtin {getattr(function, '__module__', '')}.{function.__qualname__}", bound


def descriptor_parts(item: Any, walk: Walk) -> Parts:
    return f"descriptor {name_of(item.__objclass__)}.{item.__name__}", ()


def wrapped_parts(item: Any, walk: Walk) -> Parts:
    return name_of(type(item)), [item.__wrapped__]


def property_parts(item: property, walk: Walk) -> Parts:
    return "property", [item.fget, item.fset, item.fdel]


def class_parts(kind: type, walk: Walk) -> Parts:
    """One of the user's by what stands in it, any other by its name and the user's among its bases."""
    if not _code.is_users(kind):
        return f"class {name_of(kind)}", [base for base in kind.__mro__[1:] if _code.is_users(base)]
    held = [(name, value) for name, value in sorted(vars(kind).items()) if name not in _NOT_OF_A_CLASS]
    return f"class {kind.__qualname__}", [*kind.__bases__, *(part for pair in held for part in pair)]
