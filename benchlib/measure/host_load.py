"""How busy others keep this host: what its cores did, minus what every process of ours did.

`/proc/stat` counts the allowed cores and their hyperthread siblings in steps of 10 ms, which is too coarse for a
block: a replicate is looked at, or the seconds before it. Ours are this process (the kernel), its parent (the driver),
the workers, stopped ones too, and the warm servers that forked them; what a worker took that has ended is its parent's.
Where the system does not say what others do, nothing is guessed and the reason is kept.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from benchlib import machine
from benchlib.measure.thresholds import LEAST_LOOK, LOOK_BACK
from benchlib.worker.counters import throttled_reader

_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds
_CPU = Path("/sys/devices/system/cpu")
_STAT = Path("/proc/stat")
_KEPT = 64  # readings
_STANDS_STILL = 0.5  # share of the wall time that the cores' own count has to reach, or it speaks of other cores


@dataclass(frozen=True)
class Reading:
    """What had been counted at one moment, in seconds since whenever the system began."""

    at: float  # on a clock that never goes back
    busy: float = 0.0  # of the allowed cores and their siblings, by anybody
    passed: float = 0.0  # of them, busy or idle
    steal: float = 0.0  # of the allowed cores
    throttled: float = 0.0  # by the quota of the cgroup
    ours: float = 0.0  # CPU time of every process of ours
    harness: float = 0.0  # … of those that hold no contender
    cores: int = 1  # allowed
    counted: int = 1  # cores that `busy` speaks of: with siblings
    problem: str = ""  # why nothing can be said of others


@dataclass(frozen=True)
class HostLoad:
    """What others, and ourselves, took of the allowed cores between two readings. Times in seconds."""

    seconds: float
    cores: int
    others: float | None  # CPU time of everybody else; None: not measured
    harness: float  # CPU time of our own processes that should be idle
    steal: float
    throttled: float
    problem: str = ""  # why `others` is not measured
    replicate: int = -1  # the one that it is of
    waited: float = 0.0  # seconds before that replicate
    was_quiet: bool | None = None  # before that replicate; None: nobody looked

    @property
    def busy(self) -> float | None:
        """Share of the allowed cores that others took."""
        return None if self.others is None else self.others / (self.cores * self.seconds)

    @property
    def harness_busy(self) -> float:
        """Share of the allowed cores that our own idle processes took."""
        return self.harness / (self.cores * self.seconds)


def load_between(before: Reading, after: Reading) -> HostLoad:
    """What happened between two readings; their problem, or a count of the cores that stands still, leaves `others`
    out. (In some containers `/proc/stat` is a stranger's.)"""
    seconds = max(after.at - before.at, 1e-9)
    busy, ours = after.busy - before.busy, after.ours - before.ours
    problem = after.problem or before.problem
    if not problem and after.passed - before.passed < _STANDS_STILL * after.counted * seconds:
        problem = "the system's count of its cores' time does not go with the clock"
    if not problem and busy < _STANDS_STILL * ours - after.counted * _TICK:
        problem = "our own processes took more time than the system counts: it counts other cores"
    return HostLoad(
        seconds=seconds,
        cores=after.cores,
        others=None if problem else max(0.0, busy - ours),
        harness=max(0.0, after.harness - before.harness),
        steal=max(0.0, after.steal - before.steal),
        throttled=max(0.0, after.throttled - before.throttled),
        problem=problem,
    )


class HostWatch:
    """The readings of a trial, in time order."""

    def __init__(self, read: Callable[[], Reading]):
        self._read = read
        self._readings: deque[Reading] = deque(maxlen=_KEPT)
        self.was_lent = False  # another trial had the host, and what came after it is too short to tell anything

    def note(self) -> Reading:
        """Takes a reading and keeps it."""
        self._readings.append(self._read())
        return self._readings[-1]

    def forget(self) -> None:
        """Another trial had the host until now: what was read before says nothing of those that are not ours."""
        self._readings.clear()
        self.was_lent = True
        self.note()

    def recent(self) -> HostLoad | None:
        """The load of the last seconds; None where they are too few to tell anything."""
        now = self._read()
        old_enough = [r for r in self._readings if now.at - r.at >= LEAST_LOOK]
        if not old_enough:
            return None
        self.was_lent = False
        return load_between(min(old_enough, key=lambda r: abs(now.at - r.at - LOOK_BACK)), now)

    def since(self, before: Reading) -> HostLoad:
        """The load from a reading to now."""
        return load_between(before, self.note())


class Forked(Protocol):
    """A connection to the warm server that forked a worker."""

    sock: socket.socket


class OwnWorker(Protocol):
    """What has to be known of a worker."""

    @property
    def pid(self) -> int: ...
    @property
    def lease(self) -> Forked | None: ...


class HostReader:
    """Reads what this host and our processes have used until now.

    Args:
        workers: those that were started until now, ended ones too.
    """

    def __init__(self, workers: Iterable[OwnWorker]):
        self._workers = workers
        self._born: dict[int, str] = {}  # pid -> when it was started, so that another process is not taken for it
        self._servers: dict[int, tuple[float, float]] = {}  # pid -> what it had taken before it was ours
        self._problem = _why_unknown()

    @cached_property
    def _cores(self) -> tuple[frozenset[int], frozenset[int]]:
        return cores_and_siblings(os.sched_getaffinity(0))

    @cached_property
    def _throttled(self) -> Callable[[], int] | None:
        return throttled_reader()

    def read(self) -> Reading:
        """A reading of now."""
        at = time.monotonic()
        throttled = self._throttled() / 1e9 if self._throttled else 0.0
        if self._problem:
            return Reading(at, throttled=throttled, problem=self._problem)
        allowed, counted = self._cores
        try:
            times = core_times(_STAT.read_text())
            busy, passed = (sum(times[core][i] for core in counted) for i in (0, 1))
            steal = sum(times[core][2] for core in allowed)
        except (OSError, KeyError):
            return Reading(at, throttled=throttled, problem="the system does not count the time of these cores")
        harness, workers = self._own_times()
        return Reading(
            at, busy, passed, steal, throttled, harness + workers, harness, len(allowed), len(counted)
        )  # fmt: skip

    def _own_times(self) -> tuple[float, float]:
        """CPU seconds of the processes that hold no contender, and of those that do, ended ones with them."""
        own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        harness = own.ru_utime + own.ru_stime + self._time_of(os.getppid())[0]
        workers = ended.ru_utime + ended.ru_stime
        for worker in list(self._workers):
            if worker.lease:
                self._know_server(_peer(worker.lease.sock))
            workers += sum(self._time_of(worker.pid))
        for server, (itself_before, children_before) in self._servers.items():
            itself, children = self._time_of(server)
            harness, workers = (
                harness + max(0.0, itself - itself_before),
                workers + max(0.0, children - children_before),
            )
        return harness, workers

    def _know_server(self, pid: int | None) -> None:
        """A warm server that the driver shares has served other trials before this one."""
        if pid is not None and pid not in self._servers:
            is_own = _parent(pid) == os.getpid()
            self._servers[pid] = (0.0, 0.0) if is_own else self._time_of(pid)

    def _time_of(self, pid: int) -> tuple[float, float]:
        """CPU seconds of a process, and of its children that have ended; nothing of one that is gone."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0, 0.0
        if self._born.setdefault(pid, fields[19]) != fields[19]:  # its number was given to another one
            return 0.0, 0.0
        user, system, ended_user, ended_system = (int(n) * _TICK for n in fields[11:15])
        return user + system, ended_user + ended_system


def core_times(text: str) -> dict[int, tuple[float, float, float]]:
    """core -> seconds (busy, passed, stolen), from the text of `/proc/stat` (proc(5)). Waiting for a disk is idle."""
    times = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if name.startswith("cpu") and name != "cpu":
            # Guests are counted in user and nice already.
            user, nice, system, idle, waiting, hard, soft, steal = (int(n) * _TICK for n in rest.split()[:8])
            busy = user + nice + system + hard + soft
            times[int(name[3:])] = busy, busy + idle + waiting + steal, steal
    return times


def cores_and_siblings(allowed: Iterable[int], folder: Path = _CPU) -> tuple[frozenset[int], frozenset[int]]:
    """The allowed cores, and these with their hyperthread siblings, which share units with them."""
    cores = frozenset(allowed)
    together = set(cores)
    for core in cores:
        try:
            text = (folder / f"cpu{core}" / "topology" / "thread_siblings_list").read_text()
        except OSError:
            continue
        for part in text.strip().split(","):
            first, _, last = part.partition("-")
            together |= set(range(int(first), int(last or first) + 1))
    return cores, frozenset(together)


def _why_unknown() -> str:
    """Why nothing can be said of what others do, or ""."""
    if not _STAT.exists() or not hasattr(os, "sched_getaffinity"):
        return "this system has no /proc/stat"
    if machine.allowed_cores() < len(os.sched_getaffinity(0)):
        return "a quota binds this process and not the cores that it runs on"
    return ""


def _peer(sock: socket.socket) -> int | None:
    """The process at the other end of a local connection; None where it is closed or in another container."""
    try:
        pid: int = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    except OSError:
        return None
    return pid if pid > 0 else None


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
