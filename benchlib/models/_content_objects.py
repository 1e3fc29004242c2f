"""How objects of Python are walked: containers by what is in them, all others by what they would be pickled from."""

from __future__ import annotations

import copyreg
import types
from contextlib import suppress
from typing import Any

from benchlib.models._code import is_told_by_name, name_of
from benchlib.models._content_values import PLAIN, is_of_this_run
from benchlib.models._content_walk import Parts, Walk

_SALTED = {"_original_object_hash"}  # of a configuration of transformers: a hash of Python's


def tuple_parts(item: Any, walk: Walk) -> Parts:
    return _sequence(item) if type(item) is tuple else object_parts(item, walk)


def list_parts(item: Any, walk: Walk) -> Parts:
    return _sequence(item) if type(item) is list else object_parts(item, walk)


def _sequence(item: Any) -> Parts:
    name = type(item).__name__
    if {type(part) for part in item} <= PLAIN and not any(type(p) is int and is_of_this_run(p) for p in item):
        return f"{name} {list(item)!r}", ()  # a vocabulary, at once
    return name, list(item)


def dict_parts(item: Any, walk: Walk) -> Parts:
    if type(item) is not dict:
        return object_parts(item, walk)
    return "dict", [part for pair in item.items() for part in pair]


def mapping_parts(item: Any, walk: Walk) -> Parts:
    return "mapping", [dict(item)]


def view_parts(item: Any, walk: Walk) -> Parts:
    return type(item).__name__, list(item)


def set_parts(item: Any, walk: Walk) -> Parts:
    return name_of(type(item)), [type(item), tuple(walk.unordered(item)), *state_parts(_attributes(item))]


def memory_parts(item: memoryview, walk: Walk) -> Parts:
    return f"memory {item.format} {item.shape}", [item.tobytes()]


def cell_parts(item: types.CellType, walk: Walk) -> Parts:
    try:
        return "cell", [item.cell_contents]
    except ValueError:
        return "empty cell", ()


def reference_parts(item: Any, walk: Walk) -> Parts:
    return name_of(type(item)), [item()]


def moment_parts(item: Any, walk: Walk) -> Parts:
    return ("the clock", ()) if is_of_this_run(item.timestamp()) else object_parts(item, walk)


def text_parts(item: Any, walk: Walk) -> Parts:
    return f"{name_of(type(item))} {item}", ()


def object_parts(item: Any, walk: Walk) -> Parts:
    """Any object: what it would be pickled from. One that cannot be pickled is its class, and its attributes; so is one
    of the user's that is pickled as a name."""
    kind, parts = type(item), None
    with suppress(Exception):
        reduce = copyreg.dispatch_table.get(kind)
        parts = reduce(item) if reduce else item.__reduce_ex__(2)
    if isinstance(parts, str) and is_told_by_name(kind):
        return f"named {kind.__module__}.{parts}", ()
    if not isinstance(parts, tuple):
        return f"opaque {name_of(kind)}", [kind, *state_parts(_attributes(item))]
    made, arguments, state, items, entries = (*parts, None, None, None)[:5]
    # Each in a tuple of its own, so that an item is told from an attribute.
    held = (tuple(state_parts(state)), tuple(items or ()), tuple(entries or ()))
    return f"object {name_of(kind)}", [kind, made, arguments, *held]


def _attributes(item: Any) -> Any:
    """What an object holds by name, in slots too; None where that is nothing."""
    slots: dict[str, Any] = {}
    for base in type(item).__mro__:
        held = {} if is_told_by_name(base) else vars(base)
        for name, slot in held.items():
            with suppress(AttributeError):  # nothing is in it
                if isinstance(slot, types.MemberDescriptorType):
                    slots[name] = slot.__get__(item)
    try:
        return {**slots, **vars(item)}
    except Exception:  # it has none, or answers no questions here, as flask's `request`
        return slots or None


def state_parts(state: Any) -> list[Any]:
    """The attributes of an object by name; in which order they were set says nothing."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # with slots
        return [*state_parts(state[0]), *state_parts(state[1])]
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        return [state]
    return [part for name in sorted(set(state) - _SALTED) for part in (name, state[name])]
