"""Where the time goes: the parts of a call, its operators, and what the machine does at most and just now."""

from __future__ import annotations

from dataclasses import dataclass

from benchlib.record import DeviceTimes, OperatorTime
from benchlib.worker.messages.request import Request


@dataclass(frozen=True)
class DeviceReply:
    """None: the session has no such parts."""

    times: DeviceTimes | None = None


@dataclass(frozen=True)
class TimeOnDevice(Request[DeviceReply], verb="device"):
    """Times a call in its parts by the device's own clock, over `calls` calls."""

    calls: int


@dataclass(frozen=True)
class Profile:
    """Rows per call of the model, the slowest operator first."""

    operators: list[OperatorTime]


@dataclass(frozen=True)
class ProfileCalls(Request[Profile], verb="profile"):
    """Calls under the runtime's own profiler."""

    calls: int


@dataclass(frozen=True)
class ReferenceLoad:
    """Nanoseconds of each reading: a counted loop on one core, and a copy of 16 MiB."""

    compute: list[int]
    copy: list[int]


@dataclass(frozen=True)
class ReadReferenceLoad(Request[ReferenceLoad], verb="reference_load"):
    """Times two fixed pieces of work that tell how fast this machine is just now."""


@dataclass(frozen=True)
class Peaks:
    """FLOP/s and bytes/s."""

    flop_rate: float
    memory_bandwidth: float
    how: str  # the library that was the fastest
    cache_size: int | None = None  # bytes, on CUDA


@dataclass(frozen=True)
class MeasurePeaks(Request[Peaks], verb="peaks"):
    """The most that this machine does: products of large matrices, and large copies."""

    dtype: str
    device: str
    threads: int
    seconds: float
    array_size: int  # bytes of an array that is copied
