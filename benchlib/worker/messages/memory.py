"""What memory a process takes, in the phases of a session or an export; its calls are those of an energy run too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib.record import Footprint
from benchlib.worker.messages.request import Done, Request


@dataclass(frozen=True)
class Allocators:
    """The settings of the allocators that this process runs with."""

    settings: dict[str, Any]


@dataclass(frozen=True)
class ImportModules(Request[Allocators], verb="imports"):
    """Imports what a process needs before it opens anything, and on CUDA makes the empty context."""

    modules: list[str]
    device: str
    import_paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OpenSavedModel(Request[Done], verb="open_saved_model"):
    """Opens a loaded model from its folder, as an export begins with."""

    model: Path


@dataclass(frozen=True)
class MakeCalls(Request[Done], verb="call"):
    """Makes calls and times none of them."""

    calls: int


@dataclass(frozen=True)
class ResetPeak(Request[Done], verb="reset_peak"):
    """Sets the peaks of memory back to what is held now."""

    device: str


@dataclass(frozen=True)
class ReadFootprint(Request[Footprint], verb="footprint"):
    """What this process holds now, and held at most since `ResetPeak`."""

    device: str
    folder: str = ""  # whose files count for `untouched`
