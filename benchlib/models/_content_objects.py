"""How objects of Python are walked: containers by what is in them, all others by what they would be pickled from."""

from __future__ import annotations

import copyreg
from contextlib import suppress
from typing import Any

from benchlib.models._code import name_of
from benchlib.models._content_values import PLAIN, is_of_this_run
from benchlib.models._content_walk import Parts, Walk

# Salted by Python; what loading sets itself; what is compiled in place, which is not saved.
_LEFT_OUT = {"_original_object_hash", "training", "_compiled_call_impl"}


def sequence_parts(item: Any, walk: Walk) -> Parts:
    name = name_of(type(item))
    if {type(part) for part in item} <= PLAIN and not any(type(p) is int and is_of_this_run(p) for p in item):
        return f"{name} {list(item)!r}", ()  # a vocabulary, at once
    return name, list(item)


def list_parts(item: Any, walk: Walk) -> Parts:
    return sequence_parts(item, walk) if type(item) is list else object_parts(item, walk)


def dict_parts(item: Any, walk: Walk) -> Parts:
    if type(item) is not dict:
        return object_parts(item, walk)
    return "dict", [part for pair in item.items() for part in pair]


def mapping_parts(item: Any, walk: Walk) -> Parts:
    return "mapping", [dict(item)]


def set_parts(item: Any, walk: Walk) -> Parts:
    return name_of(type(item)), walk.unordered(item)


def moment_parts(item: Any, walk: Walk) -> Parts:
    return ("the clock", ()) if is_of_this_run(item.timestamp()) else object_parts(item, walk)


def text_parts(item: Any, walk: Walk) -> Parts:
    return f"{name_of(type(item))} {item}", ()


def object_parts(item: Any, walk: Walk) -> Parts:
    """Any object: what it would be pickled from. One that cannot be pickled is its class, and its attributes."""
    kind, parts = type(item), None
    with suppress(Exception):
        reduce = copyreg.dispatch_table.get(kind)
        parts = reduce(item) if reduce else item.__reduce_ex__(2)
    if isinstance(parts, str):
        return f"named {kind.__module__}.{parts}", ()
    if not isinstance(parts, tuple):
        return f"opaque {name_of(kind)}", [kind, *state_parts(_attributes(item))]
    made, arguments, state, items, entries = (*parts, None, None, None)[:5]
    inner = [made, arguments, *state_parts(state), *(items or ())]
    return f"object {name_of(kind)}", [*inner, *(part for pair in entries or () for part in pair)]


def _attributes(item: Any) -> Any:
    try:
        return vars(item)
    except Exception:  # it has none, or answers no questions here, as flask's `request`
        return None


def state_parts(state: Any) -> list[Any]:
    """The attributes of an object by name; in which order they were set says nothing."""
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):  # with slots
        return [*state_parts(state[0]), *state_parts(state[1])]
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        return [state]
    return [part for name in sorted(set(state) - _LEFT_OUT) for part in (name, state[name])]
