"""Which way of running this model is fastest here, is it still right, and can the figure be believed?

The names below are the library's face for notebooks and scripts. They are imported when first used:
`import benchlib` loads neither torch nor pandas, and switches their telemetry off before anybody does.
"""

from __future__ import annotations

import importlib

from benchlib.telemetry import switch_off

switch_off()

__version__ = "0.1.0"

_FACE = {
    "Trial": "benchlib.trial",
    "UserError": "benchlib.errors",
    "begin": "benchlib.stages",
    "choose": "benchlib.api",
    "labels": "benchlib.model_labels",
    "run": "benchlib.api",
    "sweep": "benchlib.api",
}
__all__ = ["Trial", "UserError", "begin", "choose", "labels", "run", "sweep"]


def __getattr__(name: str):
    if name not in _FACE:
        raise AttributeError(f"module 'benchlib' has no attribute '{name}'")
    return getattr(importlib.import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
