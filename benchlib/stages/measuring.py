"""The measuring step: the contenders are timed, then looked at again, then memory and energy, if asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchlib.measure import controller, energy, memory
from benchlib.measure.contender import Opened
from benchlib.measure.controller import ChangedOutput, Measurement
from benchlib.measure.device import device_metrics
from benchlib.measure.gate import Gate
from benchlib.measure.levels import Level
from benchlib.measure.profile import profile_calls
from benchlib.record import EnergyRecord, MemoryRecord, OperatorTime, ProcessStability
from benchlib.record.metrics import Metrics
from benchlib.registries import exporters
from benchlib.stages.comparison import Comparison, compare_again
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.footprint import cpu_time, measure_energy, measure_memory
from benchlib.stages.later_answers import LaterAnswers
from benchlib.stages.loading import Model
from benchlib.stages.machine_share import machine_share
from benchlib.stages.measured import Measured
from benchlib.stages.nature import CHANGES_INPUTS
from benchlib.stages.phases import phases_of
from benchlib.stages.timing import process_stability, timing_metrics

MOST_COMPILATIONS = 3  # replicates of what compiles anew in each: more would take longer and tell nothing more


@dataclass(frozen=True)
class Timing:
    """What measuring came to."""

    metrics: Metrics
    phases: dict[str, dict[str, list[float]]]  # reference, own -> phase -> seconds
    stability: list[ProcessStability]
    memory: list[MemoryRecord]
    energy: EnergyRecord | None


def time_contenders(context: Context, model: Model, sessions: Sequence[Opened], comparison: Comparison) -> Measurement:
    """Times the contenders in interleaved rounds, in several processes each. Raises WorkerError."""
    input_sets = _rotated_sets(context, model, comparison)
    fresh = comparison.ground_truth.nature.kind == CHANGES_INPUTS
    for opened in sessions:
        opened.contender = replace(opened.contender, input_sets=input_sets, fresh_inputs=fresh)
    return controller.measure(
        [opened.contender for opened in sessions],
        list(sessions),
        context.launcher,
        _measuring_level(context),
        context.trial.seed,
        Gate(
            context.trial.patience,
            lambda done, total: context.say_measuring(f"{done}/{total} processes"),
            context.say_waiting,
        ),
    )


def profile(context: Context, sessions: Sequence[Opened]) -> list[OperatorTime]:
    """The operators of a call of the trial's own way; nothing where the trial does not ask. Raises WorkerError."""
    if not context.trial.profile:
        return []
    return profile_calls(sessions[-1].contender, context.launcher, context.level, context.trial.seed)


def evaluate(
    context: Context,
    model: Model,
    artifacts: Mapping[str, BuiltArtifact],
    sessions: Sequence[Opened],
    comparison: Comparison,
    measurement: Measurement,
) -> Timing:
    """Every metric of the measuring step; what the timed sessions answered otherwise than before goes into the
    comparison's check."""
    roughly = _compare_later(context, comparison, measurement)
    stability = process_stability(measurement.samples)
    measured = Measured(context, model, artifacts, sessions, comparison, measurement, stability)
    metrics = timing_metrics(measured)
    metrics |= machine_share(context, model, metrics["time_latency"]) | {"answers_compared_roughly": roughly}
    contenders = [opened.contender for opened in sessions]
    memory_records = measure_memory(context, model, contenders)
    energy_record = measure_energy(context, contenders)
    metrics |= cpu_time(measured)
    metrics |= memory.metrics(memory_records)
    metrics |= energy.metrics(energy_record, measured.items)
    metrics |= device_metrics([replicate[-1] for replicate in measurement.device], metrics["time_latency"])
    names = ("reference", "own") if measured.own else ("own",)
    phases = {name: phases_of(measured, index) for index, name in enumerate(names)}
    return Timing(metrics, phases, stability, memory_records, energy_record)


def _compare_later(context: Context, comparison: Comparison, measurement: Measurement) -> int:
    """Takes into the comparison what the timed sessions answered otherwise than before. Returns how many answers were
    compared roughly."""

    def compare(changed: ChangedOutput) -> None:
        when = f"while it was timed, in process {changed.replicate}, input set {changed.input_set}: "
        compare_again(comparison, context, changed.contender, changed.input_set, changed.file, when)

    answers = LaterAnswers(comparison.ground_truth.right, compare)
    for changed in measurement.changed_outputs:
        answers.take(changed)
    return answers.roughly


def _rotated_sets(context: Context, model: Model, comparison: Comparison) -> dict[Path, str]:
    """The sets of inputs that rotate while it is timed: those that the ground truth has answers to, and none where a
    captured graph reads at one address or the model is no function, whose answers nobody can look at again."""
    truth = comparison.ground_truth
    if any(way.cuda_graphs for way in context.ways):
        return {}
    legal = {model.input_sets[n] for n in truth.sets if n}
    return {file: digest for file, digest in model.rotated_sets.items() if file in legal}


def _measuring_level(context: Context) -> Level:
    """The trial's level, with fewer replicates where each of them compiles anew."""
    anew = any(exporters.get(way.exporter).compiles_anew(dict(way.exporter_args)) for way in context.ways)
    most = MOST_COMPILATIONS if anew else context.level.replicates
    return replace(context.level, replicates=min(context.level.replicates, most))
