"""What the record says of memory and energy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Footprint:
    """The memory of one process in one phase (`benchlib.worker.footprint`)."""

    peak: int
    rss: int
    pss: int
    private: int
    file: int
    untouched: int = 0  # of the artifact's files, mapped and not resident
    cuda_allocated: int | None = None
    cuda_reserved: int | None = None
    nvml: int | None = None


Phases = dict[str, Footprint]  # baseline, session, first, steady; or baseline, load, export


@dataclass
class MemoryRecord:
    """The memory of one contender, a mapping of phases for each process."""

    label: str
    problem: str = ""  # why figures are missing
    settings: dict[str, Any] = field(default_factory=dict)  # of the allocators
    sessions: list[Phases] = field(default_factory=list)
    exports: list[Phases] = field(default_factory=list)


@dataclass
class EnergyRepeat:
    """One spell of idling and one of steady calls."""

    idle_seconds: float
    idle_joules: float
    seconds: float
    joules: float
    calls: int


@dataclass
class ContenderEnergy:
    """The energy run of one contender."""

    label: str
    problem: str = ""
    repeats: list[EnergyRepeat] = field(default_factory=list)


@dataclass
class EnergyRecord:
    """The energy run of a trial."""

    method: str  # of reading the counter; "none"
    reason: str = ""  # why nothing was measured
    contenders: list[ContenderEnergy] = field(default_factory=list)
