"""What models read while they are called for the first time: a part of them that weights and code do not tell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from benchlib.discovery.sought import files_of


class FirstCalls:
    """Notes what is read between the begin and the end of a first call, also what was read before."""

    def __init__(self, name_of: Callable[[str], str]) -> None:
        """`name_of` gives the path by which a file counts, or "" where it does not."""
        self.files: dict[str, None] = {}
        self.variables: dict[str, None] = {}
        self.looks: dict[str, None] = {}  # what else was asked of paths, and told
        self._name_of = name_of
        self._is_on, self._modules = False, frozenset[str]()

    def begin(self) -> None:
        """A model is called for the first time, maybe inside of another."""
        if not self._is_on:
            self._is_on, self._modules = True, frozenset(sys.modules)

    def end(self) -> None:
        """The first call of what the script itself calls has ended. Modules that were imported in it count, whether
        Python read their text or what it compiled of it before."""
        if not self._is_on:
            return
        self.files |= dict.fromkeys(files_of(frozenset(sys.modules) - self._modules, self._name_of))
        self._is_on = False

    def note_file(self, path: str) -> None:
        if self._is_on:
            self.files[path] = None

    def note_variable(self, name: str) -> None:
        if self._is_on:
            self.variables[name] = None

    def note_look(self, path: str, aspect: str, told: str) -> None:
        if self._is_on:
            self.looks[f"{os.path.basename(path)} {aspect} {told}"] = None
