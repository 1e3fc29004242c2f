"""The calls of modules that are under way, in each thread."""

from __future__ import annotations

import threading
from typing import Any

from benchlib.discovery import callers


class Active:
    """A call that is under way: the module, behind what it is wrapped in, with its row and hash."""

    __slots__ = ("hash", "modules", "row")

    def __init__(self, modules: tuple[Any, ...], row: int | None, hash: str):
        self.modules, self.row, self.hash = modules, row, hash

    def goes_through(self, module: Any, begin: int = 0) -> bool:
        """Whether this is one of its modules, the first `begin` of them left out."""
        return any(module is one for one in self.modules[begin:])


class _Here(threading.local):
    """The calls of this thread; `everywhere` has those of all threads."""

    def __init__(self, everywhere: dict[int, list[Active]]):
        self.stack: list[Active] = []
        everywhere[threading.get_ident()] = self.stack


class Calls:
    """The calls under way."""

    def __init__(self) -> None:
        self._everywhere: dict[int, list[Active]] = {}
        self._here = _Here(self._everywhere)

    @property
    def stack(self) -> list[Active]:
        """Those of this thread, the innermost last."""
        return self._here.stack

    def are_on_the_way_to(self, module: Any, begin: int = 0) -> bool:
        """Whether the innermost call goes through a module, the first `begin` of its modules left out."""
        return bool(self.stack) and self.stack[-1].goes_through(module, begin)

    def hold_elsewhere(self, module: Any) -> bool:
        """Whether a model is under way in another thread that holds this one: it calls its parts in threads."""
        under_way = [stack[0].modules[-1] for stack in list(self._everywhere.values()) if stack]
        return any(model is not module and callers.holds(model, module) for model in under_way)
