"""What a trial measures beside its time, when it is asked to: memory by phase, energy per item.

Both follow the timing, in processes of their own, and never spoil it: what goes wrong in them becomes words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchlib.errors import Unavailable
from benchlib.measure import energy, memory
from benchlib.registries import exporters, runtimes
from benchlib.stages import building
from benchlib.way import Way
from benchlib.worker.client import WorkerError

if TYPE_CHECKING:
    from benchlib.measure.controller import Contender
    from benchlib.stages.steps import TrialRun


def measure(run: TrialRun) -> None:
    """Fills `run.memory` and `run.energy` where the trial asks for them."""
    contenders = [o.contender for o in run.opened]
    if run.trial.memory:
        subjects = [_subject(run, *pair) for pair in zip(run.ways, contenders, strict=True)]
        run.memory = memory.measure(subjects, run.launcher, run.progress)
    if run.trial.energy:
        run.energy = _energy(run, contenders)


def metrics(run: TrialRun) -> dict[str, Any]:
    """The metrics of memory and energy; the CPU time of an item comes from the timed epochs themselves."""
    samples, items = run.measurement.samples, run.items
    own = len(samples.contenders) - 1
    found = {"cpu_time_per_item": energy.cpu_time_per_item(samples, own, items)}
    if own:
        found["cpu_time_per_item_reference"] = energy.cpu_time_per_item(samples, 0, items)
    return found | memory.metrics(run.memory) | energy.metrics(run.energy, items)


def _subject(run: TrialRun, way: Way, contender: Contender) -> memory.Subject:
    exporter, runtime, source = exporters.get(way.exporter), runtimes.get(way.runtime), run.trial.source()[0]
    exports = exporters.module_of(way.exporter), *source.packages, *exporter.packages
    opens = runtimes.module_of(way.runtime), *runtime.packages
    if exporter.artifact == "module":  # its classes come with the saved model
        opens += exports
    request = building.export_request(way, run.model) if exporter.export else None
    return memory.Subject(
        way.label, run.trial.device, contender.compiles, contender.open, list(opens), request, exports
    )


def _energy(run: TrialRun, contenders: list[Contender]) -> dict[str, Any]:
    """{"method", "reason": why nothing is measured, "contenders": [{"label", "problem", "repeats"}]}."""
    try:
        counter = energy.source(run.trial.device)
    except Unavailable as error:
        return {"method": "none", "reason": str(error), "contenders": []}
    found = [_one_energy(run, counter, c, f"energy{i}") for i, c in enumerate(contenders)]
    return {"method": counter.method, "reason": "", "contenders": found}


def _one_energy(run: TrialRun, counter: energy.Source, contender: Contender, name: str) -> dict[str, Any]:
    run.progress(f"energy of {contender.label}")
    launcher = run.launcher
    worker = launcher.start(name, "fresh")
    try:
        worker.ask("open", launcher.left(), heap_seed=None, **contender.open)
        repeats = energy.measure(counter, lambda n: worker.ask("call", launcher.left(), calls=n), worker.freeze)
        return {"label": contender.label, "problem": "", "repeats": repeats}
    except WorkerError as error:
        return {"label": contender.label, "problem": error.message, "repeats": []}
    finally:
        launcher.end()
