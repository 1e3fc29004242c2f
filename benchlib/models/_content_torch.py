"""How the objects of torch and numpy are walked: modules, what is compiled from them, tensors, arrays, generators."""

from __future__ import annotations

import io
import operator
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from benchlib import structures
from benchlib.models._code import name_of
from benchlib.models._content_objects import object_parts, state_parts
from benchlib.models._content_walk import Parts, Walk

_HOOKS = re.compile(r"_\w*hooks")
_FLAGS = re.compile(r"_\w*hooks_\w+")  # which of the hooks want more, by their numbers
_MANGLED = re.compile(r"___torch_mangle_\d+\.?")  # a number that a process gives to what it compiles
_COMPILED = "_compiled_call_impl"  # what is compiled in place, which is not saved
_MANGLED_FOLDER = re.compile(r"/___torch_mangle_\d+")  # the same in the name of a file
_DEFINITION = re.compile(r"^(?=def |class )", re.MULTILINE)
_CONSTANTS = re.compile(r"(?:^  \w+ : Final\[.*\n)+", re.MULTILINE)  # of a class, which torch writes as a set has them
_LINE = re.compile(r" # \S+:\d+:\d+")  # of the source, behind an operation


def module_parts(module: Any, walk: Walk) -> Parts:
    """A `torch.nn.Module` by its class and its attributes."""
    kind, held = type(module), vars(module)
    if (original := held["_modules"].get("_orig_mod")) is not None:  # of `torch.compile`
        return "compiled", [original]
    state = {name: value for name, value in held.items() if not _HOOKS.fullmatch(name) and not _FLAGS.fullmatch(name)}
    state.pop(_COMPILED, None)
    if any(base.__name__ == "GraphModule" for base in kind.__mro__):
        kind = kind.__mro__[1]  # its own class is made for it alone
        state = {name: value for name, value in state.items() if name in ("_parameters", "_buffers", "_modules")}
        state |= {"code": module.code, "called": _called(module)}
    state["training"] = held.get("training", False) and id(module) not in walk.terms.trained
    hooks = {name: _hooks(name, held) for name in held if _HOOKS.fullmatch(name)}
    state |= {name: value for name, value in hooks.items() if value}
    return f"module {name_of(kind)}", [kind, *state_parts(state)]


def _called(module: Any) -> list[Any]:
    """What the code of a graph has names for: the functions that it calls, and the attributes that it reads."""
    found = []
    for node in module.graph.nodes:
        if node.op == "call_function":
            found.append(node.target)
        elif node.op == "get_attr":
            with suppress(AttributeError):
                found.append(operator.attrgetter(node.target)(module))
    return found


def _hooks(name: str, held: Mapping[str, Any]) -> list[Any]:
    """The hooks of one kind in their order; the numbers that they are kept under are those of a process."""
    if not isinstance(held[name], Mapping):
        return [held[name]] if held[name] else []
    flags = [held[other] for other in sorted(held) if _FLAGS.fullmatch(other) and other.startswith(f"{name}_")]
    return [(hook, *(number in flag for flag in flags)) for number, hook in held[name].items()]


def script_module_parts(module: Any, walk: Walk) -> Parts:
    """A ScriptModule by what torch saves of it: code, attributes, tensors."""
    is_trained = id(module) in walk.terms.trained
    try:
        return "script module", list(_saved(module, walk, is_trained))
    except RuntimeError:  # one that can be called and not be saved, as with a default of None where a tensor belongs
        text = module._c.dump_to_str(code=True, attrs=False, params=False)
        modes = [part.training and not is_trained for part in module.modules()]
        return f"script module {_unmangled(_LINE.sub('', text))}", [*module.state_dict().items(), modes]


def script_function_parts(function: Any, walk: Walk) -> Parts:
    """The same of a function, with those that it calls."""
    return "script function", list(_saved(function, walk))


def _saved(item: Any, walk: Walk, is_trained: bool = False) -> Iterator[Any]:
    """What `torch.jit.save` writes, as far as it says what is computed. The numbers that a process gives to what it
    compiles are left out, as are lines and files."""
    import torch

    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that of its deprecation, which is no affair of the user's here
        torch.jit.save(item, written)
    with zipfile.ZipFile(written) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    yield _definitions(files)
    for name, content in sorted(files.items()):
        if name.endswith(".pkl"):
            yield from (name, _operations(content, is_trained))
        elif not name.endswith((".py", ".debug_pkl", "version", "serialization_id", "byteorder")):
            yield from (name, content if walk.terms.values else len(content))


def _definitions(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """The functions and classes in files of code, each with the module that it is from: what a process compiles for the
    second time lies in a file of its own."""
    texts = {name: _MANGLED.sub("", content.decode()) for name, content in files.items() if name.endswith(".py")}
    return sorted(
        (_MANGLED_FOLDER.sub("", name), _CONSTANTS.sub(_in_order, definition))
        for name, text in texts.items()
        for definition in _DEFINITION.split(text)
        if definition.strip()
    )


def _in_order(lines: re.Match[str]) -> str:
    return "".join(sorted(lines[0].splitlines(keepends=True)))


def _operations(pickled: bytes, is_trained: bool) -> list[tuple[str, Any]]:
    """What opens a pickle; of what `is_trained` as if it were in evaluation mode."""
    found: list[tuple[str, Any]] = []
    texts: dict[Any, Any] = {}  # that are used again, by their numbers
    last = None  # the text that was named last
    for code, argument, _ in pickletools.genops(pickled):
        name = code.name
        if name in ("BINPUT", "LONG_BINPUT"):
            texts[argument] = last
        elif name in ("BINGET", "LONG_BINGET"):
            last = texts.get(argument)
        elif name == "NEWTRUE" and last == "training" and is_trained:
            name = "NEWFALSE"
        else:
            last = argument if name == "BINUNICODE" else None
        found.append((name, _unmangled(argument)))
    return found


def script_object_parts(item: Any, walk: Walk) -> Parts:
    """What an object of a class of torch's own is pickled from: packed quantised weights are one."""
    return "script object", [item.__getstate__()]


def _unmangled(value: Any) -> Any:
    return _MANGLED.sub("", value) if isinstance(value, str) else value


def tensor_parts(tensor: Any, walk: Walk) -> Parts:
    """A tensor by its class, dtype, shape, strides and content; one that is no dense one of torch's own by what it is
    made of."""
    parts, builder = structures.special_parts(tensor) if structures.is_special(tensor) else ({}, None)
    if parts:
        return f"{name_of(type(tensor))} {tensor.dtype} {tensor.layout}", [builder, dict(parts)]
    own = [part for pair in sorted(vars(tensor).items()) for part in pair] if hasattr(tensor, "__dict__") else []
    text = f"{name_of(type(tensor))} {tensor.dtype} {tuple(tensor.shape)} {tensor.device.type} {tensor.layout}"
    if tensor.is_quantized:
        return text, [tensor.int_repr(), *_quantised_by(tensor), *own]
    walk.add_tensor(tensor)
    return f"{text} {tensor.stride()}", own


def _quantised_by(tensor: Any) -> list[Any]:
    scheme = str(tensor.qscheme())
    if "channel" in scheme:
        return [scheme, tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points(), tensor.q_per_channel_axis()]
    return [scheme, tensor.q_scale(), tensor.q_zero_point()]


def storage_parts(storage: Any, walk: Walk) -> Parts:
    """The memory of tensors, by its bytes."""
    import torch

    untyped = storage.untyped()
    content = torch.empty(0, dtype=torch.uint8, device=untyped.device).set_(untyped)
    return f"{name_of(type(storage))} {getattr(storage, 'dtype', '')}", [content]


def generator_parts(item: Any, walk: Walk) -> Parts:
    return f"generator {item.device.type}", [item.get_state()]


def array_parts(array: Any, walk: Walk) -> Parts:
    """An array by dtype, shape and content, and whether its columns lie together; one of another class, as with a mask,
    computes otherwise."""
    if (type(array).__module__, type(array).__name__) != ("numpy", "ndarray"):
        return object_parts(array, walk)
    text = f"array {array.dtype} {array.shape} {array.flags.fnc}"
    if array.dtype.hasobject:
        return text, array.ravel().tolist()
    walk.add_array(array)
    return text, ()
