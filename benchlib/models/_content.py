"""The digest of an object by what it holds: two objects have one digest when they would compute the same.

    digest(module, inputs)      16 hexadecimal digits, the same in every process

What is saved is not hashed as it is saved: the bytes of a pickle change with interned strings, the order of sets and
the numbers of lines. The object is walked instead (`_content_walk`), as `joblib.hash` walks it: tensors and modules of
torch by content (`_content_torch`), code by bytecode, constants and names, functions with their closures, defaults and
the globals that they read, the user's classes by what stands in them (`_content_code`), and everything else by what it
would be pickled from (`_content_objects`). Of installed packages names alone count, as their versions are recorded
elsewhere.

To be the same everywhere it leaves out addresses, hashes that Python salts, and the time at which this process ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from benchlib.models import _content_code, _content_objects, _content_torch
from benchlib.models._content_walk import Content, Original, Terms, Walk, Walked, as_it_is
from benchlib.models._facts import is_all_training

# How the objects of a class are walked, by its name and the package that it is from: neither torch nor numpy need be
# there.
_BY_CLASS: Mapping[str, Walked] = {
    "builtins.dict": _content_objects.dict_parts,
    "builtins.list": _content_objects.list_parts,
    "builtins.tuple": _content_objects.tuple_parts,
    "builtins.set": _content_objects.set_parts,
    "builtins.frozenset": _content_objects.set_parts,
    "builtins.mappingproxy": _content_objects.mapping_parts,
    **dict.fromkeys(["builtins.dict_keys", "builtins.dict_values", "builtins.dict_items"], _content_objects.view_parts),
    "builtins.memoryview": _content_objects.memory_parts,
    "builtins.cell": _content_objects.cell_parts,
    "weakref.ReferenceType": _content_objects.reference_parts,
    "builtins.code": _content_code.code_object_parts,
    "builtins.function": _content_code.function_parts,
    "builtins.method": _content_code.method_parts,
    "builtins.builtin_function_or_method": _content_code.builtin_parts,
    "builtins.method-wrapper": _content_code.builtin_parts,
    "builtins.method_descriptor": _content_code.descriptor_parts,
    "builtins.wrapper_descriptor": _content_code.descriptor_parts,
    "builtins.getset_descriptor": _content_code.descriptor_parts,
    "builtins.member_descriptor": _content_code.descriptor_parts,
    "builtins.classmethod_descriptor": _content_code.descriptor_parts,
    "builtins.classmethod": _content_code.wrapped_parts,
    "builtins.staticmethod": _content_code.wrapped_parts,
    "functools._lru_cache_wrapper": _content_code.cached_parts,
    "builtins.property": _content_code.property_parts,
    "builtins.module": _content_code.module_parts,
    "benchlib.NamedModule": _content_code.named_module_parts,
    "benchlib.WholeNamespace": _content_code.whole_namespace_parts,
    "builtins.type": _content_code.class_parts,
    "datetime.datetime": _content_objects.moment_parts,
    "os._Environ": _content_objects.environment_parts,
    "ctypes.CDLL": _content_objects.shared_object_parts,
    "threading.Thread": _content_objects.thread_parts,
    "numpy.ndarray": _content_torch.array_parts,
    "torch.ScriptModule": _content_torch.script_module_parts,
    "torch.ScriptFunction": _content_torch.script_function_parts,
    "torch.ScriptObject": _content_torch.script_object_parts,
    "torch.Module": _content_torch.module_parts,
    "torch.Tensor": _content_torch.tensor_parts,
    "torch.Generator": _content_torch.generator_parts,
    "torch.UntypedStorage": _content_torch.storage_parts,
    "torch.TypedStorage": _content_torch.storage_parts,
    **dict.fromkeys(
        ["torch.dtype", "torch.device", "torch.layout", "torch.memory_format", "torch.OpOverload",
         "torch.OpOverloadPacket", "torch.finfo", "torch.iinfo"],
        _content_objects.text_parts,
    ),
}  # fmt: skip


@lru_cache(maxsize=4096)
def _walked(kind: type) -> Walked:
    names = (f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in kind.__mro__)
    return next((_BY_CLASS[name] for name in names if name in _BY_CLASS), _content_objects.object_parts)


def _is_module(item: Any) -> bool:
    return any(f"{base.__module__.partition('.')[0]}.{base.__name__}" == "torch.Module" for base in type(item).__mro__)


def digest(*objects: Any, values: bool = True, as_written: Original = as_it_is) -> str:
    """The digest of some objects, in order (see `content_of`)."""
    return content_of(*objects, values=values, as_written=as_written).digest


def content_of(*objects: Any, values: bool = True, as_written: Original = as_it_is) -> Content:
    """The content of some objects, in order. Without `values` tensors and arrays count by dtype and shape alone.
    `as_written` gives for a function the one that counts."""
    modules = [item for item in objects if _is_module(item)]
    trained = frozenset(id(part) for module in modules if is_all_training(module) for part in module.modules())
    walk = Walk(Terms(_walked, values, as_written, trained), {})
    return Content(walk.run(objects), walk.hides, walk.asks)
