"""A study of coverage as a sweep leaves it, made up: many models × eight ways, exported and checked, not timed."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from fake_study import contenders_of, make_record, planned, write_plan, write_trial

from benchlib.record import ExportReport, Failure, GraphSize, Record, SmallestFailure
from benchlib.record.metadata import PassStep
from benchlib.record.metrics import Metrics
from benchlib.stages.blank import cluster

WAYS = [
    (exporter, patterns) for exporter, patterns in (("script", ""), *(("onnx_dynamo", p) for p in ("", "ir", "ort")))
]
WRAPPED = (
    "Failed to export the model with torch.export. \x1b[96mThis is step 1/3\x1b[0m of exporting the model to ONNX."
)
OPERATORS = {"MatMul": 96, "Add": 130, "Erf": 12, "Mul": 61, "Div": 37, "Reshape": 48, "Transpose": 48, "Softmax": 12}
# What some of the cells end as: (outcome, exception, message, smallest part that fails)
TROUBLES = [
    ("failed", "export", "Unsupported", "Data-dependent branching on u{n}", ("encoder.layer.{n}.attn", "Attention")),
    ("failed", "export", "RuntimeError", "Exporting the operator 'aten::fft_rfft{n}' to ONNX opset is not supported",
     ("fourier", "FourierBlock")),
    ("failed", "pass", "ValueError", "ort: op type SkipSimplified{n} has no shape inference", ()),
    ("failed", "open", "InvalidGraph", "Node ({n}) has input size 3 not in range [min=1, max=2]", ()),
    ("inaccurate", "check", "Inaccurate", "at batch 7, seq_length 5: logits: {n} elements beyond the tolerance", ()),
    ("timeout", "export", "Deadline", "export did not end within {n} s", ()),
    ("refused", "", "", "dynamic: no dimension of the model's inputs is known to follow batch_size", ()),
    ("crashed", "run", "WorkerDied", "the worker ended with signal 11 (SIGSEGV) after {n} s", ()),
    ("oom", "export", "OutOfMemory", "the worker was killed for memory at {n} MiB", ()),
]  # fmt: skip


def label_of(exporter: str, patterns: str, dynamic: bool) -> str:
    return "+".join(filter(None, [exporter, patterns])) + (" dynamic" if dynamic else "")


def make_coverage(folder: Path, models: int = 40, trouble: float = 0.25) -> Path:
    """A study of `models` × eight ways, of which about the share `trouble` ends otherwise than ok."""
    (folder / "trials").mkdir(parents=True)
    chance, plan = random.Random(4), []
    for number in range(models):
        model = f"{chance.choice(('explicit/', '', 'ForSequenceClassification'))}Model{number:02}"
        for exporter, patterns in WAYS:
            for dynamic in (False, True):
                bad = chance.random() < trouble * (1.6 if dynamic else 0.6)
                record = covered(model, exporter, patterns, dynamic, chance.choice(TROUBLES) if bad else None, chance)
                plan.append(planned(record) | record.trial)
                write_trial(folder, record)
    write_plan(folder, {"name": folder.name, "title": "Which exporter takes which model?", "trials": plan})
    return folder


def covered(
    model: str, exporter: str, patterns: str, dynamic: bool, trouble: tuple | None = None, chance: Any = random
) -> Record:
    """The record of one exported and checked trial; `trouble` is one of TROUBLES."""
    record = make_record("resnet18", exporter)
    label, number = label_of(exporter, patterns, dynamic), chance.randrange(1000)
    key = f"{model}/{label}"
    asked = {"model": f"timm/{model}", "label": model, "opt_patterns": patterns, "dynamic": dynamic, "level": "smoke"}
    record = replace(
        record, key=key, name=key.replace("/", "_").replace(" ", "_"), status="ok", stage="", reason="", error=None,
        checks={}, suspect=[], trial=record.trial | asked, contenders=contenders_of("eager", label),
    )  # fmt: skip
    kept = ("time_load", "discrepancies_abs", "tolerance_abs", "tolerance_rel", "tolerance_share", "judged_by")
    metrics = Metrics(
        {n: v for n, v in record.metrics.items() if n in kept or n.startswith(("version", "processor", "date"))}
    )
    record.metrics = metrics | {
        "model_name": model, "_index": f"{model}-{label}", "dynamic": dynamic, "exporter": exporter,
        "opt_patterns": patterns, "time_export": 3.1, "time_latency": None,
    }  # fmt: skip
    if trouble:
        _ends(record, trouble, number)
    else:
        record.operators, record.graph, record.passes = graph(exporter, patterns)
        record.metrics |= {"onnx_opset": 20, "onnx_filesize": record.graph.size, "exports": int(not patterns)}
        if dynamic:
            record.metrics |= {"discrepancies_dynamic_abs": 2e-6, "discrepancies_dynamic_share": 0.02,
                                  "dynamic_shapes": "batch 7, seq_length 5; batch 1, seq_length 9"}  # fmt: skip
    return record


def graph(exporter: str, patterns: str) -> tuple[dict[str, int], GraphSize, list[PassStep]]:
    """What a record tells of the graph: its operators, its size, and the passes that made it."""
    plain = dict(OPERATORS) if exporter == "onnx_dynamo" else OPERATORS | {"Constant": 210, "Shape": 24, "Gather": 30}
    fused = {**{n: c for n, c in plain.items() if n != "Erf"}, "Add": 82, "com.microsoft.Gelu": 12}
    after = {"": plain, "ir": {**plain, "Reshape": 36}, "ort": fused}[patterns]
    sizes = {"": 55_613_972, "ir": 55_600_000, "ort": 54_900_000}
    step = PassStep(
        patterns, 0.8, size_before=sizes[""], size_after=sizes[patterns], nodes_before=sum(plain.values()),
        nodes_after=sum(after.values()), operators_before=plain, operators_after=after,
    )  # fmt: skip
    size = GraphSize(nodes=sum(after.values()), initializers=199, opset=20, size=sizes[patterns])
    return after, size, [step] if patterns else []


def _ends(record: Record, trouble: tuple, number: int) -> None:
    status, stage, kind, message, smallest = trouble
    said = message.format(n=number)
    whole = f"{WRAPPED} {said}" if kind == "Unsupported" else said
    record.status, record.stage, record.reason = status, stage, whole
    record.error = Failure(stage, kind, whole, cluster(kind, whole)) if kind else None
    if status == "refused":
        record.contenders = []
    if smallest:
        path, class_name = smallest
        part = SmallestFailure(path.format(n=number % 12), class_name, kind, said, tried=14, complete=True)
        record.export_report = ExportReport(kind, whole, part, f"{record.reproduce} --until export")
