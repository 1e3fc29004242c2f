"""A trial's run -> its record: every metric that the run can give, by its declared name."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import time
from typing import TYPE_CHECKING, Any

from benchlib import machine
from benchlib.fingerprint import fingerprint
from benchlib.measure.device import device_metrics
from benchlib.measure.profile import placement_metrics
from benchlib.model_labels import label_columns
from benchlib.record import SCHEMA
from benchlib.stages import checks, footprint, phases, timing
from benchlib.stages.guard import STEPS
from benchlib.trial import Trial, default_of

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun

GRAPH = {  # what is told of a graph beside its operators -> the metric
    "nodes": "onnx_n_nodes",
    "initializers": "onnx_n_initializer",
    "opset": "onnx_opset",
    "size": "onnx_filesize",
    "inputs": "onnx_n_inputs",
    "outputs": "onnx_n_outputs",
}
NO_METRICS = ("passes", "operators", "stages")  # facts of an artifact that are tables of their own in the record


def record(run: TrialRun) -> dict[str, Any]:
    """The whole record of a trial that ran in a notebook, however it ended."""
    metrics = identity(run.trial) | machine.facts(run.trial.device)
    metrics |= {"date_start": f"{run.began:%Y-%m-%d}", "time_start": f"{run.began:%H:%M:%S}"}
    if run.model:
        metrics |= run.model.meta["facts"]
    metrics |= _exported(run)
    metrics["output_size"] = run.output_size
    metrics |= _opened(run)
    if run.check_result:
        metrics |= run.check_result.metrics
    metrics["num_cores"] = run.threads
    metrics["time_total"] = sum(s["seconds"] for s in run.steps.values())
    metrics["time_wall"] = time.perf_counter() - run.clock
    status, error = _status(run)
    if run.measurement and not run.failure:
        metrics |= timing.metrics(run) | run.machine_share | footprint.metrics(run)
        metrics |= device_metrics([pair[-1] for pair in run.measurement.device], metrics["time_latency"])
    found = blank(run.trial, run.key) | {
        "status": status,
        "stage": error.get("stage", ""),
        "reason": error.get("message", ""),
        "error": error,
        "metrics": metrics,
        "steps": run.steps,
        "contenders": _contenders(run),
        "outputs": run.check_result.rows if run.check_result else [],
        "phases": _phases(run),
        "course": run.course,
        "profile": run.profile,
        "passes": _of_artifact(run, "passes", []),
        "operators": _of_artifact(run, "operators", {}),
        "graph": {name: metrics[fact] for name, fact in GRAPH.items() if fact in metrics},
        "export_report": _export_report(run),
        "files": _files(run),
        "fingerprint": fingerprint(run.trial),
        "memory": run.memory,
        "energy": run.energy,
    }
    found["checks"] = checks.outcomes(found, run.measurement.samples if run.measurement else None)
    return found | {"suspect": checks.failed(found["checks"])}


def blank(trial: Trial, key: str) -> dict[str, Any]:
    """The part of a record that is known before anything runs; also that of trials which never do."""
    return {
        "schema": SCHEMA,
        "key": key,
        "name": trial.file_stem(key),
        "status": "",
        "stage": "",
        "reason": "",
        "error": {},
        "reproduce": reproduce(trial),
        "trial": trial.model_dump(),
        "metrics": identity(trial),
        "steps": {},
        "contenders": [],
        "outputs": [],
        "phases": {},
        "course": [],
        "profile": [],
        "passes": [],
        "operators": {},
        "graph": {},
        "export_report": {},
        "files": {},
        "fingerprint": {},
        "memory": [],
        "energy": {},
        "checks": {},
        "suspect": [],
    }


def identity(trial: Trial) -> dict[str, Any]:
    """What the parameters alone tell."""
    source, _ = trial.source()
    reference = trial.reference_way
    return {
        "_index": f"{trial.model_name}-{trial.way.label}",
        "model_name": trial.model_name,
        "suite": source.name,
        "exporter": trial.exporter,
        "opt_patterns": trial.opt_patterns,
        "dynamic": trial.dynamic,
        "computes": trial.way.computes(trial.dtype),
        "with_loss": trial.with_loss,
        "device": trial.device,
        "io": trial.io,
        "cuda_graphs": trial.cuda_graphs,
        "reference_way": reference.label if reference else "",
        "judged_by": source.judged_by,
        "flag_fake_tensor": False,
        "flag_no_grad": True,
        "flag_training": False,
        **label_columns(trial.model),
    }


def reproduce(trial: Trial) -> str:
    """The command that repeats a trial."""
    words = ["python -m benchlib run", shlex.quote(trial.model)]
    for name, value in trial.asked().items():
        if name != "model":
            text = value if isinstance(value, str) else json.dumps(value)
            words.append(f"--{name.replace('_', '-')} {shlex.quote(text)}")
    if "exporter" not in trial.asked():
        words.append(f"--exporter {default_of('exporter')}")
    return " ".join(words)


def failure(trial: Trial, key: str, status: str, stage: str, type_: str, message: str, **more: Any) -> dict[str, Any]:
    """The record of a trial that left none itself: refused, skipped, or ended with its kernel."""
    error = (
        {"stage": stage, "type": type_, "message": message, "cluster": cluster(type_, message), **more} if stage else {}
    )
    metrics = identity(trial) | machine.facts(trial.device)
    return blank(trial, key) | {"status": status, "stage": stage, "reason": message, "error": error, "metrics": metrics,
                                "fingerprint": fingerprint(trial)}  # fmt: skip


def cluster(type_: str, message: str) -> str:
    """A name for all failures of one kind: type and message with numbers, names and addresses taken out."""
    first = message.strip().splitlines()[0] if message.strip() else ""
    pattern = re.sub(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|\d+", "·", first)[:120]
    return f"{type_}: {pattern} [{hashlib.sha256((type_ + pattern).encode()).hexdigest()[:6]}]"


def _exported(run: TrialRun) -> dict[str, Any]:
    artifact = run.artifacts.get(run.trial.way.label)
    if artifact is None:
        return {}
    facts = {k: v for k, v in artifact.facts.items() if k not in ("file", *NO_METRICS)}
    sizes, operators = artifact.facts.get("exported_at", {}), artifact.facts.get("operators")
    casts = {} if operators is None else {"onnx_n_casts": operators.get("Cast", 0)}
    return casts | {
        "onnx_model": 0,
        "onnx_optimized": 0,
        **facts,
        "filename": artifact.file.name,
        "artifact": artifact.address,
        "artifact_cached": artifact.cached,
        "exported_at": ", ".join(f"{name} {size}" for name, size in sizes.items()),
        "exports": sum(a.ran[:1] == [a.exporter] for a in run.artifacts.values()),
    }


def _of_artifact(run: TrialRun, name: str, missing: Any) -> Any:
    """What is known of the graph of the trial's own way beside metrics."""
    artifact = run.artifacts.get(run.trial.way.label)
    return artifact.facts.get(name, missing) if artifact else missing


def _export_report(run: TrialRun) -> dict[str, Any]:
    """Of an export that failed, what failed in it, and how it is repeated."""
    report = (run.failure or {}).get("report")
    return {**report, "reproduce": f"{reproduce(run.trial)} --until export"} if report else {}


def _opened(run: TrialRun) -> dict[str, Any]:
    if len(run.opened) < len(run.ways):
        return {}
    facts = run.opened[-1].facts
    kept = {k: facts[k] for k in ("providers", "time_session", "time_import", "executable") if k in facts}
    return kept | placement_metrics(facts, run.profile)


def _contenders(run: TrialRun) -> list[dict[str, Any]]:
    found = []
    for index, way in enumerate(run.ways):
        facts = run.opened[index].facts if index < len(run.opened) else {}
        found.append({"label": way.label, "way": vars(way), **{k: v for k, v in facts.items() if k != "padding"}})
        if run.measurement and run.measurement.device:  # a value per process
            found[-1]["device_times"] = [pair[index] for pair in run.measurement.device]
    return found


def _phases(run: TrialRun) -> dict[str, dict[str, list[float]]]:
    """Seconds of each phase of each contender; those of the reference come first."""
    if run.failure or not run.measurement:
        return {}
    names = ("reference", "own") if len(run.ways) > 1 else ("own",)
    return {name: phases.of_contender(run, index) for index, name in enumerate(names)}


def _files(run: TrialRun) -> dict[str, str]:
    """Where the very files of this trial are, for the proof of a row."""
    files = {}
    if run.model:
        files = {"inputs": str(run.model.inputs)}
    if run.trial.way.label in run.artifacts:
        files["artifact"] = str(run.artifacts[run.trial.way.label].file)
    if run.judge:
        files["outputs"] = str(run.judge.recorded)
    return files


def _status(run: TrialRun) -> tuple[str, dict[str, Any]]:
    if run.failure:
        error = {name: value for name, value in run.failure.items() if name != "report"}
        return error.pop("status"), error | {"cluster": cluster(error["type"], error["message"])}
    if run.check_result and not run.check_result.equal:
        problem = run.check_result.problem
        return "inaccurate", {
            "stage": "check",
            "type": "Inaccurate",
            "message": problem,
            "cluster": cluster("Inaccurate", problem),
        }
    unfinished = next((s for s in STEPS if s not in run.steps), None)
    if unfinished:  # cells run by hand, out of order
        return "failed", {"stage": unfinished, "type": "NotRun", "message": f"the step {unfinished} was not run",
                          "cluster": "NotRun"}  # fmt: skip
    return "ok", {}
