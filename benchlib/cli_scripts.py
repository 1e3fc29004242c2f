"""What `run` does with model scripts beside running them: which ones, what is in them, and what came of each model."""

from __future__ import annotations

import dataclasses
import glob
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchlib.cli_discover import check_folder, only, scripts_of, shown
from benchlib.errors import UserError
from benchlib.model_labels import model_fits
from benchlib.models import script
from benchlib.plan.expand import Plan
from benchlib.plan.selections import select
from benchlib.record import Record
from benchlib.trial import Trial
from benchlib.way import WAY


def gathered(models: Iterable[str], search_dir: Path | None, every: bool, wanted: str) -> list[str]:
    """The models that are asked for; with labels those that carry them. Raises UserError where none is left."""
    folder, models = search_dir or Path(), list(models)
    if every == bool(models):
        raise UserError("run: give a model, or --all for every script of the search directory")
    check_folder(folder)
    if every:
        models = [str(path) for path in scripts_of(folder)]
    elif search_dir:
        own = glob.escape(str(folder))  # what is given may be a pattern, the folder is none
        models = [os.path.join(own if glob.has_magic(model) else folder, model) for model in models]
    if not wanted:
        return models
    fitting = [m for given in models for m in select(given) if model_fits(m, wanted)]
    if not fitting:
        raise UserError(f"--labels: no model has the labels {wanted}")
    return fitting


def analysed(plan: Plan, verbose: int) -> Iterator[str]:
    """What was found in the scripts of a plan, without running a trial. Raises UserError for other models, and for a
    hash that no model has."""
    other = [p.trial.model for p in plan.trials if not script.is_script(p.trial.model)]
    if other:
        raise UserError(f"--analyze-only looks into model scripts; {other[0]} is none")
    refused = {p.reason for p in plan.trials if p.status == "refused"}
    trials = [p.trial for p in plan.trials if p.status != "refused"]
    for trial in trials:
        if picked := trial.model.partition("::")[2]:
            only(script.discovered(script.path_of(trial.model), trial), picked)
    for discovery, _ in _discoveries(trials):
        yield from shown(discovery, bool(verbose))
    yield from (f"refused: {reason}" for reason in refused)


def listed(records: list[Record]) -> Iterator[str]:
    """The models of scripts with what came of their trials."""
    ran = [record for record in records if script.is_script(record.trial["model"]) and record.status != "refused"]
    trials = [Trial(**record.trial) for record in ran]
    for discovery, mine in _discoveries(trials):
        own = [record for record, trial in zip(ran, trials, strict=True) if trial in mine]
        yield from shown(discovery, more=partial(_rows, own, len(discovery.models) == 1))
        if not discovery.models:
            yield from (f"    {_outcome(record)}" for record in own)


def _discoveries(trials: list[Trial]) -> Iterator[tuple[Any, list[Trial]]]:
    """What the scripts of some trials call, each once, with those trials; of a script that picks models these alone."""
    groups: dict[int, tuple[Any, list[Trial]]] = {}
    for trial in trials:
        found = script.discovered(script.path_of(trial.model), trial)
        groups.setdefault(id(found), (found, []))[1].append(trial)
    for found, mine in groups.values():
        picked = {trial.model.partition("::")[2] for trial in mine}
        models = [m for m in found.models if m.hash in picked or "" in picked]
        yield dataclasses.replace(found, models=models), mine


def _rows(records: list[Record], single: bool, model: Any) -> dict[str, str]:
    """One row for each trial of a model: its way with the conditions that differ, how it ended, and what it took."""
    mine = [r for r in records if single or r.trial["model"].endswith(f"::{model.hash}")]
    differ = [
        name
        for name in Trial.model_fields
        if name not in (*WAY, "model", "batch_size") and any(r.trial[name] != mine[0].trial[name] for r in mine)
    ]
    return {_way(record, differ): _outcome(record) for record in mine}


def _way(record: Record, differ: Iterable[str]) -> str:
    """`eager, batch 8, dtype bfloat16`."""
    trial, metrics = record.trial, record.metrics
    words = [str(metrics["_index"]).removeprefix(f"{metrics['model_name']}-")]
    words += [f"batch {trial['batch_size']}"] if trial["batch_size"] != 1 else []
    return ", ".join([*words, *(f"{name} {'default' if trial[name] is None else trial[name]}" for name in differ)])


def _outcome(record: Record) -> str:
    """The throughput stands beside the mean latency, of which it is the inverse times the batch size."""
    metrics = record.metrics
    if metrics.get("time_latency"):
        note = "" if record.status == "ok" else f" ({record.status})"
        mean, median = _time(metrics["time_latency_mean"]), _time(metrics["time_latency"])
        return f"latency {mean} in the mean (median {median}), {metrics['throughput']:,.1f} items/s{note}"
    if record.status == "ok":
        return "built" if record.trial["until"] == "export" else "built and checked"
    return ": ".join(filter(None, [record.status, record.stage, " ".join(record.reason.split())]))


def _time(seconds: float) -> str:
    unit, scale = ("µs", 1e6) if seconds < 1e-3 else ("ms", 1e3) if seconds < 1 else ("s", 1)
    return f"{seconds * scale:.4g} {unit}"


def print_listed(records: list[Record]) -> None:
    for line in listed(records):
        print(line, file=sys.stderr)
