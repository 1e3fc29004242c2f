"""A model of a Python package that is not installed: `package:NAME/path`. Nothing is known of it but what it needs; of
an installed package the file or directory is opened as any other."""

from __future__ import annotations

from typing import Any

from benchlib.errors import Unavailable
from benchlib.registry import Source


def lacks(trial: Any) -> str:
    package = trial.model.partition(":")[2].partition("/")[0]
    return f"model '{trial.model}': the package '{package}' is not installed"


def load(name: str, trial: Any) -> Any:
    raise Unavailable(lacks(trial))


source = Source(
    name="package",
    summary="what an installed Python package ships",
    load=load,
    lacks=lacks,
    gives="",
)
