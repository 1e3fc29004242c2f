"""Saving a module as it is called, with the inputs of that call."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib.discovery import names
from benchlib.discovery.identity import CallInputs
from benchlib.discovery.journal import Journal, NotTaken, Taken
from benchlib.errors import UserError

Take = Callable[[Any, CallInputs, int], None]  # of a module, the inputs of its call, how many of them go by position


def taker(journal: Journal, folder: Path, script: str) -> Take:
    """What saves a module, and ends the process: nothing of the script is wanted any more."""
    start = os.getcwd()

    def take(module: Any, inputs: CallInputs, positional: int) -> None:
        try:
            _save(module, inputs, positional, folder, [str(Path(script).parent), start])
            journal.say(Taken())
        except Exception as error:
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            journal.say(NotTaken(f"{kind}{' '.join(str(error).split())[:300]}"))
        os._exit(0)

    return take


def _save(module: Any, inputs: CallInputs, positional: int, folder: Path, paths: list[str]) -> None:
    from benchlib.models import _as_called, _code, _given

    kinds = list(dict.fromkeys(kind for part in module.modules() for kind in type(part).__mro__))
    known = list(dict.fromkeys([*_code.roots(kinds), *paths]))
    _leave_own_call(module)
    by_position = list(inputs)[:positional]
    _given.save(folder, module, inputs, by_position, _given.Origin("as given", known))
    _as_called.keep(folder, module, inputs, by_position)


def _leave_own_call(module: Any) -> None:
    """Lets a module whose class has a `__call__` of its own be called as any other: its inputs are those of `forward`,
    and so are the outputs that every way of exporting it gives."""
    from torch.nn import Module

    kind = type(module)
    own = kind.__call__
    if isinstance(own, types.FunctionType) and names.is_users(own.__code__.co_filename, ""):
        called = {"__call__": Module._wrapped_call_impl, "__module__": "__main__"}
        module.__class__ = type(kind.__name__, (kind,), called)
