"""Modules that the user's code imports, or asks for: where they were looked for before they were found.

A module that is put into one of these places later is another script.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

_FORMS = (*importlib.machinery.EXTENSION_SUFFIXES, *importlib.machinery.SOURCE_SUFFIXES)


class Sought(importlib.abc.MetaPathFinder):
    """Finds nothing itself: `sought` is called with each module that is looked for, and the folders of its package."""

    def __init__(self, sought: Callable[[str, Sequence[str] | None], None]):
        self._sought = sought

    def find_spec(self, name, path=None, target=None):
        self._sought(name, path)
        return None


def places_of(module: str, path: Sequence[str] | None) -> Iterator[tuple[str, bool]]:
    """The files in which a module may lie, and whether they are there, up to the folder in which it lies."""
    for place in sys.path if path is None else path:
        folder = os.path.abspath(os.path.join(place, module.rpartition(".")[2]))
        files = (os.path.join(folder, "__init__.py"), *(folder + form for form in _FORMS))
        there = {file: os.path.exists(file) for file in files}
        yield from there.items()
        if any(there.values()):
            return


def files_of(modules: Iterable[str], name_of: Callable[[str], str]) -> Iterator[str]:
    """The files of modules by their names, as far as they count: where `name_of` has a path for them."""
    for module in modules:
        file = getattr(sys.modules.get(module), "__file__", None)
        if name := name_of(file) if file else "":
            yield name
