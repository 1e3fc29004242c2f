"""What this machine offers and how it is: versions, devices, providers, compilers, health."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchlib import artifacts, machine
from benchlib.registry import exporters, runtimes, sources

_PACKAGES = (
    "torch",
    "torchvision",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "transformers",
    "timm",
    "papermill",
    "jupyterlab",
)
# Asked in a process of its own: these imports take seconds, and a broken build may crash.
_ASK = """
import json
found = {}
try:
    import torch
    found["torch CUDA"] = f"{torch.version.cuda or 'not built in'}, usable: {torch.cuda.is_available()}"
except Exception as error:
    found["torch"] = f"does not import: {error}"
try:
    import onnxruntime
    onnxruntime.set_default_logger_severity(4)
    found["onnxruntime providers"] = ", ".join(onnxruntime.get_available_providers())
except Exception as error:
    found["onnxruntime"] = f"does not import: {error}"
print(json.dumps(found))
"""


def examine() -> str:
    """The findings as text, section by section."""
    facts = machine.facts()
    gpus = [f"{g['name']}, {g['ram_size'] / 2**30:.0f} GiB, driver {g['driver']}" for g in machine.gpus()]
    sections = {
        "machine": {
            "processor": facts["processor_name"],
            "cores": f"{facts['cpu']} allowed of {facts['cpu_logical']}",
            "memory": f"{facts['cpu_ram_size'] / 2**30:.1f} GiB",
            "system": f"{facts['system']} {facts['kernel']}, Python {facts['version']}",
            "GPU": "; ".join(gpus) or "none (no NVIDIA driver that answers)",
        },
        "packages": {p: machine.package_version(p) or "not installed" for p in _PACKAGES},
        "devices and providers": _heavy(),
        "compiler": {
            "C++ (inductor)": next(filter(None, map(shutil.which, ("g++", "clang++"))), "none: inductor is skipped")
        },
        "health": health(),
        "known here": {
            "sources": ", ".join(sources.names()),
            "exporters": ", ".join(exporters.names()),
            "runtimes": ", ".join(runtimes.names()),
            "cache": str(artifacts.root()),
        },
    }
    lines = []
    for title, rows in sections.items():
        lines += [title, *(f"  {label:<24} {value}" for label, value in rows.items()), ""]
    return "\n".join(lines).rstrip()


def health() -> dict[str, str]:
    """What may disturb a measurement right now, in words."""
    load = os.getloadavg()[0]
    cores = machine.allowed_cores()
    found = {"load": f"{load:.2f} on {cores} cores" + (": something else is running" if load > 0.5 * cores else "")}
    clock = _read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    found["clock source"] = clock + ("" if clock in ("tsc", "kvm-clock", "arch_sys_counter") else ": slow to read")
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor:
        found["frequency governor"] = governor + ("" if governor == "performance" else ": clocks will move")
    steal = _steal()
    if steal is not None:
        found["stolen by the host"] = f"{steal:.2%} of the time since the start"
    return found


def _heavy() -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True)
    if done.returncode:
        return {"asking torch and onnxruntime": f"ended with status {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def _steal() -> float | None:
    fields = _read("/proc/stat").splitlines()[0].split()[1:] if _read("/proc/stat") else []
    ticks = [int(f) for f in fields]
    return ticks[7] / sum(ticks[:8]) if len(ticks) > 7 and sum(ticks[:8]) else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
