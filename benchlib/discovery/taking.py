"""Saving a module as it is called, with the inputs of that call."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib.discovery import source
from benchlib.discovery.journal import Journal


def taker(
    journal: Journal, folder: Path, script: str, text: bytes, code: types.CodeType
) -> Callable[[Any, dict[str, Any], int], None]:
    """What saves a module, and ends the process: nothing of the script is wanted any more."""
    start = os.getcwd()

    def take(module: Any, inputs: dict[str, Any], positional: int) -> None:
        try:
            source.restore(code, text, script)
            _save(module, inputs, positional, folder, [str(Path(script).parent), start])
            journal.say("taken")
        except Exception as error:
            journal.say("not_taken", text=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        os._exit(0)

    return take


def _save(module: Any, inputs: dict[str, Any], positional: int, folder: Path, paths: list[str]) -> None:
    from benchlib import tensors
    from benchlib.models import _code, _saved
    from benchlib.models._facts import class_name

    kinds = list(dict.fromkeys(kind for part in module.modules() for kind in type(part).__mro__))
    _saved.save(module, folder / "model.pt")
    tensors.save(folder / "inputs.npz", inputs)
    meta = {
        "class": class_name(module),
        "positional": list(inputs)[:positional],
        "weights": "as given",
        "paths": list(dict.fromkeys([*_code.roots(kinds), *paths])),
    }
    (folder / "meta.json").write_text(json.dumps(meta))
