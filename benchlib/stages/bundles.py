"""What the cache holds for a trial: the loaded model with its inputs, and the exported artifact."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.fingerprint import fingerprint
from benchlib.registry import exporters
from benchlib.trial import Trial
from benchlib.way import Way, canonical
from benchlib.worker.client import Worker

# Parameters that decide how a model is loaded; all others decide only how it is run.
LOADING = (
    "dtype", "batch_size", "seq_length", "height", "width", "shapes", "inputs", "model_args", "attn_implementation",
    "seed",
)  # fmt: skip


@dataclass
class Model:
    """A loaded model in the cache: its folder, what was found, and whether it was there before."""

    path: Path
    key: str
    meta: dict[str, Any]
    cached: bool

    @property
    def inputs(self) -> Path:
        return self.path / "inputs.npz"

    @property
    def input_sets(self) -> dict[int, Path]:
        """The derived sets of inputs that there are, by number (see `benchlib.models._input_sets`)."""
        return {int(n): self.path / f"inputs-{n}.npz" for n in self.meta["input_sets"]}

    @property
    def saved(self) -> Path:
        return self.path / "model.pt"


@dataclass
class Artifact:
    """What an exporter left: its file, the facts of the export, and whether it was there before."""

    file: Path
    facts: dict[str, Any]
    address: str = ""  # in the cache; empty when the artifact is the saved model itself
    cached: bool = False


def loaded(trial: Trial, builder: Callable[[], Worker], left: Callable[[], float]) -> Model:
    """The model of a trial, from the cache or loaded now by the builder worker."""
    source, name = trial.source()
    parameters = {p: getattr(trial, p) for p in LOADING}
    found = fingerprint(trial)
    decided_by = {
        "source": [source.name, source.identity(name, trial)],
        "parameters": parameters,
        "packages": {p: machine.package_version(p) for p in source.packages},
        "code": {f: h for f, h in found["code"].items() if f.startswith("models/") or f == "tensors.py"},
    }
    key = key_of(decided_by)
    entry = artifacts.find("models", trial.model_name, key)
    cached = entry is not None
    if entry is None:
        with artifacts.storing("models", trial.model_name, key, decided_by) as (folder, facts):
            request = {"source": source.name, "name": name, "trial": trial.model_dump(), "bundle": str(folder)}
            facts.update(builder().ask("load", left(), **request))
        entry = artifacts.find("models", trial.model_name, key)
    return Model(entry.path, key, entry.facts, cached)


def exported(
    trial: Trial, way: Way, model: Model, builder: Callable[[], Worker], left: Callable[[], float]
) -> Artifact:
    """The artifact of a way: the saved model, a ready file, or what the exporter leaves, exported at most once."""
    exporter = exporters.get(way.exporter)
    if exporter.export is None:
        return Artifact(model.saved, {} if exporter.compiles else {"time_export": 0.0})
    code = {f: h for f, h in fingerprint(trial)["code"].items() if f.startswith("exporters/")}
    decided_by = {
        "model": model.key,
        "exporter": way.exporter,
        "options": dict(way.exporter_args),
        "target_opset": way.target_opset,
        "packages": {p: machine.package_version(p) for p in exporter.packages},
        "code": {f: h for f, h in code.items() if Path(f).stem == way.exporter or Path(f).name.startswith("_")},
    }
    key = key_of(decided_by)
    entry = artifacts.find("artifacts", trial.model_name, key)
    cached = entry is not None
    if entry is None:
        with artifacts.storing("artifacts", trial.model_name, key, decided_by) as (folder, facts):
            reply = builder().ask("export", left(), path=str(folder / "model"), **export_request(way, model))
            # A ready file stays where it is; what was written here moves with the entry.
            file = Path(reply["file"])
            facts.update(reply, file=file.name if file.is_relative_to(folder) else str(file))
        entry = artifacts.find("artifacts", trial.model_name, key)
    return Artifact(entry.path / entry.facts["file"], entry.facts, entry.address, cached)


def export_request(way: Way, model: Model) -> dict[str, Any]:
    """The arguments of the worker's `export` for a way, but for the path."""
    return {
        "exporter": way.exporter,
        "bundle": str(model.path),
        "options": {k: o.default for k, o in exporters.get(way.exporter).options.items()} | dict(way.exporter_args),
        "target_opset": way.target_opset,
        "axes": {},
        "opt_patterns": "",
    }


def key_of(decided_by: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(json.loads(json.dumps(decided_by, default=str))).encode()).hexdigest()
