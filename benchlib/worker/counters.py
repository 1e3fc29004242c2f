"""What disturbed a block, from the kernel's own counters: read before and after it, never inside the timing.

Files are opened once and read in place, so that a reading costs some tens of microseconds. A counter that this
system does not have is left out; nothing is guessed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable
from pathlib import Path

from benchlib.worker.process import THREAD_VARIABLES

_STAT_SIZE = 1 << 18  # bytes of /proc/stat that hold the lines of all cores
_TICK = 10**9 // os.sysconf("SC_CLK_TCK")  # nanoseconds
_TASKS = "/proc/self/task"
_CPU = Path("/sys/devices/system/cpu")


class Counters:
    """The counters of this process and its machine. Times in nanoseconds, since whenever the kernel began.

    steal         taken by the host of a virtual machine, of as many of the cores that this process may use as it asked
                  for threads
    pressure      some task waited for a processor (PSI `some`), anybody's
    run_delay     this process's threads were runnable and did not run, all together, ended ones too
    throttled     the cgroup's quota was used up
    involuntary   context switches that this process did not ask for; `voluntary` those that it did
    major_faults  pages that came from a disk; `minor_faults` those that did not
    thermal       times that a core was slowed down for its temperature
    """

    def __init__(self) -> None:
        readers = {
            "steal": _opened(Path("/proc/stat"), _steal_of(os.sched_getaffinity(0)), _STAT_SIZE),
            "pressure": _opened(
                Path("/proc/pressure/cpu"), lambda text: int(text.split(b"\n", 1)[0].rpartition(b"=")[2]) * 1000
            ),
            "throttled": throttled_reader(),
            "thermal": _thermal(),
        }
        self._readers = {name: reader for name, reader in readers.items() if reader}
        self._tasks: dict[str, int] = {}  # thread -> descriptor of its schedstat
        self._delays: dict[str, int] = {}  # thread -> its delay when it was last read
        self._delay = 0  # of all threads, since the first reading
        self._keeps_delays = any(Path(_TASKS).glob("*/schedstat"))
        self._requested = requested_threads()
        self._cores = len(os.sched_getaffinity(0))
        self._frequencies = [f for f in (_descriptor(p) for p in _frequency_files()) if f is not None]

    def read(self) -> dict[str, int]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            **{name: reader() for name, reader in self._readers.items()},
            **({"run_delay": self._run_delay()} if self._keeps_delays else {}),
            "involuntary": usage.ru_nivcsw,
            "voluntary": usage.ru_nvcsw,
            "major_faults": usage.ru_majflt,
            "minor_faults": usage.ru_minflt,
        }

    def since(self, before: dict[str, int]) -> dict[str, int]:
        """What has been counted since `before`, and what is now: `threads` of this process, those that were
        `requested`, `clock` (kHz, the mean over the cores that this process may use) where the kernel tells."""
        after = self.read()
        found: dict[str, int] = {name: max(0, after[name] - before.get(name, 0)) for name in after}
        found["threads"] = len(self._tasks)
        if self._requested:
            found["requested"] = self._requested
            if "steal" in found:  # what was taken of cores that nobody asked for is no loss
                found["steal"] = found["steal"] * min(self._requested, self._cores) // self._cores
        if self._frequencies:
            found["clock"] = sum(int(os.pread(f, 64, 0)) for f in self._frequencies) // len(self._frequencies)
        return found

    def _run_delay(self) -> int:
        tasks = os.listdir(_TASKS)
        for gone in self._tasks.keys() - tasks:
            os.close(self._tasks.pop(gone))
        for task in tasks:
            try:
                if task not in self._tasks:
                    self._tasks[task] = os.open(f"{_TASKS}/{task}/schedstat", os.O_RDONLY)
                    self._delays[task] = 0  # what it waited since it began; before the first reading nobody asks
                delay = int(os.pread(self._tasks[task], 100, 0).split()[1])
            except (OSError, IndexError):  # it ended meanwhile
                continue
            self._delay += max(0, delay - self._delays[task])
            self._delays[task] = delay
        return self._delay


def _descriptor(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def requested_threads() -> int:
    """How many threads this process was started to use; 0 where nobody said."""
    text = os.environ.get(THREAD_VARIABLES[0], "")
    return int(text) if text.isdigit() else 0


def _steal_of(cores: Iterable[int]) -> Callable[[bytes], int]:
    """Sums what was stolen of these cores, in the text of /proc/stat."""
    lines = {f"cpu{core}".encode() for core in cores}

    def sum_up(text: bytes) -> int:
        rows = [row.split() for row in text.split(b"\nintr", 1)[0].split(b"\n")]
        return sum(int(row[8]) for row in rows if row and row[0] in lines) * _TICK

    return sum_up


def _opened(path: Path, parse: Callable[[bytes], int], size: int = 4096) -> Callable[[], int] | None:
    """A reader of one number in the first `size` bytes of a file; None where the file is not there or does not hold
    it."""
    descriptor = _descriptor(path)
    if descriptor is None:
        return None
    try:
        parse(os.pread(descriptor, size, 0))
    except (OSError, ValueError, IndexError):
        os.close(descriptor)
        return None
    return lambda: parse(os.pread(descriptor, size, 0))


def throttled_reader() -> Callable[[], int] | None:
    """Reads for how many nanoseconds the cgroup of this process was throttled (`throttled_usec` of version 2,
    `throttled_time` of version 1); None where it does not say."""
    try:
        lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return None
    for _, controllers, group in lines:
        if not controllers:
            found = _opened(
                Path(f"/sys/fs/cgroup{group}/cpu.stat"), lambda text: _field(text, b"throttled_usec") * 1000
            )
        elif "cpu" in controllers.split(","):
            found = _opened(Path(f"/sys/fs/cgroup/cpu{group}/cpu.stat"), lambda text: _field(text, b"throttled_time"))
        else:
            continue
        if found:
            return found
    return None


def _field(text: bytes, name: bytes) -> int:
    """The number after `name` in a text of names and numbers. Raises IndexError where there is none."""
    return int(text.split(name, 1)[1].split(None, 1)[0])


def _thermal() -> Callable[[], int] | None:
    files = [_descriptor(p) for p in sorted(_CPU.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"))]
    files = [f for f in files if f is not None]
    return (lambda: sum(int(os.pread(f, 32, 0)) for f in files)) if files else None


def _frequency_files() -> list[Path]:
    return [_CPU / f"cpu{n}" / "cpufreq" / "scaling_cur_freq" for n in sorted(os.sched_getaffinity(0))]
