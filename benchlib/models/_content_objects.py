"""How objects of Python are walked: containers by what is in them, all others by what they would be pickled from."""

from __future__ import annotations

import copyreg
import threading
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchlib.files import quick_digest_of
from benchlib.models._code import is_told_by_name, is_users, name_of
from benchlib.models._content_values import PLAIN, is_of_this_run
from benchlib.models._content_walk import Parts, Walk

_PICKLES = ("__getstate__", "__reduce__", "__reduce_ex__")
_HARMLESS = (
    "_thread", "threading", "_io", "io", "builtins", "weakref", "_weakref", "logging", "queue", "_queue", "torch",
)  # fmt: skip
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


def environment_parts(item: Any, walk: Walk) -> Parts:
    """`os.environ`: what is read of it counts where it is read."""
    return "the environment", ()


def shared_object_parts(item: Any, walk: Walk) -> Parts:
    """A library that `ctypes` opened: by its file, as its handle is an address."""
    path = Path(item._name or "")
    return f"library {path.name} {quick_digest_of(path) if path.is_file() else ''}", ()


def object_parts(item: Any, walk: Walk) -> Parts:
    """Any object: what it would be pickled from. One that cannot be pickled is its class, and its attributes; so is one
    of the user's that is pickled as a name."""
    kind, parts = type(item), None
    with suppress(Exception):
        reduce = copyreg.dispatch_table.get(kind)
        parts = reduce(item) if reduce else item.__reduce_ex__(2)
    if isinstance(parts, str) and is_told_by_name(kind):
        return f"named {kind.__module__}.{parts}", ()
    walk.hides = walk.hides or _leaves_out(kind) or (not isinstance(parts, tuple) and not _is_harmless(kind))
    if not isinstance(parts, tuple):
        return f"opaque {name_of(kind)}", [kind, *state_parts(_attributes(item))]
    made, arguments, state, items, entries = (*parts, None, None, None)[:5]
    # Each in a tuple of its own, so that an item is told from an attribute.
    held = (tuple(state_parts(state)), tuple(items or ()), tuple(entries or ()))
    return f"object {name_of(kind)}", [kind, made, arguments, *held]


def thread_parts(item: Any, walk: Walk) -> Parts:
    """A thread: by what its class adds to it, as all else says when and where it runs."""
    of_any = vars(threading.Thread()).keys()
    own = {name: value for name, value in vars(item).items() if name not in of_any}
    return f"thread of {name_of(type(item))}", [type(item), *state_parts(own)]


def _leaves_out(kind: type) -> bool:
    """Whether a class of the user's says itself what its objects are pickled from, which need not be all."""
    own = (vars(base).get(name) for base in kind.__mro__ if is_users(base) for name in _PICKLES)
    return any(isinstance(function, types.FunctionType) and is_users(function) for function in own)


def _is_harmless(kind: type) -> bool:
    """Whether what cannot be pickled holds nothing that a model computes with: a lock, a stream, a generator."""
    return is_users(kind) or kind.__module__.partition(".")[0] in _HARMLESS


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
