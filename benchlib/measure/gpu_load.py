"""What others do on the trial's GPU, and what slows it down: NVML, before and between replicates.

Our own sessions are stopped then. In a container NVML may name processes by numbers of another namespace: where none of
ours is among them, nobody's are told apart and nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from benchlib.errors import Unavailable
from benchlib.measure.thresholds import BUSY, LOST
from benchlib.runtimes import _cuda
from benchlib.worker import gpu_clocks


@dataclass(frozen=True)
class GpuReading:
    """The GPU at one moment."""

    others: int | None  # compute processes that are not ours; None: not known
    busy: float | None  # share of the last second or so in which kernels of theirs ran; None: not known
    slowed: tuple[str, ...] = ()  # by what, in words


@dataclass
class GpuWatch:
    """The readings of a trial. On the CPU, and without NVML, there are none.

    Attributes:
        device: cpu, cuda or cuda:N.
        ours: the process numbers that are ours.
        nvml: the module `pynvml` and the handle of the device; found when it is None.
    """

    device: str
    ours: Callable[[], Iterable[int]]
    nvml: tuple[Any, Any] | None = None
    readings: list[GpuReading] = field(default_factory=list)  # one for each replicate
    _last: GpuReading | None = None
    _asked_at: int = 0  # microseconds: the last time stamp of NVML's samples

    def keep(self) -> None:
        """Keeps the last reading: a replicate begins now. Those of waiting before it are none of its."""
        if self._last is not None:
            self.readings.append(self._last)

    def read(self) -> GpuReading | None:
        """What is done on the GPU, since the last reading as far as NVML remembers; None where nothing can be read."""
        if self.nvml is None and self.device != "cpu":
            self.nvml = _nvml(self.device)
        if self.nvml is None:
            return None
        others = self._others()
        slowed = tuple(gpu_clocks.slowed({"reasons": self._ask("nvmlDeviceGetCurrentClocksEventReasons") or 0}))
        self._last = GpuReading(None if others is None else len(others), self._busy(others), slowed)
        return self._last

    def busy_in_words(self) -> str:
        """What keeps the GPU busy now, or ""."""
        reading = self.read()
        if reading is None or not reading.others or (reading.busy or 0.0) <= BUSY:
            return ""
        return f"{reading.others} other processes compute on {self.device}"

    def causes(self) -> tuple[str, ...]:
        """What makes a verdict worthless, by the names of `verdicts.CAUSES`: seen in at least half of the readings."""
        half = len(self.readings) / 2
        found = {
            "gpu_busy": sum(bool(r.others) and (r.busy or 0.0) > LOST for r in self.readings),
            "gpu_slowed": sum(bool(r.slowed) for r in self.readings),
        }
        return tuple(name for name, times in found.items() if times and times >= half)

    def _others(self) -> set[int] | None:
        running = self._ask("nvmlDeviceGetComputeRunningProcesses")
        if running is None:
            return None
        pids, ours = {process.pid for process in running}, set(self.ours())
        return pids - ours if pids & ours or not pids else None

    def _busy(self, others: set[int] | None) -> float | None:
        """How busy the streaming multiprocessors were with work of others since the last time; 0 without any."""
        if not others:
            return None if others is None else 0.0
        samples = self._ask("nvmlDeviceGetProcessUtilization", self._asked_at)
        if samples is None:
            return None
        self._asked_at = max((s.timeStamp for s in samples), default=self._asked_at)
        by_process = {s.pid: s.smUtil / 100 for s in samples if s.pid in others}
        return min(1.0, float(sum(by_process.values())))

    def _ask(self, question: str, *arguments: Any) -> Any:
        """NVML's answer about the device; None where it has none: not every GPU and driver answers every question."""
        if self.nvml is None:
            return None
        module, handle = self.nvml
        try:
            return getattr(module, question)(handle, *arguments)
        except module.NVMLError:
            return None


def _nvml(device: str) -> tuple[Any, Any] | None:
    try:
        handle = _cuda.nvml_handle(device)
    except Unavailable:  # no package, no library, no driver: nothing to read
        return None
    import pynvml

    return pynvml, handle
