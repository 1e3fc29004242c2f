"""What this machine offers and how it is: versions, devices, providers, compilers, health."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchlib import artifacts, machine
from benchlib.host import calibration, device_of
from benchlib.registries import exporters, runtimes, sources

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
STOLEN = 0.01  # of the time, from which on it is a concern
TAKES = {"quick": "one or two minutes", "precise": "five to ten minutes"}  # calibrating a level that decides
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


def examine(found: Mapping[str, Finding]) -> str:
    """All that there is to say, with this `health`, as text, section by section."""
    facts = machine.facts()
    gpus = [f"{g.name}, {g.ram_size / 2**30:.0f} GiB, driver {g.driver}" for g in machine.gpus()]
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
        "health": {name: str(finding) for name, finding in found.items()},
        "known here": {
            "sources": ", ".join(sources.names()),
            "exporters": ", ".join(exporters.names()),
            "runtimes": ", ".join(runtimes.names()),
            "cache": str(artifacts.root(make=False)),
        },
    }
    lines = []
    for title, rows in sections.items():
        lines += [title, *_rows(rows), ""]
    return "\n".join(lines).rstrip()


def noise_floor(level: str, device: str = "cpu", renew: bool | None = None) -> Iterator[str]:
    """Lines on the smallest difference that this host can tell at a level; calibrates the host when it never was.

    `renew`: True calibrates again, False not even the first time. Raises UserError.
    """
    from benchlib import calibrate  # the measuring side, for those alone who calibrate

    yield "noise floor"
    found = None if renew else calibration.kept(level, device_of(device))
    if found is None and renew is False:
        yield f"  level {level} is not calibrated here: `benchlib doctor --level {level}` does it"
        return
    if found is None:
        yield (
            f"  calibrating level {level}: {calibrate.PAIRS} pairs of identical processes are timed against each "
            f"other, which takes {TAKES[level]} …"
        )
        found = calibrate.calibrate(level, device)
    age = found.age(datetime.date.today())
    when = "today" if age < 1 else "yesterday" if age == 1 else f"{age} days ago; --calibrate renews it"
    yield f"  {found.words()}"
    ends = f"{found.ratio_low - 1:+.2%} to {found.ratio_high - 1:+.2%}"
    rows = {
        "measured": f"{when}, load {found.load:.2f} before it",
        "identical ways differed by": f"{found.ratio - 1:+.2%} ({ends})",
        "spread between pairs": calibration.percent(found.deviation),
        "false verdicts": f"{found.false_verdicts} of {found.groups} groups of {found.group} pairs",
    }
    if found.disturbed:
        rows["not kept"] = f"{found.disturbed}; calibrate again when nothing else runs"
    yield from _rows(rows)


@dataclass(frozen=True)
class Finding:
    """One thing that may disturb a measurement: how it is now, and why that is bad; "" where it is not."""

    value: str
    concern: str = ""

    def __str__(self) -> str:
        return f"{self.value}: {self.concern}" if self.concern else self.value


def health() -> dict[str, Finding]:
    """What may disturb a measurement right now."""
    load = os.getloadavg()[0]
    cores = machine.allowed_cores()
    busy = "something else is running" if load > 0.5 * cores else ""
    found = {"load": Finding(f"{load:.2f} on {cores} cores", busy)}
    clock = _read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    slow = "" if clock in ("tsc", "kvm-clock", "arch_sys_counter") else "slow to read"
    found["clock source"] = Finding(clock or "unknown", slow)
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor:
        found["frequency governor"] = Finding(governor, "" if governor == "performance" else "clocks will move")
    steal = _steal()
    if steal is not None:
        taken = "other guests of this machine take time from it" if steal > STOLEN else ""
        found["stolen by the host"] = Finding(f"{steal:.2%} of the time since the start", taken)
    return found


def conclude(found: Mapping[str, Finding]) -> str:
    """Whether this machine is fit to measure now, in a line."""
    concerns = [f"{name} {finding}" for name, finding in found.items() if finding.concern]
    return f"not fit to measure: {'; '.join(concerns)}" if concerns else "fit to measure"


def _rows(rows: dict[str, str]) -> list[str]:
    return [f"  {label:<26} {value}" for label, value in rows.items()]


def _heavy() -> dict[str, str]:
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True)
    if done.returncode:
        return {"asking torch and onnxruntime": f"ended with status {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def _steal() -> float | None:
    fields = _read("/proc/stat").splitlines()[0].split()[1:] if _read("/proc/stat") else []
    ticks = [int(f) for f in fields]
    total = sum(ticks[:8])
    return ticks[7] / total if len(ticks) > 7 and total else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
