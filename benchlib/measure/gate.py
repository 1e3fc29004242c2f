"""The quiet gate of a measurement: it waits before each replicate, and looks at the host beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchlib.measure.contender import Launcher
from benchlib.measure.gpu_load import GpuWatch
from benchlib.measure.host_load import HostLoad, HostWatch, Reading
from benchlib.measure.waiting import Waited, Waiting, may_wait


@dataclass(frozen=True)
class Gate:
    """How a measurement waits, and whom it tells.

    Attributes:
        wait_for_quiet: seconds for which all its replicates together wait at most.
        progress: is told how many replicates are done, and how many there will be.
        say: is told in words that it waits, and "" when it goes on.
    """

    wait_for_quiet: float = 0.0
    progress: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda words: None

    def begin(self, launcher: Launcher, device: str) -> GateRun:
        """The gate of one measurement by the workers of a launcher, on a device."""
        gpu = GpuWatch(device, lambda: [worker.pid for worker in launcher.workers])
        waiting = Waiting(
            may_wait(self.wait_for_quiet), launcher.host, launcher.give_host_away, self.say, gpu.busy_in_words
        )
        return GateRun(waiting, gpu, launcher.host)


@dataclass
class GateRun:
    """The gate of one measurement that goes on."""

    waiting: Waiting
    gpu: GpuWatch
    host: HostWatch
    _before: Reading | None = None

    def wait(self, left: int) -> Waited:
        """Waits before a replicate, of which so many are left."""
        return self.waiting.before_replicate(left)

    def begin_replicate(self) -> None:
        """From here on the host is looked at for the replicate: its processes are open."""
        self.gpu.keep()
        self._before = self.host.note()

    def load(self, replicate: int, waited: Waited) -> HostLoad:
        """What happened on the host during a replicate."""
        if self._before is None:
            raise ValueError("no replicate has begun")
        load = self.host.since(self._before)
        return replace(load, replicate=replicate, waited=waited.seconds, was_quiet=waited.quiet)
