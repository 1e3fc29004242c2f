"""The digest of the source of a module that a function imports when it is called.

The module may not be there yet, and is not imported for this: its file is found and read, with the files beside it that
it needs in its turn. So the digest is the same before the first call and after it.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from benchlib.import_closure import ImportGraph, Packages
from benchlib.models._code import is_users_file


def source_digest(level: int, name: str, parts: Iterable[str], package: str) -> str:
    """The digest of what `from ..name import parts` reads, with `level` dots, in a module of `package`; "" of what is
    not the user's, whose name is enough, and of what is not found."""
    with suppress(ImportError, ValueError, OSError, SyntaxError):
        absolute = importlib.util.resolve_name("." * level + name, package) if level else name
        if folder := _folder_of(absolute.partition(".")[0]):
            graph = ImportGraph(Packages((), beside=folder))
            modules = [graph.module(dotted) for dotted in (absolute, *(f"{absolute}.{part}" for part in parts))]
            files = sorted({file for module in modules if module for file in graph.closure(module)})
            told = [f"{file.relative_to(folder)} {graph.digest(file)}" for file in files]
            return hashlib.sha256("\n".join(told).encode()).hexdigest()
    return ""


def _folder_of(top: str) -> Path | None:
    """The folder of the user's in which a top-level module or package is."""
    found = importlib.machinery.PathFinder.find_spec(top)
    if found is None:
        return None
    if not found.origin:  # a package without an __init__.py
        folders = [Path(place).parent for place in found.submodule_search_locations or ()]
        return next((folder for folder in folders if is_users_file(str(folder / f"{top}.py"))), None)
    if not is_users_file(found.origin):
        return None
    file = Path(found.origin)
    return file.parent.parent if file.name == "__init__.py" else file.parent
