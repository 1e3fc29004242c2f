"""The part of a record that is known before anything runs; also the record of trials that never do."""

from __future__ import annotations

import hashlib
import json
import re
import shlex

from benchlib import machine
from benchlib.fingerprint import fingerprint
from benchlib.model_labels import label_columns
from benchlib.record import Failure, Record
from benchlib.record.metrics import Metrics
from benchlib.trial import Trial


def blank_record(trial: Trial, key: str, status: str) -> Record:
    """What the parameters alone tell."""
    return Record(
        key=key,
        name=trial.file_stem(key),
        status=status,
        trial=trial.model_dump(),
        metrics=identity_metrics(trial),
        reproduce=reproduce(trial),
    )


def record_without_run(trial: Trial, key: str, status: str, reason: str, failure: Failure | None = None) -> Record:
    """The record of a trial that left none itself: refused, skipped, or ended with its kernel, which is a failure."""
    record = blank_record(trial, key, status)
    record.reason, record.error = reason, failure
    record.stage = failure.stage if failure else ""
    record.metrics |= machine.facts(trial.device)
    record.fingerprint = fingerprint(trial)
    return record


def identity_metrics(trial: Trial) -> Metrics:
    """Which trial it is: the model, the way, the conditions."""
    source, _ = trial.source()
    reference = trial.reference_way
    return Metrics(
        _index=f"{trial.model_name}-{trial.way.label}",
        model_name=trial.model_name,
        suite=source.name,
        exporter=trial.exporter,
        opt_patterns=trial.opt_patterns,
        dynamic=trial.dynamic,
        computes=trial.way.computes(trial.dtype),
        with_loss=trial.with_loss,
        device=trial.device,
        io=trial.io,
        cuda_graphs=trial.cuda_graphs,
        reference_way=reference.label if reference else "",
        judged_by=source.judged_by,
        flag_fake_tensor=False,
        flag_no_grad=True,
        flag_training=False,
        **label_columns(trial.model),
    )


def reproduce(trial: Trial) -> str:
    """The command that repeats a trial."""
    words = ["python -m benchlib run", shlex.quote(trial.model)]
    for name, value in trial.asked().items():
        if name != "model":
            text = value if isinstance(value, str) else json.dumps(value)
            words.append(f"--{name.replace('_', '-')} {shlex.quote(text)}")
    return " ".join(words)


def failure_of(stage: str, type_: str, message: str, traceback: str = "", log: str = "") -> Failure:
    """A failure with the name of its cluster."""
    return Failure(stage, type_, message, cluster(type_, message), traceback, log)


def cluster(type_: str, message: str) -> str:
    """A name for all failures of one kind: type and message with numbers, names and addresses taken out."""
    first = message.strip().splitlines()[0] if message.strip() else ""
    pattern = re.sub(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|\d+", "·", first)[:120]
    return f"{type_}: {pattern} [{hashlib.sha256((type_ + pattern).encode()).hexdigest()[:6]}]"
