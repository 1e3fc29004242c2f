"""Whose code a class, function or module is, and from where it is imported."""

from __future__ import annotations

import sys
import sysconfig
import types
from collections.abc import Iterable
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from benchlib.files import quick_digest_of

_MADE_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE: every class statement sets it
_OURS = "benchlib"
_NATIVE = tuple(EXTENSION_SUFFIXES)


def is_users(item: Any) -> bool:
    """Whether a class, function or module is the user's own: of a notebook, a script or a file beside it."""
    module = item if isinstance(item, types.ModuleType) else sys.modules.get(_written_in(item) or "")
    if module is None or module.__name__ == "__main__":
        return not isinstance(item, types.ModuleType)
    file = getattr(module, "__file__", None)
    return bool(file) and is_users_file(file)


def is_users_file(file: str) -> bool:
    """Whether a module's file is neither Python's own nor an installed package's."""
    return file.endswith(".py") and not _installed(file)


def native_digest(module: types.ModuleType) -> str:
    """`native module kernel 1f0c…`: what stands for a compiled extension of the user's own, by its file's content; ""
    for any other module."""
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(_NATIVE) or _installed(file):
        return ""
    return f"native module {module.__name__} {quick_digest_of(Path(file))}"


def is_told_by_name(item: Any) -> bool:
    """Whether the name of a class or function says what it is: it is an installed package's, and there under its name.
    What such a package makes while it runs, as a function in a function, has no name of its own."""
    return not is_users(item) and _is_in_its_place(item)


def is_patch(item: Any) -> bool:
    """Whether a part of an installed package is the user's own class or function, put there in place of another."""
    item = getattr(item, "__func__", item) if isinstance(item, staticmethod | classmethod) else item
    if not isinstance(item, types.FunctionType | type) or not is_users(item):
        return False
    return (_written_in(item) or "").partition(".")[0] != _OURS  # as the watch of a discovery


def name_of(item: Any) -> str:
    """The name of a class or function; of the user's own without the module that it is in today."""
    return item.__qualname__ if is_users(item) else f"{_written_in(item)}.{item.__qualname__}"


def _written_in(item: Any) -> str | None:
    """The name of the module in which a class or function stands. A function that is made to look like another, as by
    `functools.wraps`, says another `__module__`; its globals say its own."""
    if isinstance(item, types.FunctionType):
        return item.__globals__.get("__name__")
    return getattr(item, "__module__", None)


def _is_in_its_place(item: Any) -> bool:
    if isinstance(item, type) and not item.__flags__ & _MADE_IN_PYTHON:
        return True
    held: Any = sys.modules.get(_written_in(item) or "")
    for name in item.__qualname__.split("."):
        held = vars(held).get(name) if isinstance(held, types.ModuleType | type) else None
        held = held.__func__ if isinstance(held, staticmethod | classmethod) else held
    return held is item


def roots(objects: Iterable[Any]) -> list[str]:
    """The folders from which the modules of the user's own classes and functions are imported."""
    found = []
    for item in objects:
        module = sys.modules.get(getattr(item, "__module__", None) or "")
        if module is None or module.__name__ == "__main__" or not is_users(item):
            continue
        above = module.__name__.count(".") + Path(module.__file__).name.startswith("__init__.")
        found.append(str(Path(module.__file__).resolve().parents[above]))
    return list(dict.fromkeys(found))


def edited_since_import(kinds: Iterable[type]) -> str:
    """The name of a file of the user's in which classes stand otherwise now than when they were imported; "" of none.
    Workers import the file anew: what is given would be another class there."""
    held: dict[str, set[str]] = {}  # by the file of a module, the code of the classes that are imported from it
    for kind in kinds:
        module = sys.modules.get(kind.__module__)
        if module is not None and module.__name__ != "__main__" and is_users(kind):
            parts = (getattr(part, "__func__", part) for part in vars(kind).values())
            codes = (part.__code__ for part in parts if isinstance(part, types.FunctionType))
            file = str(module.__file__)
            held.setdefault(file, set()).update(_text_of(code) for code in codes if code.co_filename == file)
    return next((Path(file).name for file, codes in held.items() if not codes <= _codes_in(file)), "")


def _codes_in(file: str) -> set[str]:
    """All code in a file as it is now."""
    found = set[str]()
    try:
        waiting = [compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)]
    except (OSError, SyntaxError, ValueError):
        return found
    while waiting:
        code = waiting.pop()
        found.add(_text_of(code))
        waiting += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return found


def _text_of(code: types.CodeType) -> str:
    """Code without its lines and what is in it."""
    constants = [part for part in code.co_consts if not isinstance(part, types.CodeType)]
    return f"{code.co_qualname} {code.co_code!r} {code.co_names} {constants}"


@lru_cache(maxsize=1024)
def _installed(file: str) -> bool:
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    path = Path(file).resolve()
    return any(path.is_relative_to(Path(place).resolve()) for place in places if place)
