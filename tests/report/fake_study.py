"""Study folders as a sweep leaves them, made up: all statuses, A/A controls, hostile names, broken files."""

from __future__ import annotations

import hashlib
import io
import json
import math
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from ruamel.yaml import YAML
from scipy.stats import t as student

from benchlib.measure.samples import STEADY, WARMUP, Block, Samples
from benchlib.record import ContenderRecord, Failure, Record, StepTime, scrap
from benchlib.record.metrics import Metrics
from benchlib.stages.checks import CHECKS

EVIL = "<script>alert(1)</script>"
EXPORTERS = ("eager", "inductor", "script", "onnx_dynamo")
LATENCY = {"all-MiniLM-L6-v2": 4.1e-3, "BertForMaskedLM": 21e-3, "resnet18": 12.4e-3, EVIL: 0.21e-3}
SPEEDUP = {"eager": 1.0, "inductor": 1.34, "script": 1.02, "onnx_dynamo": 2.21}
EXPORT = {"eager": 0.0, "inductor": 31.2, "script": 0.84, "onnx_dynamo": 4.2}
PAIRS, ROUNDS, CALLS = 5, 20, 3
UNSURE = ("resnet18", "inductor", 1)  # its interval excludes 1, but only just: among many comparisons that is chance
SUSPECT = "script used 3.1 cores, 2 threads were asked for"
FLOPS, WEIGHTS = 3_628_146_688, 46_758_048

UNSUPPORTED = "Unsupported: call_function BuiltinVariable(id)\n  from user code, line 12"
INVALID = f"This is an invalid model. {EVIL} " + "Node () has input size 3 not in range. " * 12
# What ends otherwise than ok: (model, exporter, batch size) -> (status, stage, error type, message or reason)
ENDINGS = {
    ("BertForMaskedLM", "inductor", 1): ("failed", "export", "RuntimeError", UNSUPPORTED),
    ("BertForMaskedLM", "onnx_dynamo", 8): (
        "inaccurate",
        "check",
        None,
        "logits: 412 elements beyond the tolerance",
    ),
    ("BertForMaskedLM", "script", 8): ("timeout", "export", "Deadline", "export did not end within 600 s"),
    ("resnet18", "inductor", 8): (
        "crashed",
        "measure",
        "WorkerDied",
        "the worker ended with signal 6 (SIGABRT)",
    ),
    ("resnet18", "onnx_dynamo", 8): ("oom", "run", "OutOfMemory", "the worker was killed for memory"),
    (EVIL, "onnx_dynamo", 1): ("failed", "open", "InvalidGraph", INVALID),
    (EVIL, "inductor", 1): (
        "refused",
        "",
        None,
        "exporter inductor takes a module, the model is an ONNX file",
    ),
    (EVIL, "script", 1): ("skipped", "", None, "exporter script: no C++ compiler"),
}
TRIAL = {
    "device": "cpu", "dtype": "float32", "seq_length": None, "model_args": {}, "opt_patterns": "",
    "runtime": "", "provider": "", "num_cores": None, "level": "quick", "warmup": "auto", "repeat": "auto",
    "reference": "eager", "seed": 0, "timeout": 600.0, "tag": "",
}  # fmt: skip


def make_study(folder: Path, title: str = "Which exporter serves these models best?") -> Path:
    """A study with 28 planned trials; two of them have no readable notebook, one file is no trial."""
    (folder / "trials").mkdir(parents=True)
    plan = []
    for model in LATENCY:
        for batch in (1, 8) if model != EVIL else (1,):
            for exporter in EXPORTERS:
                record = make_record(model, exporter, batch)
                plan.append({"name": record.name, "key": record.key, **record.trial})
                if (model, exporter, batch) == ("all-MiniLM-L6-v2", "script", 8):
                    (folder / "trials" / f"{record.name}.ipynb").write_text('{"cells": [{"cell_type": "co')
                elif (model, exporter, batch) != ("all-MiniLM-L6-v2", "inductor", 8):
                    write_trial(folder, record, make_samples(record))
    foreign = new_notebook(cells=[new_markdown_cell("# Somebody's notes"), new_code_cell("1 + 1")])
    nbformat.write(foreign, folder / "trials" / "notes.ipynb")
    write_plan(folder, {"name": folder.name, "title": title, "trials": plan})
    return folder


def planned(record: Record) -> dict[str, Any]:
    """The entry of a record's trial in a plan."""
    return {"name": record.name, "key": record.key}


def write_plan(folder: Path, plan: dict[str, Any]) -> None:
    text = io.StringIO()
    YAML(typ="safe").dump(plan, text)
    (folder / "study.yaml").write_text(text.getvalue())


def make_record(model: str, exporter: str, batch: int = 1) -> Record:
    """The record of one trial; it ends as `ENDINGS` says, else as ok."""
    key = hashlib.sha256(f"{model}/{exporter}/{batch}".encode()).hexdigest()
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in model)
    status, stage, kind, reason = ENDINGS.get((model, exporter, batch), ("ok", "", None, ""))
    asked = {"model": f"timm/{model}", "label": model, "batch_size": batch, "exporter": exporter}
    metrics = Metrics({"_index": f"{model} - {exporter}", "model_name": model, "reference_way": "eager"})
    if status not in ("refused", "skipped"):
        metrics |= MACHINE | {"exporter": exporter, "num_cores": 2, "time_load": 0.61}
    if status in ("ok", "inaccurate"):
        metrics |= _measured(model, exporter, batch, status)
    elif stage in ("open", "run", "measure"):
        metrics["time_export"] = EXPORT[exporter]
    ran = status not in ("refused", "skipped")
    suspect = (model, exporter, batch) == ("resnet18", "script", 1)
    checks = {name: f"failed: {SUSPECT}" if name == "threads_mismatch" and suspect else "passed" for name in CHECKS}
    return Record(
        key=key,
        name=f"{stem}-{exporter}-{key[:8]}",
        status=status,
        stage=stage,
        reason=reason,
        error=Failure(stage, kind, reason, cluster=kind, traceback="Traceback …") if kind else None,
        reproduce=f"python -m benchlib run 'timm/{model}' --exporter {exporter} --batch-size {batch}",
        trial=TRIAL | asked,
        metrics=metrics,
        steps={"load": StepTime(0.6, "ok")},
        contenders=contenders_of("eager", exporter) if ran else [],
        fingerprint={"code": {"exporters/eager.py": "abc"}},
        checks=checks if status in ("ok", "inaccurate") else {},
        suspect=["threads_mismatch"] if suspect else [],
    )


def contenders_of(*exporters: str) -> list[ContenderRecord]:
    """Ways that are called by their exporter, the reference first."""
    return [ContenderRecord(exporter, {"exporter": exporter}) for exporter in exporters]


MACHINE = {
    "processor_name": "AMD EPYC 9965 192-Core Processor", "cpu": 2, "cpu_logical": 2,
    "cpu_ram_size": 16_777_216_000, "device": "cpu", "device_name": "AMD EPYC 9965 192-Core Processor",
    "system": "Linux", "kernel": "6.18.1", "version": "3.11.7", "version_torch": "2.15.0",
    "version_onnx": "1.23.2", "version_onnxruntime": "1.31.1", "version_onnxscript": "0.7.2",
    "version_transformers": "5.23.0", "version_timm": "1.0.31", "version_benchlib": "0.1.0",
    "date_start": "2026-11-20", "time_start": "09:12:44",
}  # fmt: skip


def _measured(model: str, exporter: str, batch: int, status: str) -> dict[str, Any]:
    reference = LATENCY[model] * batch**0.8
    speedup = SPEEDUP[exporter] * (1.0 if batch == 1 else 0.94 if exporter != "eager" else 1.003)
    latency, half = reference / speedup, 0.004 if exporter == "eager" else 0.021
    half = 0.283 if (model, exporter, batch) == UNSURE else half
    export = EXPORT[exporter]
    gain = reference - latency
    verdict = "inconclusive" if abs(speedup - 1) < 0.1 else "faster" if speedup > 1 else "slower"
    own = {
        "speedup": speedup, "speedup_low": speedup * math.exp(-half), "speedup_high": speedup * math.exp(half),
        "speedup_increase": speedup - 1, "verdict": verdict,
        "p_value": _p_value(speedup, half), "smallest_effect": 0.123, "verdict_floor": 0.042,
        "calibration": "A/A calibration of 2026-11-19, 20 pairs",
        "break_even": math.inf if gain <= 0 else export / gain,
    }  # fmt: skip
    rate, read = FLOPS * batch / latency, WEIGHTS / latency
    share = {
        "flops": FLOPS * batch, "flop_rate": rate, "peak_flop_rate": 4e12, "peak_share": rate / 4e12,
        "weights_read_size": WEIGHTS, "weights_read_rate": read, "memory_bandwidth": 2.97e10,
        "memory_share": read / 2.97e10, "cache_size": 1 << 25,
    } if model != EVIL else {"flops_reason": "the source gives no torch module"}  # fmt: skip
    error = {"eager": 0.0, "inductor": 2.4e-7, "script": 0.0, "onnx_dynamo": 3.1e-6}[exporter]
    wrong = status == "inaccurate"
    return ({} if wrong else own) | share | {
        "time_latency": latency, "time_latency_low": latency * 0.988, "time_latency_high": latency * 1.013,
        "time_latency_eager": reference, "time_latency_reference": reference,
        "time_latency_p90": latency * 1.08, "converged": True, "time_lost": 0.0,
        "throughput": batch / latency, "throughput_reference": batch / reference,
        "time_export": export, "time_session": 0.11, "time_first": latency * 3,
        "discrepancies_abs": 0.82 if wrong else error, "discrepancies_share": 820.0 if wrong else error * 1e4,
        "tolerance_share": 820.0 if wrong else error * 1e4, "elements_beyond": 412 if wrong else 0,
        "rmse_ratio": 4e4 if wrong else 1.0 + error * 1e5, "rmse_eager": 1e-7,
        "discrepancies_rel": 0.3 if wrong else error * 10,
        "discrepancies_avg": error / 9, "discrepancies_n": 412 if wrong else 0, "discrepancies_dnan": 0,
        "tolerance_abs": 1e-4, "tolerance_rel": 1e-3, "judged_by": "eager, float64", "repeat": PAIRS * ROUNDS * CALLS,
        "onnx_model": exporter == "onnx_dynamo", "params_size": 11_689_512, "rounds": ROUNDS,
        "processes": PAIRS, "time_measure": 12.5, "filename": "/cache/model.onnx",
    }  # fmt: skip


def _p_value(speedup: float, half: float) -> float:
    """That of a t test over the pairs whose interval of the logarithm has this half width."""
    error = half / float(student.ppf(0.975, PAIRS - 1))
    return float(2 * student.sf(abs(math.log(speedup)) / error, PAIRS - 1))


def make_samples(record: Record) -> Samples | None:
    metrics = record.metrics
    if "time_latency" not in metrics:
        return None
    chance = np.random.default_rng(int(record.key[:8], 16))
    samples = Samples([c.label for c in record.contenders])
    medians = (metrics["time_latency_reference"], metrics["time_latency"])
    now = 1_000_000
    for pair in range(PAIRS):
        shift = chance.normal(0, 0.006)
        for round_ in range(-1, ROUNDS):
            for index, median in enumerate(medians):
                tail = chance.gamma(1.5, 0.03, CALLS + 1) + (chance.random(CALLS + 1) < 0.04) * chance.gamma(
                    2, 0.3, CALLS + 1
                )
                ns = (median * 1e9 * np.exp(shift + tail - 0.035)).astype("<u8")
                phase = WARMUP if round_ < 0 else STEADY
                samples.blocks.append(Block(index, pair, round_, phase, now, now + int(ns.sum()), int(ns.sum()), 1, ns))
                now += int(ns.sum()) + 50_000
    return samples


def write_trial(folder: Path, record: Record, samples: Samples | None = None, stem: str = "") -> Path:
    """An executed trial notebook, as the sweep leaves it."""
    kept = [nbformat.from_dict(scrap.output(scrap.RECORD, record.to_json()))]
    if samples:
        kept.append(nbformat.from_dict(scrap.output(scrap.SAMPLES, samples.encode())))
    shown = {"text/html": "<table><tr><th>parameters</th><td>11,689,512</td></tr></table>", "text/plain": "…"}
    cells = [
        new_markdown_cell("# One model, run in one way\n\nThis notebook is a trial."),
        new_code_cell('model = "timm/resnet18"', metadata={"tags": ["parameters"]}),
        new_code_cell(f"model = {record.trial['model']!r}", metadata={"tags": ["injected-parameters"]}),
        new_markdown_cell("## Load\n\nThe model and one batch of inputs."),
        new_code_cell("trial.load()", outputs=[_display(shown)]),
        new_markdown_cell("## Record\n\nEverything that was found."),
        new_code_cell("trial.record()", outputs=kept),
    ]
    path = folder / "trials" / f"{stem or record.name}.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps(new_notebook(cells=cells, metadata={"kernelspec": kernel})))
    return path


def _display(data: dict[str, str]) -> Any:
    return nbformat.from_dict({"output_type": "display_data", "data": data, "metadata": {}})
