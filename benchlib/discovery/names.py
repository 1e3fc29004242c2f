"""How a script calls a model, and where: read from the frames of its call."""

from __future__ import annotations

import ast
import functools
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

_HERE = str(Path(__file__).parent)
_DEEPEST = 5  # steps from a variable
_MOST = 20_000  # objects looked at
_WIDEST = 1000  # items of a container
_OPAQUE = (str, bytes, int, float, complex, type(None), types.FunctionType, types.BuiltinFunctionType)
_UNTELLING = ("self", "cls")
_BEHIND = ("_orig_mod", "_actual_script_module")  # where a compiled and a traced module hold themselves


def user_frames(script: str) -> list[types.FrameType]:
    """The frames of the user's own code, the innermost first."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        if is_users(frame.f_code.co_filename, script):
            found.append(frame)
        frame = frame.f_back
    return found


def is_users(file: str, script: str) -> bool:
    """The script, and what stands beside it or elsewhere; no installed package, and nothing of this one."""
    return file == script or not (file.startswith(("<", _HERE)) or _installed(file))


def loop_variables(tree: ast.AST) -> set[str]:
    """The names that `for` gives to one thing after another."""
    loops = [n for n in ast.walk(tree) if isinstance(n, (ast.For, ast.AsyncFor, ast.comprehension))]
    return {n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)}


def is_of_python(file: str) -> bool:
    """Whether a file belongs to the interpreter's own library."""
    return _lies_in(file, ("stdlib", "platstdlib")) and not _lies_in(file, ("purelib", "platlib"))


def of_child(module: Any, parent: Any) -> str:
    """`encoder.layer.0`, from the module that called it."""
    return next((name for name, part in parent.named_modules() if part is module and name), type(module).__name__)


def of_model(wanted: tuple[Any, ...], frames: list[types.FrameType], loops: set[str]) -> str:
    """The name of any of `wanted` (a module, and what it is wrapped in) in the script.

    A variable of the script itself comes first, then one of the functions on the way, then what leads to it from
    them: attributes, classes, containers. The variables of loops (`loops`) name everything, so they come last.
    """
    main = vars(sys.modules["__main__"])
    places = [{k: v for k, v in main.items() if k[:2] != "__"}]
    places += [frame.f_locals for frame in frames if frame.f_locals is not main]
    variables = [name for place in places for name, value in place.items() if _is_one_of(value, wanted)]
    telling = (name for name in variables if name not in loops and name not in _UNTELLING)
    paths = (path for place in places if (path := _deep(place, wanted, loops)))
    return next(chain(telling, paths, variables), f"{type(wanted[-1]).__name__}()")


def _is_one_of(value: Any, wanted: tuple[Any, ...]) -> bool:
    return any(value is one for one in wanted)  # by identity: modules may define what equal means


def _deep(place: Mapping[str, object], wanted: tuple[Any, ...], loops: set[str]) -> str:
    """`models[1]`, `Net.inner.model`: the shortest way from a variable."""
    waiting = deque((name, value, 0) for name, value in list(place.items()) if name not in loops)
    seen: set[int] = {id(place)}
    while waiting and len(seen) < _MOST:
        path, value, depth = waiting.popleft()
        try:
            parts = list(_parts(value))
        except Exception:  # an object that answers no questions here, as flask's `request`
            continue
        for step, inner in parts:
            if _is_one_of(inner, wanted):
                return path + step
            if depth < _DEEPEST and id(inner) not in seen and not isinstance(inner, _OPAQUE):
                seen.add(id(inner))
                waiting.append((path + step, inner, depth + 1))
    return ""


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value holds, each with the step that leads there: `[0]`, `['key']`, `.attribute`."""
    if isinstance(value, _OPAQUE):
        return
    if isinstance(value, (list, tuple, deque)):
        yield from ((f"[{i}]", item) for i, item in enumerate(list(value)[:_WIDEST]))
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in list(value.items())[:_WIDEST])
    if isinstance(value, types.MethodType):
        yield "", value.__self__
    if isinstance(value, functools.partial):
        yield "", value.func
        yield from ((f".args[{i}]", item) for i, item in enumerate(value.args))
        yield from ((f".keywords[{key!r}]", item) for key, item in value.keywords.items())
    if not _is_foreign(value):
        yield from _attributes(value)


def _is_foreign(value: Any) -> bool:
    """A Python module that is not the user's, or a class of the interpreter."""
    if isinstance(value, types.ModuleType):
        return not is_users(getattr(value, "__file__", None) or "<", "")
    return isinstance(value, type) and value.__module__ in sys.builtin_module_names


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Those of an object itself, and the parts of a `torch.nn.Module`."""
    held = getattr(value, "__dict__", None)
    if isinstance(held, (dict, types.MappingProxyType)):
        modules = held.get("_modules") if isinstance(held.get("_modules"), dict) else {}
        for name, item in (*list(held.items()), *modules.items()):
            if name in _BEHIND:
                yield "", item
            elif str(name)[:2] != "__" and item is not modules:
                yield (f"[{name}]" if str(name).isdigit() else f".{name}"), item


def _installed(file: str) -> bool:
    return _lies_in(file, ("stdlib", "platstdlib", "purelib", "platlib"))


@lru_cache(maxsize=4096)
def _lies_in(file: str, places: tuple[str, ...]) -> bool:
    path = Path(file).resolve()
    return any(path.is_relative_to(Path(place).resolve()) for name in places if (place := sysconfig.get_path(name)))
