"""The digest of an object by what it holds: two objects have one digest when they would compute the same.

    digest(module, inputs)      16 hexadecimal digits, the same in every process

What is saved is not hashed as it is saved: the bytes of a pickle change with interned strings, the order of sets and
the numbers of lines. The object is walked instead, as `joblib.hash` walks it: tensors by content, code by bytecode,
constants and names, functions with their closures, defaults and the globals that they read, the user's classes by what
stands in them, and everything else by what it would be pickled from. Of installed packages names alone count, as their
versions are recorded elsewhere.

To be the same everywhere it leaves out addresses, hashes that Python salts, and the time at which this process ran.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import io
import os
import pickletools
import re
import time
import types
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchlib import structures
from benchlib.models import _code, _facts

LENGTH = 16  # hexadecimal digits of a digest
_VALUES = (bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented))
_PLAIN = {bool, int, str, bytes, type(None)}
_EQUAL_BY_VALUE = (tuple, frozenset, types.CodeType, slice, range)  # whether two are one object says nothing
# Salted by Python; what loading sets itself; what is compiled in place, which is not saved.
_LEFT_OUT = {"_original_object_hash", "training", "_compiled_call_impl"}
_NOT_OF_A_CLASS = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__", "__static_attributes__",
    "__annotations__", "__slotnames__", "__abstractmethods__", "_abc_impl", "__dataclass_fields__",
    "__dataclass_params__",
}  # fmt: skip
_HOOKS = re.compile(r"_\w*hooks")
_FLAGS = re.compile(r"_\w*hooks_\w+")  # which of the hooks want more, by their numbers
_MANGLED = re.compile(r"___torch_mangle_\d+\.?")  # a number that a process gives to what it compiles
_LINE = re.compile(r" # \S+:\d+:\d+")  # of the source, behind an operation
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")
_READS = ("LOAD_GLOBAL", "LOAD_NAME")
_WITHOUT_DOCSTRING = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")

Parts = tuple[str, Iterable[Any]]  # what an object says of itself, and the objects that it holds, in order


Original = Callable[[types.FunctionType], types.FunctionType]


def as_it_is(function: types.FunctionType) -> types.FunctionType:
    return function


def digest(*objects: Any, values: bool = True, as_written: Original = as_it_is) -> str:
    """The digest of some objects, in order. Without `values` tensors and arrays count by dtype and shape alone.
    `as_written` gives for a function the one that counts."""
    return _Walk(values, as_written, {}).run(objects)


class _Walk:
    """One walk, without recursion: what an object holds waits for its turn."""

    def __init__(self, values: bool, as_written: Original, seen: dict[int, int]):
        self._values, self.as_written, self._seen = values, as_written, seen
        self._hash = hashlib.sha256()
        self._held: list[Any] = []  # lives as long as the walk: a number of an object is not given twice

    def run(self, objects: Iterable[Any]) -> str:
        waiting = list(objects)[::-1]
        while waiting:
            item = waiting.pop()
            kind = type(item)  # not `isinstance`: an object may answer for its class, or refuse to
            if issubclass(kind, _VALUES):
                self._say(_value(item))
                continue
            if not issubclass(kind, _EQUAL_BY_VALUE):
                if id(item) in self._seen:
                    self._say(f"again {self._seen[id(item)]}")
                    continue
                self._seen[id(item)] = len(self._seen)
            text, parts = _walked(kind)(item, self)  # type: ignore[arg-type]  # types are hashable
            inner = list(parts)
            self._held += [item, inner]
            self._say(f"{text} {len(inner)}")
            waiting += reversed(inner)
        return self._hash.hexdigest()[:LENGTH]

    def unordered(self, items: Iterable[Any]) -> list[str]:
        """The digests of objects whose order says nothing, sorted."""
        return sorted(_Walk(self._values, self.as_written, dict(self._seen)).run([item]) for item in items)

    def add_tensor(self, tensor: Any) -> None:
        if self._values:
            _facts.add_bytes(self._hash, tensor)

    def add_array(self, array: Any) -> None:
        if self._values:
            _facts.add_array_bytes(self._hash, array)

    def saved(self, name: str, content: bytes) -> list[Any]:
        """A file of what `torch.jit.save` writes, as far as it says what is computed."""
        if name.endswith((".debug_pkl", "version", "serialization_id", "byteorder")):
            return []
        name = _MANGLED.sub("", name)
        if name.endswith(".pkl"):
            operations = [(code.name, argument) for code, argument, _ in pickletools.genops(content)]
            return [name, [(code, _unmangled(argument)) for code, argument in operations]]
        if name.endswith(".py"):
            return [name, _MANGLED.sub("", content.decode())]
        return [name, content if self._values else len(content)]

    def _say(self, text: str) -> None:
        data = text.encode(errors="surrogatepass")
        self._hash.update(b"%d:" % len(data))
        self._hash.update(data)


# -- values ------------------------------------------------------------------------------------------------------------


def _value(item: Any) -> str:
    kind = type(item)
    if kind in (int, float) and _is_of_this_run(item):
        return f"{kind.__name__} of the clock"
    if kind is bytes:
        return f"bytes {hashlib.sha256(item).hexdigest()}"
    return f"{_name(kind)} {_ADDRESS.sub('', repr(item)) if kind not in _PLAIN else repr(item)}"


def _is_of_this_run(number: float) -> bool:
    """Whether a number is a time between the start of this process and now, in seconds or nanoseconds since 1970."""
    begin, now = _began() - 1, time.time() + 1
    return begin <= number <= now or begin * 1e9 <= number <= now * 1e9


@functools.cache
def _began() -> float:
    """When this process started, in seconds since 1970."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def _moment(item: Any, walk: _Walk) -> Parts:
    return ("the clock", ()) if _is_of_this_run(item.timestamp()) else _object(item, walk)


def _sequence(item: Any, walk: _Walk) -> Parts:
    name = _name(type(item))
    if {type(part) for part in item} <= _PLAIN and not any(type(p) is int and _is_of_this_run(p) for p in item):
        return f"{name} {list(item)!r}", ()  # a vocabulary, at once
    return name, list(item)


def _list(item: Any, walk: _Walk) -> Parts:
    return _sequence(item, walk) if type(item) is list else _object(item, walk)


def _dict(item: Any, walk: _Walk) -> Parts:
    if type(item) is not dict:
        return _object(item, walk)
    return "dict", [part for pair in item.items() for part in pair]


def _mapping(item: Any, walk: _Walk) -> Parts:
    return "mapping", [dict(item)]


def _set(item: Any, walk: _Walk) -> Parts:
    return _name(type(item)), walk.unordered(item)


def _text(item: Any, walk: _Walk) -> Parts:
    return f"{_name(type(item))} {item}", ()


# -- code --------------------------------------------------------------------------------------------------------------


def _unmangled(value: Any) -> Any:
    return _MANGLED.sub("", value) if isinstance(value, str) else value


def _code_object(code: types.CodeType, walk: _Walk) -> Parts:
    """Without its file, its lines and its docstring."""
    constants = code.co_consts
    if code.co_name not in _WITHOUT_DOCSTRING and constants and isinstance(constants[0], str):
        constants = (None, *constants[1:])
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return f"code {shape}", [code.co_code, code.co_exceptiontable, *names, *constants]


def _function(function: types.FunctionType, walk: _Walk) -> Parts:
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
        yield from (name, _Named(value, names) if isinstance(value, types.ModuleType) else value)


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


class _Named:
    """A module, and the names that a function reads of it or of the modules in it."""

    def __init__(self, module: types.ModuleType, names: tuple[str, ...]):
        self.module, self.names = module, names


def _named(item: _Named, walk: _Walk) -> Parts:
    if not _code.is_users(item.module):
        return f"module {item.module.__name__}", ()
    held = [(name, vars(item.module)[name]) for name in item.names if name in vars(item.module)]
    inner = [(n, _Named(v, item.names) if isinstance(v, types.ModuleType) else v) for n, v in held]
    return "module of the user", [part for pair in inner for part in pair]


def _module(module: types.ModuleType, walk: _Walk) -> Parts:
    return f"module {module.__name__}", ()


def _method(method: types.MethodType, walk: _Walk) -> Parts:
    return "method", [method.__func__, method.__self__]


def _builtin(function: Any, walk: _Walk) -> Parts:
    """A function of an extension: by name, with the object that it is bound to."""
    owner = function.__self__
    bound = () if owner is None or isinstance(owner, types.ModuleType) else [owner]
    return f"builtin {getattr(function, '__module__', '')}.{function.__qualname__}", bound


def _descriptor(item: Any, walk: _Walk) -> Parts:
    return f"descriptor {_name(item.__objclass__)}.{item.__name__}", ()


def _wrapped(item: Any, walk: _Walk) -> Parts:
    return _name(type(item)), [item.__wrapped__]


def _property(item: property, walk: _Walk) -> Parts:
    return "property", [item.fget, item.fset, item.fdel]


def _class(kind: type, walk: _Walk) -> Parts:
    """One of the user's by what stands in it, any other by its name and the user's among its bases."""
    if not _code.is_users(kind):
        return f"class {_name(kind)}", [base for base in kind.__mro__[1:] if _code.is_users(base)]
    held = [(name, value) for name, value in sorted(vars(kind).items()) if name not in _NOT_OF_A_CLASS]
    return f"class {kind.__qualname__}", [*kind.__bases__, *(part for pair in held for part in pair)]


# -- objects -----------------------------------------------------------------------------------------------------------


def _object(item: Any, walk: _Walk) -> Parts:
    """Any object: what it would be pickled from. One that cannot be pickled is its class, and its attributes."""
    kind, parts = type(item), None
    with suppress(Exception):
        reduce = copyreg.dispatch_table.get(kind)
        parts = reduce(item) if reduce else item.__reduce_ex__(2)
    if isinstance(parts, str):
        return f"named {kind.__module__}.{parts}", ()
    if not isinstance(parts, tuple):
        return f"opaque {_name(kind)}", [kind, *_state(_attributes(item))]
    made, arguments, state, items, entries = (*parts, None, None, None)[:5]
    inner = [made, arguments, *_state(state), *(items or ())]
    return f"object {_name(kind)}", [*inner, *(part for pair in entries or () for part in pair)]


def _attributes(item: Any) -> Any:
    try:
        return vars(item)
    except Exception:  # it has none, or answers no questions here, as flask's `request`
        return None


def _state(state: Any) -> list[Any]:
    """The attributes of an object by name; in which order they were set says nothing."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # with slots
        return [*_state(state[0]), *_state(state[1])]
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        return [state]
    return [part for name in sorted(set(state) - _LEFT_OUT) for part in (name, state[name])]


def _torch_module(module: Any, walk: _Walk) -> Parts:
    """A `torch.nn.Module` by its class and its attributes."""
    held = vars(module)
    if (original := held["_modules"].get("_orig_mod")) is not None:  # of `torch.compile`
        return "compiled", [original]
    state = {name: value for name, value in held.items() if not _HOOKS.fullmatch(name) and not _FLAGS.fullmatch(name)}
    if any(base.__name__ == "GraphModule" for base in type(module).__mro__):
        state = {name: value for name, value in state.items() if name in ("_parameters", "_buffers", "_modules")}
        state["code"] = module.code
    hooks = {name: _hooks(name, held) for name in held if _HOOKS.fullmatch(name)}
    state |= {name: value for name, value in hooks.items() if value}
    return f"module {_name(type(module))}", [type(module), *_state(state)]


def _hooks(name: str, held: Mapping[str, Any]) -> list[Any]:
    """The hooks of one kind in their order; the numbers that they are kept under are those of a process."""
    if not isinstance(held[name], Mapping):
        return [held[name]] if held[name] else []
    flags = [held[other] for other in sorted(held) if _FLAGS.fullmatch(other) and other.startswith(f"{name}_")]
    return [(hook, *(number in flag for flag in flags)) for number, hook in held[name].items()]


def _script_module(module: Any, walk: _Walk) -> Parts:
    """A ScriptModule by what torch saves of it: code, attributes, tensors. The numbers that a process gives to what it
    compiles are left out, as are lines and files."""
    import torch

    written = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that of its deprecation, which is no affair of the user's here
            torch.jit.save(module, written)
    except RuntimeError:  # one that can be called and not be saved, as with a default of None where a tensor belongs
        text = module._c.dump_to_str(code=True, attrs=False, params=False)
        return f"script module {_unmangled(_LINE.sub('', text))}", list(module.state_dict().items())
    with zipfile.ZipFile(written) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    return "script module", [part for name in sorted(files) for part in walk.saved(name, files[name])]


def _script_function(function: Any, walk: _Walk) -> Parts:
    return f"script function {_MANGLED.sub('', function.code)}", ()


def _script_object(item: Any, walk: _Walk) -> Parts:
    """What an object of a class of torch's own is pickled from: packed quantised weights are one."""
    return "script object", [item.__getstate__()]


def _tensor(tensor: Any, walk: _Walk) -> Parts:
    """A tensor by its class, dtype, shape, strides and content; one that is no dense one of torch's own by what it is
    made of."""
    parts, builder = structures.special_parts(tensor) if structures.is_special(tensor) else ({}, None)
    if parts:
        return f"{_name(type(tensor))} {tensor.dtype} {tensor.layout}", [builder, dict(parts)]
    own = [part for pair in sorted(vars(tensor).items()) for part in pair] if hasattr(tensor, "__dict__") else []
    text = f"{_name(type(tensor))} {tensor.dtype} {tuple(tensor.shape)} {tensor.device.type} {tensor.layout}"
    if tensor.is_quantized:
        return text, [tensor.int_repr(), *_quantised_by(tensor), *own]
    walk.add_tensor(tensor)
    return f"{text} {tensor.stride()}", own


def _quantised_by(tensor: Any) -> list[Any]:
    scheme = str(tensor.qscheme())
    if "channel" in scheme:
        return [scheme, tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points(), tensor.q_per_channel_axis()]
    return [scheme, tensor.q_scale(), tensor.q_zero_point()]


def _torch_generator(item: Any, walk: _Walk) -> Parts:
    return "generator", [item.get_state()]


def _array(array: Any, walk: _Walk) -> Parts:
    if array.dtype.hasobject:
        return f"array {array.shape}", array.ravel().tolist()
    walk.add_array(array)
    return f"array {array.dtype} {array.shape}", ()


def _name(kind: type) -> str:
    """The name of a class; of the user's own without the module that it is in today."""
    return kind.__qualname__ if _code.is_users(kind) else f"{kind.__module__}.{kind.__qualname__}"


Walked = Callable[[Any, _Walk], Parts]
# How the objects of a class are walked, by its name and the package that it is from: neither torch nor numpy need be
# there.
_BY_CLASS: Mapping[str, Walked] = {
    "builtins.dict": _dict,
    "builtins.list": _list,
    "builtins.tuple": _sequence,
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.mappingproxy": _mapping,
    "builtins.code": _code_object,
    "builtins.function": _function,
    "builtins.method": _method,
    "builtins.builtin_function_or_method": _builtin,
    "builtins.method-wrapper": _builtin,
    "builtins.method_descriptor": _descriptor,
    "builtins.wrapper_descriptor": _descriptor,
    "builtins.getset_descriptor": _descriptor,
    "builtins.member_descriptor": _descriptor,
    "builtins.classmethod_descriptor": _descriptor,
    "builtins.classmethod": _wrapped,
    "builtins.staticmethod": _wrapped,
    "functools._lru_cache_wrapper": _wrapped,
    "builtins.property": _property,
    "builtins.module": _module,
    "builtins.type": _class,
    "benchlib._Named": _named,
    "datetime.datetime": _moment,
    "numpy.ndarray": _array,
    "torch.ScriptModule": _script_module,
    "torch.ScriptFunction": _script_function,
    "torch.ScriptObject": _script_object,
    "torch.Module": _torch_module,
    "torch.Tensor": _tensor,
    "torch.Generator": _torch_generator,
    **dict.fromkeys(
        ["torch.dtype", "torch.device", "torch.layout", "torch.memory_format", "torch.OpOverload",
         "torch.OpOverloadPacket"],
        _text,
    ),
}  # fmt: skip


@lru_cache(maxsize=4096)
def _walked(kind: type) -> Walked:
    names = (f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in kind.__mro__)
    return next((_BY_CLASS[name] for name in names if name in _BY_CLASS), _object)
