"""What the record says of the sessions that were timed, and of their time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchlib.record.metadata import Session


@dataclass
class ContenderRecord:
    """One of the sessions that were timed against each other; the first is the reference, the last the trial's own."""

    label: str
    way: dict[str, Any]  # the parameters of its way by name (`benchlib.way.Way`)
    session: Session | None = None  # None: it was never opened
    device_times: list[DeviceTimes] = field(default_factory=list)  # on CUDA, one per process
    processes: list[ProcessSettings] = field(default_factory=list)  # one per process that was timed


@dataclass
class ProcessSettings:
    """What one timed process said of itself (`benchlib.record.metadata.Session` of the first has all of it). The checks
    hold each process to what was asked for: another one of the same contender need not be as the first is."""

    input_hash: str = ""
    providers: str = ""
    threads: int | None = None
    devices: list[str] = field(default_factory=list)
    precision: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session) -> ProcessSettings:
        """Those of an open session."""
        return cls(session.input_hash, session.providers, session.threads, session.devices, session.precision)


@dataclass
class DeviceTimes:
    """A call in its parts, by the device's own clock: medians in seconds over `calls` calls."""

    calls: int
    whole: float
    compute: float
    copy_in: float
    copy_out: float
    back_to_back: float  # per call, of calls that nobody waits for


@dataclass
class ProcessStability:
    """How steady one process of one contender ran (`benchlib.measure.steadiness`)."""

    contender: int
    replicate: int
    flags: list[str]
    levels: list[float]  # medians of its segments, in time order, in seconds
    modes: list[float] | None = None  # medians of two modes, where there are two
    correlation: float = 1.0  # autocorrelation time in samples


@dataclass
class OperatorTime:
    """One operator of a profiled call: how often it ran there, and for how long, per call of the model."""

    operator: str
    provider: str
    calls: float
    seconds: float
