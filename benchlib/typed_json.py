"""Dataclasses to JSON and back, by their type hints.

What crosses a border between processes, or is kept in a notebook or the cache, is a dataclass on both sides of it.
Standard library alone, since workers use it in whatever environment they run (pydantic is the driver's).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
_PLAIN = (str, int, float, bool, type(None))
_NOT_FINITE = ("inf", "-inf", "nan")  # JSON has none of them, so they travel as texts


def to_json(value: Any) -> Any:
    """`value` as JSON can hold it.

    Args:
        value: a dataclass, or dicts, lists, tuples of them and of plain values; paths become texts. A field of a
            dataclass that is None, and would be without being given, is left out.
    """
    if isinstance(value, _PLAIN):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            name: plain(own) if plain else to_json(own)
            for name, has_none, plain in _fields(type(value))
            if (own := getattr(value, name)) is not None or not has_none
        }
    if isinstance(value, Mapping):
        return {str(key): to_json(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(own) for own in value]
    return str(value) if isinstance(value, Path) else value


@cache
def _fields(kind: type) -> tuple[tuple[str, bool, Any], ...]:
    """Of each field of a dataclass its name, whether None stands there unless something is given, and `list` or `dict`
    where it holds plain values alone, which are copied as they are: the samples of a block are a thousand numbers."""
    hints = typing.get_type_hints(kind)
    return tuple((f.name, f.default is None, _plain_container(hints[f.name])) for f in dataclasses.fields(kind))


def _plain_container(hint: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    plain = origin is list or (origin is dict and arguments[0] is str)
    return origin if plain and arguments[-1] in _PLAIN else None


def from_json(kind: type[T], data: Any) -> T:
    """A value of the type `kind` from what `to_json` made of one.

    Args:
        kind: a dataclass, or a hint such as `list[Block]`, `dict[int, Path]`, `Failure | None`. Another class
            that has a `from_json` is made by that.
        data: parsed JSON. Keys that a dataclass does not have are left out: a later version may have more.

    Raises:
        TypeError: where a dataclass lacks a field that has no default, or data of another shape stands.
    """
    value: T = _reader(kind)(data)  # type: ignore[arg-type]  # types are hashable
    return value


@cache
def _reader(kind: Any) -> Any:
    """A function from JSON to the type; made once for each type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _union_reader(arguments)
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if hasattr(kind, "from_json"):
        return kind.from_json
    if origin in (list, tuple, Sequence):
        return _items_reader(tuple if origin is tuple else list, arguments)
    if origin in (dict, Mapping):
        return _mapping_reader(arguments)
    if kind is Path:
        return Path
    if kind is float:
        return _float
    return _as_it_is


def _as_it_is(data: Any) -> Any:
    return data


def _float(data: Any) -> Any:
    return float(data) if isinstance(data, int) or data in _NOT_FINITE else data


def _union_reader(members: tuple[Any, ...]) -> Any:
    """Of `X | None` the reader of X; several plain types (`int | float`) are told apart by JSON itself."""
    kinds = [member for member in members if member is not type(None)]
    if all(kind in _PLAIN for kind in kinds) and len(kinds) > 1:
        return _as_it_is
    if len(kinds) > 1:
        raise TypeError(f"a union of {members} cannot be told apart in JSON")
    read = _reader(kinds[0])
    return _as_it_is if read is _as_it_is else lambda data: None if data is None else read(data)


def _items_reader(container: type, arguments: tuple[Any, ...]) -> Any:
    of_item = _reader(arguments[0]) if arguments else _as_it_is
    if of_item is _as_it_is:
        return container
    return lambda data: container(map(of_item, data))


def _mapping_reader(arguments: tuple[Any, ...]) -> Any:
    of_key, of_value = (arguments[0], _reader(arguments[1])) if arguments else (str, _as_it_is)
    if of_key is not int and of_value is _as_it_is:
        return dict
    key = int if of_key is int else str
    return lambda data: {key(name): of_value(own) for name, own in data.items()}


def _dataclass_reader(kind: Any) -> Any:
    """Hints are looked up when the first value is read: they may name classes further down in their module."""
    readers: dict[str, Any] = {}

    def read(data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise TypeError(f"{kind.__name__}: a mapping is wanted, not {type(data).__name__}")
        if not readers:
            hints = typing.get_type_hints(kind)
            readers.update({field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind) if field.init})
        return kind(**{name: reader(data[name]) for name, reader in readers.items() if name in data})

    return read
