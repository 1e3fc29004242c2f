"""What models read while they are called for the first time: a part of them that weights and code do not tell."""

from __future__ import annotations


class FirstCalls:
    """Notes names that are read between the begin and the end of a first call, known ones too."""

    def __init__(self) -> None:
        self.files: dict[str, None] = {}
        self.variables: dict[str, None] = {}
        self._is_on = False

    def begin(self) -> None:
        """A model is called for the first time, maybe inside of another."""
        self._is_on = True

    def end(self) -> None:
        """The first call of what the script itself calls has ended."""
        self._is_on = False

    def note_file(self, path: str) -> None:
        if self._is_on:
            self.files[path] = None

    def note_variable(self, name: str) -> None:
        if self._is_on:
            self.variables[name] = None
