"""Loading a model, and saying what it is without that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.record.metadata import SavedModel
from benchlib.worker.messages.request import Request


@dataclass(frozen=True)
class LoadModel(Request[SavedModel], verb="load"):
    """Builds the model of a source and saves it, with its inputs, into `folder`."""

    source: str
    name: str
    trial: dict[str, Any]  # every parameter
    folder: Path
    import_paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ModelDescription:
    """What is known of a model that nobody has loaded."""

    unknown: str = ""  # why nothing is known
    params_size: int | None = None  # count
    weights_size: int = 0  # bytes, with all buffers
    input_size: int = 0  # bytes
    input_shapes: str = ""
    model_task: str = ""


@dataclass(frozen=True)
class DescribeModel(Request[ModelDescription], verb="describe"):
    """Says what a model is without loading its weights (`benchlib.worker.details`)."""

    source: str
    name: str
    trial: dict[str, Any]
