"""How code is walked: functions, methods, classes, modules. The user's own by what stands in it, any other by name."""

from __future__ import annotations

import dis
import inspect
import re
import sys
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from benchlib.models._code import is_patch, is_told_by_name, is_users, name_of, native_digest
from benchlib.models._content_sources import source_digest
from benchlib.models._content_walk import Parts, Walk

_NOT_OF_A_CLASS = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__",
    "__annotations__", "__slotnames__", "__abstractmethods__", "_abc_impl", "__dataclass_fields__",
    "__dataclass_params__",
    "_autograd_function_id",  # counted up by torch
}  # fmt: skip
_READS = ("LOAD_GLOBAL", "LOAD_NAME")
_ANY_OF_IT = {"globals", "eval", "exec", "vars"}  # by which code reads names of its module that do not stand in it
_BY_TEXT = {"import_module", "__import__"}  # by which code finds a module whose name is a text in it
# Names by which code reads files or the environment, those of packages too: `np.load`, `read_csv`, `Image.open`.
_ASKS = re.compile(
    r"(.*_)?(open|load|read)(_.*)?|imread|fromfile|from_file|loadtxt|genfromtxt|memmap|mmap|File|connect|urlopen"
    r"|listdir|scandir|iterdir|r?glob|exists|is_file|is_dir|stat|getenv|environ|getcwd|CDLL"
)
_FURTHER = ("LOAD_ATTR", "LOAD_METHOD")
_ADDRESS = re.compile(r"\d{9,}")  # in names that a decorator makes
_WITHOUT_DOCSTRING = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")


def code_object_parts(code: types.CodeType, walk: Walk) -> Parts:
    """Without its file, its lines and its docstring."""
    constants = code.co_consts
    if _has_docstring(code):
        constants = (None, *constants[1:])
    parts = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    names = (tuple(_ADDRESS.sub("", name) for name in part) for part in parts)
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return f"code {shape}", [code.co_code, code.co_exceptiontable, *names, *constants]


def _has_docstring(code: types.CodeType) -> bool:
    """Whether the first constant of code is its docstring. From Python 3.14 on a flag says so (`CO_HAS_DOCSTRING` of
    `inspect`); before, the first constant of a function without one is None."""
    if not code.co_consts or not isinstance(code.co_consts[0], str):
        return False
    if flag := getattr(inspect, "CO_HAS_DOCSTRING", 0):
        return bool(code.co_flags & flag)
    return code.co_name not in _WITHOUT_DOCSTRING


def function_parts(function: types.FunctionType, walk: Walk) -> Parts:
    function = walk.terms.as_written(function)
    name, closure = f"function {name_of(function)}", [_cell(cell) for cell in function.__closure__ or ()]
    if is_told_by_name(function):
        return name, closure
    own = [part for pair in sorted(vars(function).items()) for part in pair]
    by_name = {_ADDRESS.sub("", key): value for key, value in (function.__kwdefaults__ or {}).items()}
    held = [function.__code__, function.__defaults__, by_name, *closure, *own]
    if not is_users(function):  # what it reads of its package is as it is in this version
        return name, held
    walk.asks = walk.asks or any(map(_ASKS.fullmatch, _names(function.__code__)))
    whole = [_whole(function.__globals__, walk)] if _ANY_OF_IT & {*_read(function.__code__)} else []
    return name, [*held, *_globals(function, walk), *_imported(function), *whole]


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is in it yet
        return None


def _globals(function: types.FunctionType, walk: Walk) -> Iterator[Any]:
    """The globals that a function reads, each with its name; of modules what it names there, and of one of the user's
    that it passes on (as to `getattr`), or finds by its name, all that is in it."""
    code = function.__code__
    names, passed_on = _names(code), _passed_on(code)
    for name in _read(code):
        value = function.__globals__.get(name)  # None: it is one of Python's own
        whole = name in passed_on and isinstance(value, types.ModuleType) and is_users(value)
        yield from (_ADDRESS.sub("", name), value if whole else _named(value, names, walk))
    if not _BY_TEXT.isdisjoint(names) or {"sys", "modules"} <= {*names}:
        for name in names:
            module = sys.modules.get(name)
            if module is not None and is_users(module):
                yield from (name, module)


@lru_cache(maxsize=4096)
def _read(code: types.CodeType) -> tuple[str, ...]:
    """The names that code takes from its globals, those of functions inside it included, in order."""
    own = [i.argval for i in dis.get_instructions(code) if i.opname in _READS]
    inner = [name for c in code.co_consts if isinstance(c, types.CodeType) for name in _read(c)]
    return tuple(dict.fromkeys([*own, *inner]))


@lru_cache(maxsize=4096)
def _passed_on(code: types.CodeType) -> frozenset[str]:
    """The globals that code does more with than to read their attributes."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("EXTENDED_ARG", "PRECALL")]
    own = {
        step.argval
        for step, following in zip(steps, [*steps[1:], None], strict=True)
        if step.opname in _READS
        and (following is None or following.opname not in _FURTHER or following.argval == "__dict__")
    }
    return frozenset(own).union(*(_passed_on(c) for c in code.co_consts if isinstance(c, types.CodeType)))


@lru_cache(maxsize=4096)
def _names(code: types.CodeType) -> tuple[str, ...]:
    """All names in code, those included that it may ask `getattr` for."""
    asked = [text for text in code.co_consts if isinstance(text, str) and text.replace(".", "").isidentifier()]
    inner = [name for c in code.co_consts if isinstance(c, types.CodeType) for name in _names(c)]
    return tuple(dict.fromkeys([*code.co_names, *asked, *inner]))


def _imported(function: types.FunctionType) -> Iterator[str]:
    """What a function imports when it is called, each with the digest of its source where that is the user's."""
    package = function.__globals__.get("__package__") or ""
    for level, name, parts in _imports(function.__code__):
        yield from (name, source_digest(level, name, parts, package))


@lru_cache(maxsize=4096)
def _imports(code: types.CodeType) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """The imports in code, those of functions inside it included: the dots before the name, the name, and the names
    that are taken from it."""
    steps = list(dis.get_instructions(code))
    own = [
        (level.argval, step.argval, tuple(taken.argval or ()))
        for level, taken, step in zip(steps, steps[1:], steps[2:], strict=False)
        if step.opname == "IMPORT_NAME"
    ]
    return (*own, *(found for c in code.co_consts if isinstance(c, types.CodeType) for found in _imports(c)))


class WholeNamespace:
    """The globals of one of the user's modules, of which code may read any."""

    def __init__(self, namespace: dict[str, Any]):
        self.namespace = namespace


def whole_namespace_parts(item: WholeNamespace, walk: Walk) -> Parts:
    held = [(name, value) for name, value in sorted(item.namespace.items()) if not name.startswith("__")]
    return "namespace", [part for pair in held for part in pair]


class NamedModule:
    """A module, and the names that a function reads of it or of the modules in it."""

    def __init__(self, module: types.ModuleType, names: tuple[str, ...]):
        self.module, self.names = module, names


def _whole(namespace: dict[str, Any], walk: Walk) -> WholeNamespace:
    return walk.stand_ins.setdefault(id(namespace), WholeNamespace(namespace))


def _named(value: Any, names: tuple[str, ...], walk: Walk) -> Any:
    """What stands for a value of which a function reads these names: for a module one object on each walk."""
    if not isinstance(value, types.ModuleType):
        return value
    return walk.stand_ins.setdefault((value, names), NamedModule(value, names))


def named_module_parts(item: NamedModule, walk: Walk) -> Parts:
    """One of the user's by what is named of it; any other by its name, and by what the user put there."""
    held = [(name, vars(item.module)[name]) for name in item.names if name in vars(item.module)]
    if native := native_digest(item.module):
        return native, ()
    if is_users(item.module):
        text = "module of the user"
    else:
        text = f"module {item.module.__name__}"
        held = [(name, value) for name, value in held if isinstance(value, types.ModuleType) or is_patch(value)]
    return text, [part for name, value in held for part in (name, _named(value, item.names, walk))]


def module_parts(module: types.ModuleType, walk: Walk) -> Parts:
    """A module that an object holds: all that stands in one of the user's may be read."""
    if native := native_digest(module):
        return native, ()
    if not is_users(module):
        return f"module {module.__name__}", ()
    held = [(name, value) for name, value in sorted(vars(module).items()) if not name.startswith("__")]
    return "module of the user", [part for pair in held for part in pair]


def method_parts(method: types.MethodType, walk: Walk) -> Parts:
    return "method", [method.__func__, method.__self__]


def builtin_parts(function: Any, walk: Walk) -> Parts:
    """A function of an extension: by name, with the object that it is bound to."""
    owner = function.__self__
    bound = () if owner is None or isinstance(owner, types.ModuleType) else [owner]
    name = f"builtin {getattr(function, '__module__', '')}.{function.__qualname__}"
    return f"{name} {_native(function)}".rstrip(), bound if not _native(function) else ()


def descriptor_parts(item: Any, walk: Walk) -> Parts:
    return f"descriptor {name_of(item.__objclass__)}.{item.__name__}", ()


def wrapped_parts(item: Any, walk: Walk) -> Parts:
    return name_of(type(item)), [item.__wrapped__]


def cached_parts(item: Any, walk: Walk) -> Parts:
    """A function whose results are kept: what it kept already, nobody can see."""
    if item.cache_info().currsize and is_users(item.__wrapped__):
        walk.hides = True
    return wrapped_parts(item, walk)


def property_parts(item: property, walk: Walk) -> Parts:
    return "property", [item.fget, item.fset, item.fdel]


def class_parts(kind: type, walk: Walk) -> Parts:
    """One that its name tells by that, its bases and what the user put into it; any other by what stands in it."""
    if is_told_by_name(kind):
        held = [(name, value) for name, value in sorted(vars(kind).items()) if is_patch(value)]
    else:
        held = [(name, value) for name, value in sorted(vars(kind).items()) if name not in _NOT_OF_A_CLASS]
    parts = [type(kind), *kind.__bases__, *(part for pair in held for part in pair)]
    return f"class {name_of(kind)} {_native(kind)}".rstrip(), parts


def _native(item: Any) -> str:
    """What stands for the compiled extension of the user's that a class or function is in; "" where it is in none."""
    module = sys.modules.get(getattr(item, "__module__", None) or "")
    return native_digest(module) if module is not None else ""
