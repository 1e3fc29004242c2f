"""A trial's results -> its record: every metric that the run can give, by its declared name."""

from __future__ import annotations

import time

from benchlib import machine
from benchlib.fingerprint import fingerprint
from benchlib.measure import verdicts
from benchlib.measure.profile import placement_metrics
from benchlib.record import ContenderRecord, ExportReport, Failure, GraphSize, ProcessSettings, Record, TrialFiles
from benchlib.record.metrics import Metrics
from benchlib.registry import Facts
from benchlib.stages import checks, phases
from benchlib.stages.blank import blank_record, failure_of, reproduce
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.guard import STEPS
from benchlib.stages.outcome import Outcome


def assemble(context: Context, outcome: Outcome) -> Record:
    """The whole record of a trial that ran in a notebook, however it ended."""
    status, failure = _status(outcome)
    record = blank_record(context.trial, context.key, status)
    if failure:
        record.stage, record.reason, record.error = failure.stage, failure.message, failure
    record.metrics |= _metrics(context, outcome)
    record.details = _details(context, outcome)
    record.steps = outcome.steps
    record.contenders = _contenders(context, outcome)
    record.decisions = outcome.decisions.decisions if outcome.decisions else []
    record.outputs = outcome.comparison.check.rows if outcome.comparison else []
    record.profile = outcome.profile
    record.files = _files(context, outcome)
    record.fingerprint = fingerprint(context.trial)
    record.export_report = _export_report(context, outcome)
    if artifact := outcome.artifacts.get(context.trial.way.label):
        record.passes, record.operators = artifact.metadata.passes, artifact.metadata.operators or {}
        record.graph = _graph(artifact)
    if timing := outcome.timing:
        record.phases, record.stability = timing.phases, timing.stability
        record.memory, record.energy = timing.memory, timing.energy
    record.checks = checks.outcomes(record, outcome.samples)
    record.suspect = checks.failed(record.checks)
    if record.suspect and record.metrics.pop("verdict", None):  # that it is suspect is known only here
        record.metrics["verdict_withheld"] = verdicts.why_withheld(record.suspect)
    record.metrics = phases.only_decided(record.metrics)
    return record


def _metrics(context: Context, outcome: Outcome) -> Metrics:
    """What later steps say of a thing stands in the place of what earlier ones said."""
    metrics = Metrics(machine.facts(context.trial.device))
    metrics |= {"date_start": f"{context.began:%Y-%m-%d}", "time_start": f"{context.began:%H:%M:%S}"}
    if outcome.model:
        metrics |= outcome.model.metadata.metrics
    if artifact := outcome.artifacts.get(context.trial.way.label):
        metrics |= _artifact_metrics(artifact)
        metrics["exports"] = sum(built.exported_now for built in outcome.artifacts.values())
    if len(outcome.sessions) == len(context.ways):
        session = outcome.sessions[-1].session
        metrics |= {name: getattr(session, name) for name in ("time_session", "time_import", "executable")}
        if session.providers:
            metrics["providers"] = session.providers
        metrics |= placement_metrics(session, outcome.profile)
    if outcome.output_size is not None:
        metrics["output_size"] = outcome.output_size
    if outcome.comparison:
        metrics |= outcome.comparison.check.metrics
    metrics["num_cores"] = context.threads
    metrics["time_total"] = sum(step.seconds for step in outcome.steps.values())
    metrics["time_wall"] = time.perf_counter() - context.clock
    if outcome.timing:
        metrics |= outcome.timing.metrics
    return metrics


def _details(context: Context, outcome: Outcome) -> Facts:
    """What plug-ins say of the model and of the artifact besides metrics."""
    artifact = outcome.artifacts.get(context.trial.way.label)
    of_model = outcome.model.metadata.details if outcome.model else {}
    return {**of_model, **(artifact.metadata.details if artifact else {})}


def _artifact_metrics(artifact: BuiltArtifact) -> Metrics:
    metadata = artifact.metadata
    metrics = Metrics(onnx_model=0, onnx_optimized=0) | metadata.metrics
    if metadata.operators is not None:
        metrics["onnx_n_casts"] = metadata.operators.get("Cast", 0)
    if metadata.time_export is not None:
        metrics["time_export"] = metadata.time_export
    return metrics | {
        "filename": artifact.file.name,
        "artifact": artifact.address,
        "artifact_cached": artifact.cached,
        "export_cached": bool(artifact.key) and not artifact.exported_now,
        "exported_at": ", ".join(f"{name} {size}" for name, size in metadata.exported_at.items()),
    }


def _contenders(context: Context, outcome: Outcome) -> list[ContenderRecord]:
    contenders = []
    for index, way in enumerate(context.ways):
        session = outcome.sessions[index].session if index < len(outcome.sessions) else None
        contender = ContenderRecord(way.label, vars(way), session)
        if outcome.measurement:  # a value per process
            times = [replicate[index] for replicate in outcome.measurement.device]
            contender.device_times = [of_process for of_process in times if of_process]
            timed = [replicate[index].session for replicate in outcome.measurement.processes]
            contender.processes = [ProcessSettings.of(session) for session in timed]
        contenders.append(contender)
    return contenders


def _graph(artifact: BuiltArtifact) -> GraphSize | None:
    """None where the artifact is no graph."""
    metrics = artifact.metadata.metrics
    if "onnx_n_nodes" not in metrics:
        return None
    return GraphSize(
        nodes=metrics["onnx_n_nodes"],
        initializers=metrics.get("onnx_n_initializer"),
        opset=metrics.get("onnx_opset"),
        size=metrics.get("onnx_filesize"),
        inputs=metrics.get("onnx_n_inputs"),
        outputs=metrics.get("onnx_n_outputs"),
    )


def _export_report(context: Context, outcome: Outcome) -> ExportReport | None:
    """Of an export that failed, what failed in it, and how it is repeated."""
    report = outcome.failure.report if outcome.failure else None
    if report:
        report.reproduce = f"{reproduce(context.trial)} --until export"
    return report


def _files(context: Context, outcome: Outcome) -> TrialFiles:
    """Where the very files of this trial are, for the proof of a row."""
    artifact = outcome.artifacts.get(context.trial.way.label)
    return TrialFiles(
        inputs=str(outcome.model.inputs) if outcome.model else "",
        artifact=str(artifact.file) if artifact else "",
        outputs=str(truth.recorded) if (truth := outcome.ground_truth) and not truth.missing else "",
    )


def _status(outcome: Outcome) -> tuple[str, Failure | None]:
    if outcome.failure:
        return outcome.failure.status, outcome.failure.failure
    if outcome.comparison and not outcome.comparison.check.equal:
        return "inaccurate", failure_of("check", "Inaccurate", outcome.comparison.check.problem)
    missing = next((name for name in STEPS if name not in outcome.steps), None)
    if missing:  # cells run by hand, out of order
        return "failed", Failure(missing, "NotRun", f"the step {missing} was not run", "NotRun")
    if outcome.comparison and outcome.comparison.unverified:
        return "unverified", failure_of("check", "Unverified", outcome.comparison.unverified)
    return "ok", None
