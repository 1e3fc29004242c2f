"""What a trial measures beside its time, when it is asked to: memory by phase, energy per item.

Both follow the timing, in processes of their own, and never spoil it: what goes wrong in them becomes words.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchlib.errors import Unavailable
from benchlib.measure import energy, memory
from benchlib.measure.contender import Contender
from benchlib.measure.memory import Subject
from benchlib.record import ContenderEnergy, EnergyRecord, MemoryRecord
from benchlib.record.metrics import Metrics
from benchlib.registries import exporters, runtimes
from benchlib.stages.context import Context
from benchlib.stages.exporting import export_model_request
from benchlib.stages.loading import Model
from benchlib.stages.measured import Measured
from benchlib.way import Way
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import MakeCalls


def measure_memory(context: Context, model: Model, contenders: Sequence[Contender]) -> list[MemoryRecord]:
    """The memory of each contender by phase; nothing where the trial does not ask for it."""
    if not context.trial.memory:
        return []
    subjects = [_subject(context, model, way, c) for way, c in zip(context.ways, contenders, strict=True)]
    return memory.measure(subjects, context.launcher, context.say_measuring)


def measure_energy(context: Context, contenders: Sequence[Contender]) -> EnergyRecord | None:
    """The energy of each contender, or why it cannot be measured; None where the trial does not ask for it."""
    if not context.trial.energy:
        return None
    try:
        counter = energy.source(context.trial.device)
    except Unavailable as error:
        return EnergyRecord("none", str(error))
    runs = [_energy_of(context, counter, c, f"energy{index}") for index, c in enumerate(contenders)]
    return EnergyRecord(counter.method, "", runs)


def cpu_time(measured: Measured) -> Metrics:
    """The CPU time of an item, from the timed blocks themselves."""
    samples, own, items = measured.samples, measured.own, measured.items
    metrics = Metrics(cpu_time_per_item=energy.cpu_time_per_item(samples, own, items))
    if own:
        metrics["cpu_time_per_item_reference"] = energy.cpu_time_per_item(samples, 0, items)
    return metrics


def _subject(context: Context, model: Model, way: Way, contender: Contender) -> Subject:
    exporter, runtime, source = exporters.get(way.exporter), runtimes.get(way.runtime), context.trial.source()[0]
    exports = exporters.module_of(way.exporter), *source.packages, *exporter.packages
    opens = runtimes.module_of(way.runtime), *runtime.packages
    if exporter.artifact == "module":  # its classes come with the saved model
        opens += exports
    request = export_model_request(way, model) if exporter.export else None
    return Subject(way.label, context.trial.device, contender.compiles, contender.open, list(opens), request, exports)


def _energy_of(context: Context, counter: energy.Source, contender: Contender, name: str) -> ContenderEnergy:
    context.say_measuring(f"energy of {contender.label}")
    launcher = context.launcher
    worker = launcher.start(name, "fresh")
    try:
        worker.ask(contender.open, launcher.left())
        repeats = energy.measure(counter, lambda n: worker.ask(MakeCalls(n), launcher.left()), worker.freeze)
        return ContenderEnergy(contender.label, "", repeats)
    except WorkerError as error:
        return ContenderEnergy(contender.label, error.message)
    finally:
        launcher.end()
