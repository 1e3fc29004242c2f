"""What is pickled with its code instead of its name: what other processes could not import.

benchlib's own classes, so that what they stand in opens without benchlib; what a notebook or a script defines, as
cloudpickle does of itself; and the user's modules that no import path leads to, since they were loaded from their
file or made while the program ran.
"""

from __future__ import annotations

import contextlib
import copyreg
import importlib
import importlib.machinery
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from functools import lru_cache

_REACHABLE: set[str] = set()  # names of modules that were looked at


@contextlib.contextmanager
def by_value() -> Iterator[None]:
    """Lets cloudpickle take such modules by value."""
    import cloudpickle

    import benchlib

    modules = [benchlib, *unreachable()]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    named = dict.fromkeys(_kinds_of_modules() - set(copyreg.dispatch_table), _as_named)
    copyreg.dispatch_table.update(named)
    try:
        yield
    finally:
        for kind in named:
            copyreg.dispatch_table.pop(kind, None)
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _kinds_of_modules() -> set[type]:
    """Classes of modules that are not the usual one and do not say how they are pickled: that of `torch.ops`."""
    kinds = {type(module) for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)}
    return {kind for kind in kinds if kind is not types.ModuleType and kind.__reduce__ is object.__reduce__}


def _as_named(module: types.ModuleType) -> tuple[Callable[[str], types.ModuleType], tuple[str]]:
    return importlib.import_module, (module.__name__,)


def unreachable() -> list[types.ModuleType]:
    """The user's modules that another process with the same import path could not import."""
    found = []
    for name, module in list(sys.modules.items()):
        if name in _REACHABLE or not isinstance(module, types.ModuleType) or module.__name__ != name:
            continue
        if _is_foreign(name) or _is_found(name, module):
            _REACHABLE.add(name)
        else:
            found.append(module)
    return found


def _is_foreign(name: str) -> bool:
    """Whether a module belongs to the interpreter, an installed package, or cloudpickle's own care."""
    first = name.partition(".")[0]
    top = sys.modules.get(first)
    if name in ("__main__", "__mp_main__") or first in sys.stdlib_module_names or first == "benchlib" or top is None:
        return True
    places = [getattr(top, "__file__", None), *getattr(top, "__path__", ())]
    return any(_installed(place) for place in places if place)


def _is_found(name: str, module: types.ModuleType) -> bool:
    """Whether the import path leads to this very file."""
    file = getattr(module, "__file__", None)
    parent = sys.modules.get(name.rpartition(".")[0])
    path = list(getattr(parent, "__path__", ())) if parent else None
    try:
        spec = importlib.machinery.PathFinder.find_spec(name, path)
    except (ImportError, ValueError, AttributeError):
        return False
    if spec is None:
        return False
    if file is None:  # a package without an __init__
        return spec.origin is None
    return spec.origin is not None and os.path.realpath(spec.origin) == os.path.realpath(file)


@lru_cache(maxsize=4096)
def _installed(place: str) -> bool:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    path = os.path.realpath(place)
    return any(path.startswith(os.path.realpath(folder) + os.sep) for folder in folders if folder)
