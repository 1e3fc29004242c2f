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


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


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


def _state_builder(item: Any) -> Builder:
    cls, held = type(item), list(vars(item))
    if dataclasses.is_dataclass(item) and not hasattr(cls, "__post_init__"):
        fields = dataclasses.fields(item)
        if all(f.init for f in fields) and {f.name for f in fields} == set(held):
            return AsCalled(cls)
    return AsState(cls)


KINDS = (
    Kind(is_fixed, lambda item: {}, AsItIs),
    Kind(
        _is_named_tuple,
        lambda item: dict(zip(item._fields, item, strict=True)),
        lambda item: AsNamedTuple(type(item), tuple in type(item).__bases__),
    ),
    Kind(
        _is_structseq,
        lambda item: {str(i): value for i, value in enumerate(item)},
        lambda item: AsSequence(type(item)),
    ),
    Kind(_is_state, vars, _state_builder),
    Kind(_is_registered, _registered_parts, _registered_builder),
)
_KIND_OF: dict[type, Kind | None] = {}  # of every class that was met


def kind_of(cls: type) -> Kind | None:
    if cls not in _KIND_OF:
        _KIND_OF[cls] = next((kind for kind in KINDS if kind.fits(cls)), None)
    return _KIND_OF[cls]
