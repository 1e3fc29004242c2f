"""The memory run of a trial: fresh processes that take one phase after another, none of them timed.

Interpreter and imports are the baseline. One process then opens the artifact (`session`), makes the first call and
twenty more (`first`, `steady`); where the exporter leaves a file, another opens the saved model (`load`) and exports
it again (`export`). A way that compiles has an export too: a first call that finds nothing compiled before.
A phase's peak is the high-water mark of the resident set in that phase minus what was resident at the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from benchlib.measure.contender import Launcher
from benchlib.record import Footprint, MemoryRecord, Phases
from benchlib.record.metrics import Metrics
from benchlib.worker.client import Worker, WorkerError
from benchlib.worker.messages import (
    ExportModel,
    ImportModules,
    MakeCalls,
    OpenSavedModel,
    OpenSession,
    ReadFootprint,
    Request,
    ResetPeak,
)

PROCESSES = 3
STEADY_CALLS = 20
PHASES = ("load", "export", "session", "first", "steady")
PEAK_PHASES = ("session", "first", "steady")  # of the process that serves a model
SLACK = 1 << 19  # bytes: the kernel counts resident pages in batches
R = TypeVar("R")


@dataclass(frozen=True)
class Subject:
    """A contender as its memory is measured."""

    label: str
    device: str
    compiles: bool  # its first call compiles
    open: OpenSession
    modules: list[str]  # what a process imports before it opens the artifact
    export: ExportModel | None = None  # None: it leaves no file
    export_modules: tuple[str, ...] = ()


class Watched:
    """A fresh worker whose memory is read phase by phase."""

    def __init__(self, worker: Worker, left: Callable[[], float], device: str = "cpu", folder: str = ""):
        self.worker, self.left, self.device, self.folder = worker, left, device, folder
        self.phases: Phases = {}

    def phase(self, name: str, request: Request[R]) -> R:
        """Resets the peaks, asks for something and reads the memory; returns the reply.

        Raises:
            WorkerError: when it fails; of kind "skipped" where the kernel lets nobody reset a peak.
        """
        self.worker.ask(ResetPeak(self.device), self.left())
        reply = self.worker.ask(request, self.left())
        self.phases[name] = self.worker.ask(ReadFootprint(self.device, self.folder), self.left())
        return reply


def measure(subjects: list[Subject], launcher: Launcher, progress: Callable[[str], None]) -> list[MemoryRecord]:
    """The memory of each subject, in processes of its own.

    Args:
        subjects: what is measured, one after another.
        launcher: starts the processes.
        progress: is told in words what is measured now.
    """
    return [
        _measure_subject(s, replace(launcher, scratch=_folder(launcher, i), workers=[]), progress)
        for i, s in enumerate(subjects)
    ]


def _folder(launcher: Launcher, index: int) -> Path:
    """A scratch folder of the subject's own; what it compiles is kept in there too."""
    folder = launcher.scratch / "memory" / str(index)
    folder.mkdir(parents=True)
    return folder


def _measure_subject(subject: Subject, launcher: Launcher, progress: Callable[[str], None]) -> MemoryRecord:
    record = MemoryRecord(subject.label)
    folder = str(subject.open.artifact.resolve().parent)
    request = replace(subject.open, heap_seed=None)
    plan = [_Life(record.sessions, subject.modules, partial(_watch_session, request=request))] * PROCESSES
    if subject.compiles:  # before the cache of compilations is filled
        plan.insert(0, _Life(record.exports, subject.modules, partial(_watch_compilation, request=request)))
    if subject.export:
        export = partial(_watch_export, request=subject.export)
        plan += [_Life(record.exports, list(subject.export_modules), export)] * PROCESSES
    try:
        for number, life in enumerate(plan):
            progress(f"memory of {subject.label}, process {number + 1} of {len(plan)}")
            worker = launcher.start(f"process{number}", "fresh")
            watched = Watched(worker, launcher.left, subject.device, folder)
            imports = ImportModules(life.modules, subject.device, subject.open.import_paths)
            record.settings = watched.phase("baseline", imports).settings
            life.watch(watched, launcher.scratch / f"export{number}")
            life.processes.append(watched.phases)
            worker.end()
    except WorkerError as error:
        record.problem = error.message
    finally:
        launcher.end()
    return record


class _Life(NamedTuple):
    """A process that is watched: where its phases go, what it imports, and what it does then, in a new folder."""

    processes: list[Phases]
    modules: list[str]
    watch: Callable[[Watched, Path], None]


def _watch_session(watched: Watched, folder: Path, request: OpenSession) -> None:
    """The phases of a process that serves a model."""
    watched.phase("session", request)
    watched.phase("first", MakeCalls(1))
    watched.phase("steady", MakeCalls(STEADY_CALLS))


def _watch_compilation(watched: Watched, folder: Path, request: OpenSession) -> None:
    """The phases of a process whose first call compiles."""
    watched.phase("session", request)
    watched.phase("export", MakeCalls(1))


def _watch_export(watched: Watched, folder: Path, request: ExportModel) -> None:
    """The phases of a process that exports."""
    watched.phase("load", OpenSavedModel(request.model))
    folder.mkdir()
    watched.phase("export", replace(request, path=folder / "model"))


def increments(processes: Sequence[Phases], phase: str) -> list[int]:
    """The peaks of a phase minus the baseline's resident set, in bytes, of each process that had the phase."""
    return [p[phase].peak - p["baseline"].rss for p in processes if phase in p]


def metrics(records: list[MemoryRecord]) -> Metrics:
    """The metrics of the last subject, and of the first as the reference's where there are two."""
    if not records:
        return Metrics()
    problems = [f"{record.label}: {record.problem}" for record in records if record.problem]
    own = _figures(records[-1]) | {"memory_not_measured": "; ".join(problems)}
    if len(records) > 1:
        own |= {f"{name}_reference": value for name, value in _figures(records[0]).items()}
    return own


def _figures(record: MemoryRecord) -> Metrics:
    """Medians over processes, and the largest of the peaks; only of kinds of process of which none failed."""
    sessions = record.sessions if len(record.sessions) == PROCESSES else []
    exports = [] if record.problem else record.exports
    return _peaks(sessions, exports) | _held_at_end(sessions) | _on_device(sessions)


def _peaks(sessions: list[Phases], exports: list[Phases]) -> Metrics:
    """Of each phase, and of a process that serves a model: the median and the largest."""
    peaks = {phase: increments(sessions if phase in PEAK_PHASES else exports, phase) for phase in PHASES}
    peaks["peak"] = [max(increments([s], phase)[0] for phase in PEAK_PHASES) for s in sessions]
    figures = Metrics()
    for phase, values in peaks.items():
        if values:
            figures |= {f"memory_vmhwm_{phase}": int(median(values)), f"memory_vmhwm_{phase}_max": max(values)}
    return figures


def _held_at_end(sessions: list[Phases]) -> Metrics:
    """What such a process holds after its calls, beside what it held before it opened anything."""
    return (
        _median("memory_rss_baseline", [s["baseline"].rss for s in sessions])
        | _median("memory_pss_end", [s["steady"].pss for s in sessions])
        | _median("memory_file_untouched", [s["steady"].untouched for s in sessions])
    )


def _on_device(sessions: list[Phases]) -> Metrics:
    """The allocator's peaks on the device, and what NVML says of the process beyond its empty context."""
    used = [(s["steady"].nvml, s["baseline"].nvml) for s in sessions]
    added = [end - context for end, context in used if end is not None and context is not None]
    return (
        _median("memory_cuda_allocated_peak", _device_peaks(sessions, lambda footprint: footprint.cuda_allocated))
        | _median("memory_cuda_reserved_peak", _device_peaks(sessions, lambda footprint: footprint.cuda_reserved))
        | _median("memory_nvml_used", added)
    )


def _device_peaks(sessions: list[Phases], figure: Callable[[Footprint], int | None]) -> list[int]:
    """The largest of the phases, of each process of which every phase has the figure."""
    every = [[figure(s[phase]) for phase in PEAK_PHASES] for s in sessions]
    known = [[value for value in values if value is not None] for values in every]
    return [max(values) for values in known if len(values) == len(PEAK_PHASES)]


def _median(name: str, values: list[int]) -> Metrics:
    return Metrics({name: int(median(values))} if values else {})


def shortfall(metrics: Mapping[str, Any]) -> str | None:
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
