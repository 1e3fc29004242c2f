"""What a trial of a real model costs when everything is warm, and how well a dry run predicts a study's time."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchlib import machine
from benchlib.execution import store
from benchlib.execution.execute import execute
from benchlib.fingerprint import fingerprint
from benchlib.models import script
from benchlib.plan import study
from benchlib.plan.expand import Plan, expand
from benchlib.stages.warm import packages_of
from benchlib.worker import process
from benchlib.worker.client import Server
from tests.bench.figure import Figure, at_most, between

# About 10 ms a call on two cores, against eager.
MODEL = {"model": "timm/resnet18", "exporter": "script", "height": 160, "width": 160}
LIMITS = {"quick": 45.0, "precise": 240.0}  # seconds

# A first study; the same again under another name; and one of the kind with another model, which never ran.
WAYS = {"exporter": ["eager", "script"], "level": ["quick"], "height": [64], "width": [64]}
STUDIES = {"first": ["timm/lcnet_050"], "same": ["timm/lcnet_050"], "alike": ["timm/lcnet_075"]}
TOLERANCE = 0.3

# Trials of suites and of scripts that are all known: what a resumed sweep does before it runs anything.
SCRIPTS = Path(script.__file__).parent / "scripts"
KNOWN = {
    "suites": ["timm/resnet18", "timm/resnet50", "explicit/mlp", "huggingface/BertForMaskedLM", "torchvision/resnet18"],
    "scripts": [str(SCRIPTS / name) for name in ("hello_world.py", "two_models.py", "linear.py", "alexnet.py")],
}
MATRIX = {
    "exporter": ["eager", "inductor", "script", "onnx_dynamo", "export"],
    "num_cores": [1, 2, 3, None],
    "seed": list(range(30)),
}
PLANNING_LIMIT = 3.0  # seconds


def figures(
    model: Mapping[str, Any] = MODEL,
    limits: Mapping[str, float] = LIMITS,
    studies: Mapping[str, list[str]] = STUDIES,
    ways: Mapping[str, list[Any]] = WAYS,
    known: Mapping[str, list[str]] = KNOWN,
    matrix: Mapping[str, list[Any]] = MATRIX,
) -> Iterator[Figure]:
    process.adopt_orphans()  # as a sweep does
    yield from cost(model, limits)
    yield from prediction(studies, ways)
    yield from planning(known, matrix)


def cost(model: Mapping[str, Any], limits: Mapping[str, float]) -> Iterator[Figure]:
    """A trial of each level, after one at level smoke has filled the cache and seen the server up."""
    trials = {level: planned({**model, "level": level}) for level in ("smoke", *limits)}
    server = Server(packages_of([plan.trials[0].trial for plan in trials.values()]), machine.allowed_cores())
    try:
        with tempfile.TemporaryDirectory(prefix="benchlib-cost-") as folder, store.opened(Path(folder)):
            for level, plan in trials.items():
                begin = time.monotonic()
                record = execute(plan.trials[0], server, Path(folder))
                took = time.monotonic() - begin
                if record.status != "ok":
                    raise RuntimeError(f"{plan.trials[0].name} ended as {record.status}: {record.reason}")
                if level in limits:
                    metrics = record.metrics
                    latency = metrics["time_latency"] * 1e3
                    remark = f"{latency:.1f} ms a call, {metrics['speedup']:.2f} × {metrics['reference_way']}"
                    title = f"a trial of {plan.trials[0].trial.model_name} at level {level}"
                    yield at_most(title, took, limits[level], f"{limits[level]:g} s", " s", remark)
    finally:
        server.end()


def planned(asked: Mapping[str, Any]) -> Plan:
    return expand(study.from_options("cost", {name: [value] for name, value in asked.items()}))


def planning(models: Mapping[str, list[str]], matrix: Mapping[str, list[Any]]) -> Iterator[Figure]:
    """A plan with what resuming asks of each trial, after a first one that found out what was not known."""
    for kind, names in models.items():
        asked = study.from_options("planning", {"model": names, **matrix})
        expand(asked)
        begin = time.monotonic()
        plan = expand(asked)
        for trial in plan.trials:
            fingerprint(trial.trial)
        took = time.monotonic() - begin
        what = f"a plan of {len(plan.trials)} trials of {kind}"
        yield at_most(what, took, PLANNING_LIMIT, f"{PLANNING_LIMIT:g} s", " s")


def prediction(studies: Mapping[str, list[str]], ways: Mapping[str, list[Any]]) -> Iterator[Figure]:
    """The dry run of each study, and then its sweep; the first has nothing to go by, and no threshold."""
    with tempfile.TemporaryDirectory(prefix="benchlib-predict-") as folder:
        for number, (name, models) in enumerate(studies.items()):
            file = Path(folder) / f"{name}.yaml"
            axes = "".join(f"  {axis}: {values}\n" for axis, values in {"model": models, **ways}.items())
            file.write_text(f"name: {name}\nmatrix:\n{axes}")
            predicted = sum(seconds(line) for line in totals(sweep(file, "--dry-run")))
            begin = time.monotonic()
            sweep(file, "--quiet")
            took = time.monotonic() - begin
            what = f"study '{name}': predicted ÷ taken"
            remark = f"{predicted:.0f} s, {took:.0f} s"
            if number:
                yield between(what, predicted / took, 1 - TOLERANCE, 1 + TOLERANCE, remark=remark)
            else:
                yield Figure(what, f"{predicted / took:.4f}", remark=remark)


def sweep(file: Path, *words: str) -> str:
    command = [sys.executable, "-m", "benchlib", "sweep", str(file), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=file.parent).stdout


def totals(text: str) -> list[str]:
    """The lines of a dry run that sum up: the matrix, and its run-offs where there may be any."""
    return [line for line in text.splitlines() if " planned = " in line or line.startswith("+ up to ")]


def seconds(line: str) -> float:
    """The time at the end of a dry run: `…; about 2.5 min`."""
    parts = re.findall(r"([\d.]+) (s|min|h)\b", line.rpartition("about ")[2])
    return sum(float(number) * {"s": 1, "min": 60, "h": 3600}[unit] for number, unit in parts)
