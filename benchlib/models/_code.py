"""The code of a module's classes as text: what changes when the user edits a class, its methods or helpers.

Sources are read with `inspect`, those of notebook cells too (IPython keeps them in `linecache`), and compared
as syntax trees, so that comments and layout do not count; where there is no source the bytecode counts.
Installed packages are left out: their versions are recorded elsewhere.
"""

from __future__ import annotations

import ast
import inspect
import sys
import sysconfig
import textwrap
import types
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def described(objects: Iterable[Any]) -> Iterator[str]:
    """A text for each of the user's classes and functions among `objects`, and for those they refer to."""
    seen: set[int] = set()
    waiting = list(objects)
    while waiting:
        item = waiting.pop(0)
        item = item if isinstance(item, type) else inspect.unwrap(getattr(item, "__func__", item))
        if id(item) in seen or not is_users(item):
            continue
        seen.add(id(item))
        if isinstance(item, type):
            yield from _class(item, waiting)
        elif isinstance(item, types.FunctionType):
            yield from _function(item, waiting)
        elif isinstance(item, types.ModuleType):
            yield f"module {item.__name__} {_tree(Path(item.__file__).read_text())}"


def is_users(item: Any) -> bool:
    """Whether a class, function or module is the user's own: of a notebook, a script or a file beside it."""
    module = item if isinstance(item, types.ModuleType) else sys.modules.get(getattr(item, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return not isinstance(item, types.ModuleType)
    file = getattr(module, "__file__", None)
    return bool(file) and file.endswith(".py") and not _installed(file)


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


@lru_cache(maxsize=1024)
def _installed(file: str) -> bool:
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    path = Path(file).resolve()
    return any(path.is_relative_to(Path(place).resolve()) for place in places if place)


def _class(kind: type, waiting: list) -> Iterator[str]:
    yield f"class {kind.__qualname__} of {', '.join(b.__qualname__ for b in kind.__bases__)}"
    waiting.extend(kind.__bases__)
    for name, value in sorted(vars(kind).items()):
        value = getattr(value, "__func__", value)  # static and class methods
        value = value.fget if isinstance(value, property) else value
        if isinstance(value, types.FunctionType):
            yield from _function(value, waiting)
        elif isinstance(value, _PLAIN) and not name.startswith("__"):
            yield f"{name} = {value!r}"


def _function(function: types.FunctionType, waiting: list) -> Iterator[str]:
    try:
        text = _tree(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError):
        text = _bytecode(function.__code__)
    yield f"def {function.__qualname__} {text} {function.__defaults__!r}"
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, _PLAIN) and name in function.__globals__:
            yield f"{name} = {value!r}"
        elif isinstance(value, type | types.FunctionType | types.ModuleType):
            waiting.append(value)


def _tree(source: str) -> str:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:  # a lambda in the middle of an expression, say
        return source


def _bytecode(code: types.CodeType) -> str:
    constants = [_bytecode(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _names(code: types.CodeType) -> list[str]:
    inner = [name for c in code.co_consts if isinstance(c, types.CodeType) for name in _names(c)]
    return list(dict.fromkeys([*code.co_names, *inner]))
