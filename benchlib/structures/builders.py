"""What makes an object of its parts again: one class for each way in which that goes.

A structure keeps the builders of its objects and stores them with its leaves, their code included.
"""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

ANY, SOME, NONE = "any", "some", "none"  # graphs that can hold how an object is made of its parts
_FIXED = (slice, range, type(...), type, complex, bytes)
_FIXED_OF_TORCH = ("dtype", "device", "layout", "memory_format", "Size")


class Builder(Protocol):
    """Makes an object of its parts, by name."""

    graph: ClassVar[str]  # `ANY`, `SOME` or `NONE`

    def __call__(self, parts: dict[str, Any]) -> Any: ...


def is_fixed(cls: type) -> bool:
    """Whether the instances of a class are values that hold nothing: torch.float16, slice(1, 2), a class."""
    return cls in _FIXED or (cls.__module__ == "torch" and cls.__name__ in _FIXED_OF_TORCH)


@dataclass(frozen=True)
class AsItIs:
    """What holds no tensors. A model may write into it (a cache that is empty yet), so each nesting has its own."""

    graph: ClassVar[str] = ANY
    value: Any

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.value if is_fixed(type(self.value)) else copy.deepcopy(self.value)


@dataclass(frozen=True)
class AsCalled:
    """What its class makes of its parts by name: most dataclasses."""

    graph: ClassVar[str] = ANY
    cls: type

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls(**parts)


@dataclass(frozen=True)
class AsState:
    """An object that is its attributes, without calling its constructor again."""

    graph: ClassVar[str] = ANY
    cls: type

    def __call__(self, parts: dict[str, Any]) -> Any:
        made: Any = object.__new__(self.cls)
        made.__dict__.update(parts)
        return made


@dataclass(frozen=True)
class AsNamedTuple:
    """A named tuple; one whose constructor is its own (`PackedSequence`) is made past it."""

    graph: ClassVar[str] = ANY
    cls: Any
    plain: bool

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls(*parts.values()) if self.plain else self.cls._make(parts.values())


@dataclass(frozen=True)
class AsSequence:
    """What a class makes of a list: torch's own results with names (`torch.return_types`)."""

    graph: ClassVar[str] = ANY
    cls: Any

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls(list(parts.values()))


@dataclass(frozen=True)
class AsNode:
    """What torch's pytree knows."""

    graph: ClassVar[str] = ANY
    unflatten: Callable[[list, Any], Any]
    context: Any

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.unflatten(list(parts.values()), self.context)


@dataclass(frozen=True)
class AsSparse:
    """A sparse tensor, of coordinates or compressed."""

    graph: ClassVar[str] = NONE
    layout: Any
    size: tuple[int, ...]
    coalesced: bool = False

    def __call__(self, parts: dict[str, Any]) -> Any:
        import torch

        tensors = list(parts.values())
        if self.layout == torch.sparse_coo:
            return torch.sparse_coo_tensor(*tensors, self.size, is_coalesced=self.coalesced)
        return torch.sparse_compressed_tensor(*tensors, self.size, layout=self.layout)


@dataclass(frozen=True)
class AsNested:
    """A nested tensor of dense ones; a jagged one along the axis `ragged`."""

    graph: ClassVar[str] = NONE
    ragged: int | None = None

    def __call__(self, parts: dict[str, Any]) -> Any:
        import torch

        if self.ragged is None:
            return torch.nested.as_nested_tensor(list(parts.values()), layout=torch.strided)
        return torch.nested.nested_tensor_from_jagged(**parts, jagged_dim=self.ragged)


@dataclass(frozen=True)
class AsFlattened:
    """A tensor of a class that says itself what it is made of (`__tensor_flatten__`)."""

    graph: ClassVar[str] = NONE
    cls: Any
    context: Any
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __call__(self, parts: dict[str, Any]) -> Any:
        return self.cls.__tensor_unflatten__(parts, self.context, self.size, self.stride)


@dataclass(frozen=True)
class AsSubclass:
    """A tensor of a class of its own, with its attributes."""

    graph: ClassVar[str] = NONE
    cls: Any
    attributes: Mapping[str, Any]

    def __call__(self, parts: dict[str, Any]) -> Any:
        made = parts[""].as_subclass(self.cls)
        for name, value in self.attributes.items():
            setattr(made, name, value)
        return made


@dataclass(frozen=True)
class AsPickled:
    """Anything else: its pickle, in which names stand for the tensors."""

    graph: ClassVar[str] = SOME
    pickled: bytes
    names: Sequence[str]

    def __call__(self, parts: dict[str, Any]) -> Any:
        names = self.names

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, place):
                return parts[names[place]]

        return Unpickler(io.BytesIO(self.pickled)).load()
