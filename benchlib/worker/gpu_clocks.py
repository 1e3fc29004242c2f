"""What a GPU's clocks, power and temperature are, and whether something slows it down: NVML, before and after a
block. Clocks cannot be held without root, so they are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from benchlib.errors import Unavailable
from benchlib.runtimes import _cuda

MOVED = 0.03  # relative change of the SM clock that is flagged

# Bits of NVML's clocks event reasons that mean power or heat (nvml.h); the others are idling and settings.
SLOWED = {
    0x04: "software power cap",
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "hardware power brake",
}


def read(device: str) -> dict[str, Any]:
    """`sm_clock` (MHz), `power` (W), `temperature` (°C) and `reasons` (the bits) of `cuda` or `cuda:N`, those that
    the GPU tells. {} for the CPU and without NVML. The first call finds the GPU, later ones only ask it."""
    handle = _handle(device)
    if handle is None:
        return {}
    import pynvml

    asked = {
        "sm_clock": lambda: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
        "power": lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3,
        "temperature": lambda: pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU),
        "reasons": lambda: pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),
    }
    found = {}
    for name, question in asked.items():
        try:
            found[name] = question()
        except pynvml.NVMLError:  # not every GPU and not every driver answers every question
            continue
    return found


def flags(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """`clock_moved` where the SM clock differs by more than 3 %, `gpu_throttled` where power or heat slowed the GPU
    down at either time."""
    found = []
    first, last = before.get("sm_clock"), after.get("sm_clock")
    if first and last and abs(last / first - 1) > MOVED:
        found.append("clock_moved")
    if slowed(before) or slowed(after):
        found.append("gpu_throttled")
    return found


def noise(before: dict[str, Any], after: dict[str, Any]) -> dict[str, int | float]:
    """Both readings in one, as the noise of a block keeps them: `gpu_…_before`, `gpu_…`."""
    return {f"gpu_{n}_before": v for n, v in before.items()} | {f"gpu_{n}": v for n, v in after.items()}


def noise_flags(found: Mapping[str, Any]) -> list[str]:
    """The flags of what `noise` gave."""
    if "gpu_sm_clock" not in found and "gpu_reasons" not in found:
        return []
    before = {n[4:-7]: v for n, v in found.items() if n.startswith("gpu_") and n.endswith("_before")}
    return flags(before, {n: found[f"gpu_{n}"] for n in before if f"gpu_{n}" in found})


def slowed(reading: dict[str, Any]) -> list[str]:
    """What slowed the GPU down when a reading was taken, in words."""
    return [words for bit, words in SLOWED.items() if reading.get("reasons", 0) & bit]


@cache
def _handle(device: str) -> Any:
    """NVML's handle of a CUDA device, found by its PCI address; None where there is none. Kept for ever."""
    if device == "cpu":
        return None
    try:
        return _cuda.nvml_handle(device)
    except Unavailable:  # no package, no library, no driver: nothing to read
        return None
