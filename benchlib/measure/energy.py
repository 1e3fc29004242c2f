"""The energy run of a trial: a counter of the hardware, read around idling and around steady calls.

Measured or not at all: where no counter can be read there is a reason in its place, and no time is spent. NVML's
counter is that of the whole GPU and moves about every 100 ms; RAPL's are those of the CPU packages, all tenants
included, and start again at `max_energy_range_uj` (Linux, Documentation/power/powercap/powercap.rst).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol, TypeVar

from benchlib.errors import Unavailable
from benchlib.measure.samples import Samples
from benchlib.record import EnergyRecord, EnergyRepeat
from benchlib.record.metrics import Metrics
from benchlib.runtimes import _cuda

POWERCAP = Path("/sys/class/powercap")
REPEATS = 3
IDLE = LOAD = 10.0  # seconds, at least
BATCH = 0.5  # seconds that the calls of one request take, at least
T = TypeVar("T")


class Source(Protocol):
    """A counter of energy: joules since some moment, growing."""

    method: str

    def joules(self) -> float: ...


@dataclass
class Nvml:
    """The GPU's own counter since its driver was loaded; `read` gives millijoules."""

    read: Callable[[], int]
    method: str = "nvml_total"

    def joules(self) -> float:
        return self.read() / 1e3


@dataclass
class Rapl:
    """The counters of the CPU packages together. One restart between two readings is seen, which is minutes."""

    domains: list[Path]
    method: str = "rapl"
    _last: dict[Path, int] = field(default_factory=dict)
    _total: int = 0  # microjoules

    def joules(self) -> float:
        for domain in self.domains:
            now = int((domain / "energy_uj").read_text())
            grown = now - self._last.get(domain, now)
            if grown < 0:
                grown += int((domain / "max_energy_range_uj").read_text())
            self._last[domain] = now
            self._total += grown
        return self._total / 1e6


def source(device: str, powercap: Path = POWERCAP) -> Source:
    """The counter of what does the work: the GPU's, or the CPU's packages'. Raises Unavailable, with the reason."""
    return _rapl(powercap) if device == "cpu" else _nvml(device)


def _rapl(powercap: Path) -> Rapl:
    packages = [d for d in sorted(powercap.glob("intel-rapl:*")) if _is_package(d)]
    if not packages:
        raise Unavailable(f"no RAPL counter: {powercap} has no intel-rapl package")
    counter = Rapl(packages)
    try:
        counter.joules()
    except OSError as error:
        raise Unavailable(f"RAPL's counter cannot be read: {error}") from error
    return counter


def _is_package(domain: Path) -> bool:
    """`intel-rapl:0` is a package or the whole platform, `intel-rapl:0:0` a part of one."""
    return domain.name.count(":") == 1 and (domain / "name").read_text().startswith("package")


def _nvml(device: str) -> Nvml:
    handle = _cuda.nvml_handle(device)
    import pynvml

    counter = Nvml(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    try:
        counter.joules()
    except pynvml.NVMLError as error:
        raise Unavailable(f"NVML has no energy counter for {device}: {error}") from error
    return counter


def measure(
    counter: Source,
    call: Callable[[int], object],
    rest: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[EnergyRepeat]:
    """Idle and load, `REPEATS` times.

    Args:
        counter: what is read around both.
        call: makes so many calls, and returns when they are done.
        rest: stops what would call.
        clock: seconds.
        sleep: waits for so many of them.
    """
    calls = _calls_per_request(call, clock)
    repeats = []
    for _ in range(REPEATS):
        rest()
        idle_seconds, idle_joules, _ = _spent(counter, clock, lambda: sleep(IDLE))
        call(calls)  # clocks and caches are those of steady work again before the counter is read
        seconds, joules, done = _spent(counter, clock, lambda: _steady(call, calls, clock))
        repeats.append(EnergyRepeat(idle_seconds, idle_joules, seconds, joules, done))
    return repeats


def _calls_per_request(call: Callable[[int], object], clock: Callable[[], float]) -> int:
    """As many calls as take `BATCH`, so that asking for them costs nothing beside them. A warm-up, too."""
    calls = 1
    while True:
        begin = clock()
        call(calls)
        if clock() - begin >= BATCH:
            return calls
        calls *= 2


def _steady(call: Callable[[int], object], calls: int, clock: Callable[[], float]) -> int:
    """Calls for `LOAD` seconds; returns how many."""
    end, done = clock() + LOAD, 0
    while clock() < end:
        call(calls)
        done += calls
    return done


def _spent(counter: Source, clock: Callable[[], float], work: Callable[[], T]) -> tuple[float, float, T]:
    """Seconds and joules from the begin to the end of `work`, and what it returned."""
    begin, before = clock(), counter.joules()
    result = work()
    return clock() - begin, counter.joules() - before, result


def per_item(repeats: list[EnergyRepeat], items: int) -> float:
    """Joules per item of calls with `items` items: the median over repeats, what idling takes subtracted."""
    return median((r.joules - r.idle_joules / r.idle_seconds * r.seconds) / (r.calls * items) for r in repeats)


def metrics(record: EnergyRecord | None, items: int) -> Metrics:
    """The metrics of an energy run of calls with `items` items; without a run there is none."""
    if record is None:
        return Metrics()
    runs = record.contenders
    energies = [per_item(run.repeats, items) if run.repeats else None for run in runs] or [None]
    problems = [f"{run.label}: {run.problem}" for run in runs if run.problem]
    own = Metrics(
        energy_per_item=energies[-1],
        energy_method=record.method,
        energy_idle_subtracted=energies[-1] is not None,
        energy_not_measured=record.reason or "; ".join(problems),
    )
    return own | ({"energy_per_item_reference": energies[0]} if len(energies) > 1 else {})


def cpu_time_per_item(samples: Samples, contender: int, items: int) -> float:
    """CPU seconds per item over the timed blocks, the first call of each after a stop included."""
    blocks = [b for b in samples.blocks if b.contender == contender and b.round >= 0]
    return sum(b.cpu for b in blocks) / 1e9 / (sum(len(b.ns) * b.loops for b in blocks) * items)
