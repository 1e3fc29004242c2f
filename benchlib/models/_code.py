"""Whose code a class, function or module is, and from where it is imported."""

from __future__ import annotations

import sys
import sysconfig
import types
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any


def is_users(item: Any) -> bool:
    """Whether a class, function or module is the user's own: of a notebook, a script or a file beside it."""
    module = item if isinstance(item, types.ModuleType) else sys.modules.get(getattr(item, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return not isinstance(item, types.ModuleType)
    file = getattr(module, "__file__", None)
    return bool(file) and file.endswith(".py") and not _installed(file)


def name_of(kind: type) -> str:
    """The name of a class; of the user's own without the module that it is in today."""
    return kind.__qualname__ if is_users(kind) else f"{kind.__module__}.{kind.__qualname__}"


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
