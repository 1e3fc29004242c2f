"""What hardware and versions these are. Read from the system, without torch and without touching a device."""

from __future__ import annotations

import os
import platform
import re
import struct
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchlib.registry import Facts
from benchlib.remembered import remembered

# Packages whose distribution is not called as they are imported.
_DISTRIBUTIONS = {"onnxruntime": ("onnxruntime-gpu", "onnxruntime"), "PIL": ("pillow",)}
_VERSIONS = ("torch", "onnx", "onnxruntime", "onnxscript", "transformers", "timm", "benchlib")


def package_version(package: str) -> str | None:
    """The version of an installed package by its import name (or a module in it), without importing it."""
    return _version(package.partition(".")[0])


@remembered
def _version(package: str) -> str | None:
    for distribution in _DISTRIBUTIONS.get(package, (package,)):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None


def allowed_cores() -> int:
    """How many cores this process may use: the affinity mask, cut down by the cgroup's CPU quota."""
    cores = len(os.sched_getaffinity(0))
    quota = _cgroup_quota()
    return max(1, min(cores, int(quota))) if quota else cores


def like_cores() -> tuple[int, ...]:
    """The cores that this process may use, of a hybrid processor only those with the highest clock."""
    clocks = {core: _highest_clock(core) for core in sorted(os.sched_getaffinity(0))}
    return tuple(core for core, clock in clocks.items() if clock == max(clocks.values()))


def _highest_clock(core: int) -> int:
    """In kHz; 0 where the kernel does not tell."""
    try:
        return int(Path(f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq").read_text())
    except (OSError, ValueError):
        return 0


@cache
def processor_name() -> str:
    """The CPU's own name, as /proc/cpuinfo has it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def ram_size() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_limit(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of memory that this process may have: the machine's, cut down by the cgroup's limit."""
    return min([ram_size(), *_numbers(groups, "memory.max", "memory/memory.limit_in_bytes")])


def memory_available(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that are free now, or can be freed without harm: the system's estimate, within the cgroup's limit."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    free = int(found[1]) * 1024 if found else ram_size()
    used = _numbers(groups, "memory.current", "memory/memory.usage_in_bytes")
    if not used:
        return free
    cached = sum(_stat(groups, "inactive_file"))
    return max(0, min(free, memory_limit(groups) - used[0] + cached))


def gpu_memory(device: str) -> int | None:
    """Bytes of memory of `cuda:N`; None where there is no such GPU."""
    index = int(device.partition(":")[2] or 0)
    return gpus()[index].ram_size if index < len(gpus()) else None


def last_level_cache(folder: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """Bytes of the largest caches that the allowed cores share; None where the system does not say."""
    sizes: dict[str, tuple[int, int]] = {}  # by the cores that share it: (level, bytes)
    for core in os.sched_getaffinity(0):
        for index in (folder / f"cpu{core}" / "cache").glob("index*"):
            try:
                level, size, shared = ((index / n).read_text().strip() for n in ("level", "size", "shared_cpu_list"))
            except OSError:
                continue
            factor = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(size[-1:], 0)
            found = int(level), int(size[:-1]) * factor if factor else int(size or 0)
            sizes[shared] = max(found, sizes.get(shared, (0, 0)))
    last = max((level for level, _ in sizes.values()), default=0)
    return sum(size for level, size in sizes.values() if level == last) or None


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU; None where it does not answer a question."""

    name: str
    ram_size: int  # bytes
    capability: str  # of its architecture: "9.0"
    power_watts: float | None  # the limit that is enforced
    performance_state: float | None  # 0 is the fastest
    driver: str  # the version


@cache
def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs as NVML knows them; empty where there is no driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no library, no driver: no GPU that could be used
        return ()
    found = []
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        found.append(
            Gpu(
                name=pynvml.nvmlDeviceGetName(handle),
                ram_size=pynvml.nvmlDeviceGetMemoryInfo(handle).total,
                capability=".".join(map(str, pynvml.nvmlDeviceGetCudaComputeCapability(handle))),
                power_watts=_asked(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle, 1e-3),
                performance_state=_asked(pynvml.nvmlDeviceGetPerformanceState, handle),
                driver=pynvml.nvmlSystemGetDriverVersion(),
            )
        )
    pynvml.nvmlShutdown()
    return tuple(found)


def device_name(device: str) -> str:
    """The name of the device that does the work: a CPU trial names the CPU, whatever else is installed."""
    if device == "cpu":
        return processor_name()
    index = int(device.partition(":")[2] or 0)
    return gpus()[index].name if index < len(gpus()) else ""


def facts(device: str = "cpu") -> Facts:
    """The machine's part of a record; names and units as in `benchlib.record.metrics`."""
    first = gpus()[0] if gpus() else None
    index = int(device.partition(":")[2] or 0)
    return {
        "device": device,
        "device_name": device_name(device),
        "cpu": allowed_cores(),
        "cpu_logical": os.cpu_count(),
        "cpu_ram_size": ram_size(),
        "machine": platform.machine(),
        "architecture": f"{struct.calcsize('P') * 8}bit",
        "processor": platform.machine(),
        "processor_name": processor_name(),
        "system": platform.system(),
        "kernel": platform.release(),
        "executable": sys.executable,
        "has_cuda": bool(gpus()),
        "num_gpus": len(gpus()),
        "gpu": first.name if first else "",
        "gpu_ram_size": first.ram_size if first else None,
        "gpu_power_watts": first.power_watts if first else None,
        "gpu_performance_state": first.performance_state if first else None,
        "capability": gpus()[index].capability if index < len(gpus()) else "",
        "version": platform.python_version(),
        **{f"version_{package}": package_version(package) or "" for package in _VERSIONS},
    }


@remembered
def _cgroup_quota() -> float | None:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text().strip()
            period = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _numbers(groups: Path, *files: str) -> list[int]:
    """The number in the first of the files that is there and holds one (`max` is none)."""
    for file in files:
        try:
            return [int((groups / file).read_text())]
        except (OSError, ValueError):
            continue
    return []


def _stat(groups: Path, name: str) -> list[int]:
    for file in ("memory.stat", "memory/memory.stat"):
        try:
            return [int(n) for n in re.findall(rf"^{name} (\d+)$", (groups / file).read_text(), re.MULTILINE)]
        except OSError:
            continue
    return []


def _asked(question, handle, scale: float = 1) -> float | None:
    import pynvml

    try:
        return question(handle) * scale
    except pynvml.NVMLError:  # not every GPU answers every question
        return None
