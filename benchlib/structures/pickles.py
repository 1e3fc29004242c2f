"""Pickles that other processes open: with the code of what they could not import, and without tensors if need be."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from benchlib.by_value import by_value
from benchlib.errors import UserError
from benchlib.structures.builders import Builder
from benchlib.structures.names import class_words
from benchlib.structures.tensor_kinds import is_leaf, is_tensor

_DEEPEST = 6  # steps to a tensor inside of what is pickled, for its name


def dumped(item: Any, taken: list[Any] | None = None) -> bytes:
    """The pickle of anything, classes of notebooks and of benchlib by value. With `taken`, a list that is filled,
    tensors stay out, and their places in it stand for them."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def persistent_id(self, part):
            if taken is None or not is_tensor(part) or not is_leaf(part):
                return None  # an array inside of an object stays one: as a leaf it would come back as a tensor
            place = next((n for n, own in enumerate(taken) if own is part), len(taken))
            if place == len(taken):
                taken.append(part)
            return place

    file = io.BytesIO()
    with by_value():
        Pickler(file).dump(item)
    return file.getvalue()


def pickled(item: Any, path: tuple[str, ...], taken: list[Any] | None) -> bytes:
    try:
        return dumped(item, taken)
    except Exception as error:  # whatever an object has against it
        raise _refusal(item, path, error) from error


def check_opens(item: Any, builder: Builder, parts: dict[str, Any], path: tuple[str, ...]) -> None:
    """Raises UserError where an object, pickled without an error, is not made again of its parts."""
    try:
        again = builder(parts)
    except Exception as error:  # whatever an object has against it
        raise _refusal(item, path, error) from error
    if type(again) is not type(item):
        raise _refusal(item, path, f"it comes back as a {class_words(again)}")


def _refusal(item: Any, path: tuple[str, ...], why: Any) -> UserError:
    reason = " ".join(str(why).split())[:200]
    return UserError(f"{'.'.join(path) or 'the value'} is a {class_words(item)}, which cannot be stored: {reason}")


def paths_to(item: Any, wanted: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """How tensors inside of an object are reached: by their places in `wanted`, the names of attributes and keys."""
    found: dict[int, tuple[str, ...]] = {}
    waiting: deque[tuple[tuple[str, ...], Any, int]] = deque([((), item, 0)])
    seen: set[int] = set()
    while waiting and len(found) < len(wanted):
        path, value, depth = waiting.popleft()
        if id(value) in wanted:
            found.setdefault(wanted[id(value)], path)
        elif id(value) not in seen and depth < _DEEPEST:
            seen.add(id(value))
            for name, inner in _inside(value):
                waiting.append(((*path, name), inner, depth + 1))
    return found


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        yield from ((str(i), inner) for i, inner in enumerate(value))
    if isinstance(held := getattr(value, "__dict__", None), dict):
        yield from ((str(key), inner) for key, inner in held.items())
