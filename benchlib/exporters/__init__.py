"""Ways from a model to an artifact: one file per exporter, each declaring an `exporter`
(see `benchlib.registry.Exporter`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.record.metadata import FreeAxes
from benchlib.registry import Options

ALIASES = {"torch_script": "script"}  # other systems' names of what is here


@dataclass(frozen=True)
class ExportRequest:
    """What an exporter is asked to export, in the builder worker.

    `axes` says which dimensions stay free, by the flat name of an input (`benchlib.tensors.flatten`) and its axis:
    {"input_ids": {0: "batch", 1: "seq_length"}}; empty: none. The example inputs of `model` then have at least two
    of each.
    """

    model: Any  # a benchlib.models.LoadedModel
    path: Path  # of what is written, without a suffix: the exporter adds its own
    options: Options = field(default_factory=dict)
    target_opset: int | None = None  # None: the exporter's own
    axes: FreeAxes = field(default_factory=dict)
    opt_patterns: str = ""  # for an exporter that has patterns of its own
