"""What is in force for a module in the process that gives it, and does not come along: whoever opens it elsewhere runs
another model.

Seen are autocast, hooks on all modules, and what the user's code put in the place of a package's own: a method of a
class in the module's tree, a function in the file of such a class or in `torch.nn.functional`.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchlib.discovery import names

_HOOKS = ("_global_forward_hooks", "_global_forward_pre_hooks")


def in_force(module: Any) -> list[str]:
    """Each thing that a module opened elsewhere would be without, in words that follow "it is given"."""
    return [*_autocast(module), *_hooks(), *sorted(set(_replaced(module)))]


def _autocast(module: Any) -> Iterator[str]:
    import torch

    kinds = {"cpu", *(t.device.type for t in (*module.parameters(), *module.buffers()))}
    for kind in sorted(kinds - {"meta"}):
        if torch.is_autocast_enabled(kind):
            yield f"under autocast ({kind}, {torch.get_autocast_dtype(kind)})".replace("torch.", "")


def _hooks() -> Iterator[str]:
    import torch

    if any(getattr(torch.nn.modules.module, name) for name in _HOOKS):
        yield "with hooks on all modules (torch.nn.modules.module.register_module_forward_hook and its like)"


def _replaced(module: Any) -> Iterator[str]:
    """Functions of the user's in the place of a package's own."""
    import torch

    kinds = {kind for part in module.modules() for kind in type(part).__mro__ if _is_packages(kind)}
    files = {"torch.nn.functional": torch.nn.functional}
    files |= {kind.__module__: sys.modules[kind.__module__] for kind in kinds}
    holders = {f"{kind.__module__}.{kind.__qualname__}": vars(kind) for kind in kinds}
    holders |= {name: vars(file) for name, file in files.items()}
    for place, held in holders.items():
        for name, item in list(held.items()):
            function = getattr(item, "__wrapped__", item)
            if isinstance(function, types.FunctionType) and names.is_users(function.__code__.co_filename, ""):
                yield f"with {place}.{name} replaced by a function of {Path(function.__code__.co_filename).name}"


def _is_packages(kind: type) -> bool:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and not names.is_users(file, "")
