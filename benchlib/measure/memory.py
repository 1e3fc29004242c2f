"""The memory run of a trial: fresh processes that take one phase after another, none of them timed.

Interpreter and imports are the baseline. One process then opens the artifact (`session`), makes the first call and
twenty more (`first`, `steady`); where the exporter leaves a file, another opens the saved model (`load`) and exports
it again (`export`). A way that compiles has an export too: a first call that finds nothing compiled before.
A phase's peak is the high-water mark of the resident set in that phase minus what was resident at the baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchlib.measure.controller import Launcher
from benchlib.worker.client import Worker, WorkerError

PROCESSES = 3
STEADY_CALLS = 20
PHASES = ("load", "export", "session", "first", "steady")
PEAK_PHASES = ("session", "first", "steady")  # of the process that serves a model
SLACK = 1 << 19  # bytes: the kernel counts resident pages in batches


@dataclass(frozen=True)
class Subject:
    """A contender as its memory is measured."""

    label: str
    device: str
    compiles: bool  # its first call compiles
    open: dict[str, Any]  # arguments of the worker's `open`
    modules: list[str]  # what a process imports before it opens the artifact
    export: dict[str, Any] | None = None  # arguments of the worker's `export` but the path; None: it leaves no file
    export_modules: tuple[str, ...] = ()


class Watched:
    """A fresh worker whose memory is read phase by phase."""

    def __init__(self, worker: Worker, left: Callable[[], float], device: str = "cpu", folder: str = ""):
        self.worker, self.left, self.device, self.folder = worker, left, device, folder
        self.phases: dict[str, dict[str, Any]] = {}

    def phase(self, name: str, verb: str, **arguments: Any) -> dict[str, Any]:
        """Resets the peaks, asks for `verb` and reads the memory; returns what the verb answered. Raises WorkerError,
        of kind "skipped" where the kernel lets nobody reset a peak."""
        self.worker.ask("reset_peak", self.left(), device=self.device)
        reply = self.worker.ask(verb, self.left(), **arguments)
        self.phases[name] = self.worker.ask("footprint", self.left(), device=self.device, folder=self.folder)
        return reply


def measure(subjects: list[Subject], launcher: Launcher, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """The memory of each subject: per process the phases with what `footprint` read, in bytes.

    [{"label", "problem": "" or why figures are missing, "settings": of the allocators,
      "sessions": [{"baseline", "session", "first", "steady"}], "exports": [{"baseline", "load", "export"}]}]
    """
    return [_subject(s, replace(launcher, scratch=_folder(launcher, i), workers=[]), progress)
            for i, s in enumerate(subjects)]  # fmt: skip


def _folder(launcher: Launcher, index: int) -> Path:
    """A scratch folder of the subject's own; what it compiles is kept in there too."""
    folder = launcher.scratch / "memory" / str(index)
    folder.mkdir(parents=True)
    return folder


def _subject(subject: Subject, launcher: Launcher, progress: Callable[[str], None]) -> dict[str, Any]:
    found: dict[str, Any] = {"label": subject.label, "problem": "", "settings": {}, "sessions": [], "exports": []}
    folder = str(Path(subject.open["request"]["artifact"]).resolve().parent)
    plan = [("sessions", _session)] * PROCESSES
    if subject.compiles:
        plan.insert(0, ("exports", _compilation))  # before the cache of compilations is filled
    if subject.export:
        plan += [("exports", _export)] * PROCESSES
    try:
        for number, (kind, live) in enumerate(plan):
            progress(f"memory of {subject.label}, process {number + 1} of {len(plan)}")
            worker = launcher.start(f"process{number}", "fresh")
            watched = Watched(worker, launcher.left, subject.device, folder)
            live(watched, subject, launcher.scratch, found)
            found[kind].append(watched.phases)
            worker.end()
    except WorkerError as error:
        found["problem"] = error.message
    finally:
        launcher.end()
    return found


def _session(watched: Watched, subject: Subject, scratch: Path, found: dict, first: str = "first") -> None:
    _imports(watched, subject, subject.modules, found)
    watched.phase("session", "open", heap_seed=None, **subject.open)
    watched.phase(first, "call", calls=1)
    if first == "first":
        watched.phase("steady", "call", calls=STEADY_CALLS)


def _compilation(watched: Watched, subject: Subject, scratch: Path, found: dict) -> None:
    _session(watched, subject, scratch, found, first="export")


def _export(watched: Watched, subject: Subject, scratch: Path, found: dict) -> None:
    _imports(watched, subject, subject.export_modules, found)
    watched.phase("load", "open_bundle", bundle=subject.export["bundle"])
    folder = scratch / f"export{len(found['exports'])}"
    folder.mkdir()
    watched.phase("export", "export", path=str(folder / "model"), **subject.export)


def _imports(watched: Watched, subject: Subject, modules, found: dict) -> None:
    reply = watched.phase("baseline", "imports", modules=list(modules), device=subject.device,
                          import_paths=subject.open["import_paths"])  # fmt: skip
    found["settings"] = reply["settings"]


def increments(processes: list[dict[str, Any]], phase: str) -> list[int]:
    """The peaks of a phase minus the baseline's resident set, in bytes, of each process that had the phase."""
    return [p[phase]["peak"] - p["baseline"]["rss"] for p in processes if phase in p]


def metrics(measured: list[dict[str, Any]]) -> dict[str, Any]:
    """The metrics of the last subject, and of the first as the reference's where there are two."""
    if not measured:
        return {}
    problems = [f"{m['label']}: {m['problem']}" for m in measured if m["problem"]]
    found = _figures(measured[-1]) | {"memory_not_measured": "; ".join(problems)}
    if len(measured) > 1:
        found |= {f"{name}_reference": value for name, value in _figures(measured[0]).items()}
    return found


def _figures(one: dict[str, Any]) -> dict[str, int]:
    """Medians over processes, and the largest of the peaks; only of kinds of process of which none failed."""
    sessions = one["sessions"] if len(one["sessions"]) == PROCESSES else []
    exports = [] if one["problem"] else one["exports"]
    peaks = {phase: increments(sessions if phase in PEAK_PHASES else exports, phase) for phase in PHASES}
    peaks["peak"] = [max(increments([s], phase)[0] for phase in PEAK_PHASES) for s in sessions]
    found = {}
    for phase, values in peaks.items():
        if values:
            found |= {f"memory_vmhwm_{phase}": int(median(values)), f"memory_vmhwm_{phase}_max": max(values)}
    last = [s["steady"] for s in sessions]
    found |= _median("memory_rss_baseline", [s["baseline"]["rss"] for s in sessions])
    found |= _median("memory_pss_end", [s["pss"] for s in last])
    found |= _median("memory_file_untouched", [s["untouched"] for s in last])
    for name in ("allocated", "reserved"):
        every = [[s[p][f"cuda_{name}"] for p in PEAK_PHASES] for s in sessions]
        found |= _median(f"memory_cuda_{name}_peak", [max(v) for v in every if None not in v])
    used = [(s["steady"]["nvml"], s["baseline"]["nvml"]) for s in sessions]
    return found | _median("memory_nvml_used", [end - context for end, context in used if None not in (end, context)])


def _median(name: str, values: list[int]) -> dict[str, int]:
    return {name: int(median(values))} if values else {}


def shortfall(metrics: dict[str, Any]) -> str | None:
    """What is wrong when less was held than the weights take, in words. Whoever runs a model holds its weights: as
    much as the exported file has of them, and as was touched of those that are mapped."""
    on_cpu = metrics.get("device", "cpu") == "cpu"
    names = ("vmhwm_session", "vmhwm_first") if on_cpu else ("cuda_allocated_peak", "nvml_used")
    held = [metrics[f"memory_{name}"] for name in names if metrics.get(f"memory_{name}") is not None]
    weights = [metrics[name] for name in ("weights_size", "onnx_filesize") if metrics.get(name)]
    if held and weights:
        mapped = metrics.get("memory_file_untouched", 0) if on_cpu else 0
        if max(held) + mapped + SLACK < min(weights):
            return f"{max(held) / 1e6:.4g} MB held, less than the weights' {min(weights) / 1e6:.4g} MB"
    return None
