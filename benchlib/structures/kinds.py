"""Kinds of objects, known by their class: how the parts of one are found, and what makes it again."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchlib.structures.builders import (
    AsCalled,
    AsItIs,
    AsNamedTuple,
    AsNode,
    AsSequence,
    AsState,
    Builder,
    is_fixed,
)

_NO_STATE = (list, dict, tuple, set, frozenset, str, bytes, int, float, complex, type)
_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: what classes made by Python code have, and few others


@dataclass(frozen=True)
class Kind:
    """A kind of objects, known by their class: the parts of one by name, and what makes it of them."""

    fits: Callable[[type], bool]
    parts: Callable[[Any], Mapping[str, Any]]
    builder: Callable[[Any], Builder]
    whole: Callable[[Any], bool] = lambda item: True  # whether its parts are all that it holds


def _is_named_tuple(cls: type) -> bool:
    """Whether this is a class of `collections.namedtuple`, or one of it that is put together as those are."""
    made = next((base for base in cls.__mro__ if base.__bases__ == (tuple,) and "_fields" in vars(base)), None)
    return made is not None and "_make" in vars(made) and cls._make.__func__ is vars(made)["_make"].__func__  # type: ignore[attr-defined]


def _has_no_attributes(item: Any) -> bool:
    return not getattr(item, "__dict__", None)


def _is_structseq(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "n_fields", None), int)


def _is_state(cls: type) -> bool:
    """Whether the instances of a class are made of nothing but attributes: pickle would take them by these, and no
    method of theirs has a say in it."""
    own = [name for base in cls.__mro__[:-1] for name in vars(base)]
    says = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
    made_by_python = "__dict__" in own and all(base.__flags__ & _HEAP for base in cls.__mro__[:-1])
    slots = any(vars(base).get("__slots__") for base in cls.__mro__[:-1])
    return (
        made_by_python
        and not slots
        and not issubclass(cls, _NO_STATE)
        and not set(says) & set(own)
        and not _is_module(cls)
    )


def _has_named_attributes(item: Any) -> bool:
    return all(type(name) is str for name in vars(item))  # `__dict__` takes any key


def _is_module(cls: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(cls, torch.nn.Module)


def _is_registered(cls: type) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and cls in torch.utils._pytree.SUPPORTED_NODES


def _registered_parts(item: Any) -> Mapping[str, Any]:
    from torch.utils._pytree import SUPPORTED_NODES

    values = list(SUPPORTED_NODES[type(item)].flatten_fn(item)[0])
    named = isinstance(item, Mapping) and len(item) == len(values)
    return dict(zip(map(str, item if named else range(len(values))), values, strict=True))


def _registered_builder(item: Any) -> Builder:
    from torch.utils._pytree import SUPPORTED_NODES

    node = SUPPORTED_NODES[type(item)]
    return AsNode(node.unflatten_fn, node.flatten_fn(item)[1])


def _is_whole_node(item: Any) -> bool:
    """Whether what torch's pytree makes again has all attributes: it knows nothing of those that were added."""
    try:
        again = _registered_builder(item)(dict(_registered_parts(item)))
    except Exception:  # whatever its class has against its parts
        return False
    return type(again) is type(item) and _attributes(again) == _attributes(item)


def _attributes(item: Any) -> set[str]:
    slots = [vars(base).get("__slots__", ()) for base in type(item).__mro__]
    named = {name for own in slots for name in ((own,) if isinstance(own, str) else own)}
    return set(getattr(item, "__dict__", ())) | {name for name in named if hasattr(item, name)}


def _is_plain_dataclass(cls: type) -> bool:
    """Whether the constructor of a dataclass sets its fields, and nothing else does anything."""
    return (
        _is_state(cls)
        and dataclasses.is_dataclass(cls)
        and not hasattr(cls, "__post_init__")
        and cls.__new__ is object.__new__
        and _is_written_by_dataclasses(cls.__init__)
        and (cls.__setattr__ is object.__setattr__ or _is_written_by_dataclasses(cls.__setattr__))
        and all(field.init for field in dataclasses.fields(cls))
    )


def _is_written_by_dataclasses(method: Any) -> bool:
    """The code of a method that `dataclasses` wrote comes from no file."""
    return getattr(getattr(method, "__code__", None), "co_filename", "") == "<string>"


def _dataclass_builder(item: Any) -> Builder:
    """One that got more attributes than its fields, or lost some, is its state."""
    fields = {field.name for field in dataclasses.fields(item)}
    return AsCalled(type(item)) if fields == set(vars(item)) else AsState(type(item))


KINDS = (
    Kind(is_fixed, lambda item: {}, AsItIs),
    Kind(
        _is_named_tuple,
        lambda item: dict(zip(item._fields, item, strict=True)),
        lambda item: AsNamedTuple(type(item), tuple in type(item).__bases__),
        _has_no_attributes,
    ),
    Kind(
        _is_structseq,
        lambda item: {str(i): value for i, value in enumerate(item)},
        lambda item: AsSequence(type(item)),
    ),
    Kind(_is_plain_dataclass, vars, _dataclass_builder, _has_named_attributes),
    Kind(_is_state, vars, lambda item: AsState(type(item)), _has_named_attributes),
    Kind(_is_registered, _registered_parts, _registered_builder, _is_whole_node),
)
_KIND_OF: dict[type, Kind | None] = {}  # of every class that was met


def kind_of(cls: type) -> Kind | None:
    if cls not in _KIND_OF:
        _KIND_OF[cls] = next((kind for kind in KINDS if kind.fits(cls)), None)
    return _KIND_OF[cls]
