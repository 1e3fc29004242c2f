"""How the objects of torch and numpy are walked: modules, what is compiled from them, tensors, arrays, generators."""

from __future__ import annotations

import io
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from typing import Any

from benchlib import structures
from benchlib.models._code import name_of
from benchlib.models._content_objects import state_parts
from benchlib.models._content_walk import Parts, Walk

_HOOKS = re.compile(r"_\w*hooks")
_FLAGS = re.compile(r"_\w*hooks_\w+")  # which of the hooks want more, by their numbers
_MANGLED = re.compile(r"___torch_mangle_\d+\.?")  # a number that a process gives to what it compiles
_LINE = re.compile(r" # \S+:\d+:\d+")  # of the source, behind an operation


def module_parts(module: Any, walk: Walk) -> Parts:
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
    return f"module {name_of(type(module))}", [type(module), *state_parts(state)]


def _hooks(name: str, held: Mapping[str, Any]) -> list[Any]:
    """The hooks of one kind in their order; the numbers that they are kept under are those of a process."""
    if not isinstance(held[name], Mapping):
        return [held[name]] if held[name] else []
    flags = [held[other] for other in sorted(held) if _FLAGS.fullmatch(other) and other.startswith(f"{name}_")]
    return [(hook, *(number in flag for flag in flags)) for number, hook in held[name].items()]


def script_module_parts(module: Any, walk: Walk) -> Parts:
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
    return "script module", [part for name in sorted(files) for part in _saved(name, files[name], walk)]


def _saved(name: str, content: bytes, walk: Walk) -> list[Any]:
    """A file of what `torch.jit.save` writes, as far as it says what is computed."""
    if name.endswith((".debug_pkl", "version", "serialization_id", "byteorder")):
        return []
    name = _MANGLED.sub("", name)
    if name.endswith(".pkl"):
        operations = [(code.name, argument) for code, argument, _ in pickletools.genops(content)]
        return [name, [(code, _unmangled(argument)) for code, argument in operations]]
    if name.endswith(".py"):
        return [name, _MANGLED.sub("", content.decode())]
    return [name, content if walk.values else len(content)]


def script_function_parts(function: Any, walk: Walk) -> Parts:
    return f"script function {_MANGLED.sub('', function.code)}", ()


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


def generator_parts(item: Any, walk: Walk) -> Parts:
    return "generator", [item.get_state()]


def array_parts(array: Any, walk: Walk) -> Parts:
    if array.dtype.hasobject:
        return f"array {array.shape}", array.ravel().tolist()
    walk.add_array(array)
    return f"array {array.dtype} {array.shape}", ()
