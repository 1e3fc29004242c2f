"""A trial's run -> its record: every metric that the run can give, by its declared name."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import numpy as np

from benchlib import machine
from benchlib.fingerprint import fingerprint
from benchlib.measure import statistics
from benchlib.measure.samples import WARMUP
from benchlib.record import SCHEMA
from benchlib.registry import exporters
from benchlib.trial import Trial, default_of

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun


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
    status, error = _status(run)
    if run.measurement and not run.failure:
        metrics |= timing(run)
    return blank(run.trial, run.key) | {
        "status": status,
        "stage": error.get("stage", ""),
        "reason": error.get("message", ""),
        "error": error,
        "metrics": metrics,
        "steps": run.steps,
        "contenders": _contenders(run),
        "files": _files(run),
        "fingerprint": fingerprint(run.trial),
        "suspect": suspects(metrics),
    }


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
        "files": {},
        "fingerprint": {},
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
        "device": trial.device,
        "reference_way": reference.label if reference else "",
        "judged_by": source.judged_by,
        "flag_fake_tensor": False,
        "flag_no_grad": True,
        "flag_training": False,
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


def timing(run: TrialRun) -> dict[str, Any]:
    """Every metric that is computed from the samples."""
    samples, level = run.measurement.samples, run.level
    own = len(samples.contenders) - 1
    steady = samples.counted(own)
    metrics = _latency(samples, own) | {
        "throughput": run.trial.batch_size / float(steady.mean()),
        "cpu_utilisation": _utilisation(samples, own),
        "warmup": len(samples.counted(own, phase=WARMUP)),
        "repeat": len(steady),
        "rounds": max(len(samples.rounds(p)) for p in samples.pairs),
        "processes": len(samples.pairs),
        "calls_per_epoch": max(len(e.ns) - e.skip for e in samples.epochs if e.contender == own and e.round >= 0),
        "worker_start": run.measurement.facts[0][own]["start"],
        "warmup_converged": all(s[own] for s in run.measurement.settled),
        "seed_order": samples.order_seed,
        "time_measure": run.measurement.seconds,
        "reference_way": "",
    }
    metrics |= _phases(run, own)
    if own == 0:
        return metrics
    reference = _latency(samples, 0)
    cold = samples.counted(0, phase=WARMUP)
    metrics |= {
        "reference_way": samples.contenders[0],
        "time_latency_reference": reference["time_latency"],
        "throughput_reference": run.trial.batch_size / reference["time_latency_mean"],
    }
    if run.ways[0].exporter == "eager":
        metrics |= {"time_latency_eager": reference["time_latency"], "time_warmup_eager": float(cold.mean())}
    if run.check_result.equal:  # a wrong answer is never fast
        ratio = statistics.speedup([samples.rounds(p) for p in samples.pairs])
        metrics |= {
            "speedup": ratio.value,
            "speedup_low": ratio.low,
            "speedup_high": ratio.high,
            "speedup_increase": ratio.value - 1,
            "speedup_mean": reference["time_latency_mean"] / metrics["time_latency_mean"],
            "verdict": statistics.verdict(ratio, level.margin, level.decides_same),
            "break_even": statistics.break_even(
                metrics["time_export"] + metrics["time_session"],
                _phases(run, 0)["time_export"] + _phases(run, 0)["time_session"],
                metrics["time_latency"],
                reference["time_latency"],
            ),
        }
    return metrics


def _latency(samples, contender: int) -> dict[str, Any]:
    steady = samples.counted(contender)
    published = statistics.latency([samples.counted(contender, p) for p in samples.pairs])
    middle = statistics.median_interval(steady)
    return {
        "time_latency": published.value,
        "time_latency_low": published.low,
        "time_latency_high": published.high,
        "time_latency_median": middle.value,
        "time_latency_median_low": middle.low,
        "time_latency_median_high": middle.high,
        "time_latency_mean": float(steady.mean()),
        "time_latency_min": float(steady.min()),
        "time_latency_max": float(steady.max()),
        "time_latency_std": float(steady.std(ddof=1)) if len(steady) > 1 else 0.0,
        **{f"time_latency_p{p:.0%}".rstrip("%"): statistics.percentile(steady, p) for p in (0.90, 0.95, 0.99)},
        "time_warmup": float(samples.counted(contender, phase=WARMUP).mean()),
    }


def _phases(run: TrialRun, contender: int) -> dict[str, Any]:
    """Import, export, session and first call: one sample per process, the export's own one."""
    facts = [replicate[contender] for replicate in run.measurement.facts]
    way = run.ways[contender]
    later = facts[1:] if exporters.get(way.exporter).compiles and len(facts) > 1 else facts
    phases = {
        "time_import": float(np.median([f["time_import"] for f in facts])),
        "time_session": float(np.median([f["time_session"] for f in facts])),
        "time_first": float(np.median([f["time_first"] for f in later])),
    }
    if exporters.get(way.exporter).compiles:
        return phases | {"time_export": facts[0]["time_first"], "compile_cache": "cold"}
    return phases | {"time_export": run.artifacts[way.label].facts.get("time_export", 0.0)}


def _utilisation(samples, contender: int) -> float:
    epochs = [e for e in samples.epochs if e.contender == contender and e.round >= 0]
    return sum(e.cpu for e in epochs) / sum(e.end - e.start for e in epochs)


def _exported(run: TrialRun) -> dict[str, Any]:
    artifact = run.artifacts.get(run.trial.way.label)
    if artifact is None:
        return {}
    facts = {k: v for k, v in artifact.facts.items() if k != "file"}
    return {"onnx_model": 0, "onnx_optimized": 0, **facts, "filename": artifact.file.name, "artifact": artifact.address,
            "artifact_cached": artifact.cached}  # fmt: skip


def _opened(run: TrialRun) -> dict[str, Any]:
    if len(run.opened) < len(run.ways):
        return {}
    facts = run.opened[-1].facts
    return {k: facts[k] for k in ("providers", "time_session", "time_import", "executable") if k in facts}


def _contenders(run: TrialRun) -> list[dict[str, Any]]:
    found = []
    for index, way in enumerate(run.ways):
        facts = run.opened[index].facts if index < len(run.opened) else {}
        found.append({"label": way.label, "way": vars(way), **{k: v for k, v in facts.items() if k != "padding"}})
    return found


def _files(run: TrialRun) -> dict[str, str]:
    """Where the very files of this trial are, for the proof of a row."""
    files = {}
    if run.model:
        files = {"inputs": str(run.model.inputs)}
    if run.trial.way.label in run.artifacts:
        files["artifact"] = str(run.artifacts[run.trial.way.label].file)
    if run.reference_outputs:
        files["outputs"] = str(run.reference_outputs)
    return files


def _status(run: TrialRun) -> tuple[str, dict[str, Any]]:
    if run.failure:
        error = dict(run.failure)
        return error.pop("status"), error | {"cluster": cluster(error["type"], error["message"])}
    if run.check_result and not run.check_result.equal:
        problem = run.check_result.problem
        return "inaccurate", {
            "stage": "check",
            "type": "Inaccurate",
            "message": problem,
            "cluster": cluster("Inaccurate", problem),
        }
    unfinished = next((s for s in ("load", "export", "open", "check", "measure") if s not in run.steps), None)
    if unfinished:  # cells run by hand, out of order
        return "failed", {"stage": unfinished, "type": "NotRun", "message": f"the step {unfinished} was not run",
                          "cluster": "NotRun"}  # fmt: skip
    return "ok", {}


def suspects(metrics: dict[str, Any]) -> list[str]:
    """The checks that the figures fail, by name: figures that cannot be are marked, not published silently."""
    found = []
    ordered = [metrics.get(f"time_latency_{n}") for n in ("min", "median", "p90", "p95", "p99", "max")]
    present = [v for v in ordered if v is not None]
    if present != sorted(present):
        found.append("percentiles out of order")
    if metrics.get("cpu_utilisation", 0) > 1.05 * metrics.get("num_cores", 1):
        found.append("more threads than asked for")
    return found
