"""What the cache holds of a trial's model: the module as it was loaded, with its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.fingerprint import fingerprint
from benchlib.models._input_sets import COMPARED
from benchlib.trial import LOADING, Trial
from benchlib.way import key_of
from benchlib.worker.client import Worker, WorkerError


@dataclass
class Model:
    """A loaded model in the cache: its folder, what decided it and was found, and whether it was there before."""

    path: Path
    key: str
    decided_by: dict[str, Any]
    meta: dict[str, Any]
    cached: bool

    @property
    def free_key(self) -> str:
        """What decides an export whose free shapes follow the batch size and the sequence length: all but those."""
        free = {name for axes in self.meta["axes"].values() for name in axes.values()}
        parameters = {"batch": "batch_size", "seq_length": "seq_length"}
        fixed = {p: v for p, v in self.decided_by["parameters"].items() if p not in {parameters[f] for f in free}}
        return key_of({**self.decided_by, "parameters": fixed, "weights": self.meta["facts"].get("weights_hash")})

    @property
    def inputs(self) -> Path:
        return self.path / "inputs.npz"

    @property
    def input_sets(self) -> dict[int, Path]:
        """The derived sets of inputs that there are, by number (see `benchlib.models._input_sets`)."""
        return {int(n): self.path / f"inputs-{n}.npz" for n in self.meta["input_sets"]}

    @property
    def expected(self) -> dict[int, tuple[Path, str]]:
        """The outputs that were given as right, by the number of their set, with their hashes."""
        return {int(n): (self.path / f"expected-{n}.npz", h) for n, h in self.meta.get("expected", {}).items()}

    @property
    def compared_sets(self) -> dict[int, Path]:
        """Those of them at which outputs are compared: all where the inputs were given, as what is derived from a shape
        or from pads need not be legal."""
        given = self.decided_by["parameters"]["inputs"]
        return {n: file for n, file in self.input_sets.items() if given or n in COMPARED}

    @property
    def turns(self) -> dict[str, str]:
        """Files of the sets that take turns with the recorded one while it is timed, with their hashes."""
        return {str(file): self.meta["input_sets"][str(n)] for n, file in self.input_sets.items()}

    @property
    def saved(self) -> Path:
        return self.path / "model.pt"


def loaded(
    trial: Trial,
    builder: Callable[[], Worker],
    left: Callable[[], float],
    before: Callable[[], None] = lambda: None,
) -> Model:
    """The model of a trial, from the cache or, after `before`, loaded now by the builder worker."""
    source, name = trial.source()
    parameters = {p: getattr(trial, p) for p in LOADING}
    found = fingerprint(trial)
    decided_by = {
        "source": trial.identity(),
        "parameters": parameters,
        "packages": {p: machine.package_version(p) for p in source.packages},
        "code": {f: h for f, h in found["code"].items() if f.startswith("models/") or f == "tensors.py"},
    }
    key = key_of(decided_by)

    def build(folder: Path, facts: dict[str, Any]) -> None:
        before()
        request = {"source": source.name, "name": name, "trial": trial.model_dump(), "bundle": str(folder)}
        facts.update(builder().ask("load", left(), **request))

    entry, cached = obtained("models", trial.model_name, decided_by, build, left)
    return Model(entry.path, key, decided_by, entry.facts, cached)


def obtained(
    kind: str,
    name: str,
    decided_by: dict[str, Any],
    build: Callable[[Path, dict[str, Any]], None],
    left: Callable[[], float],
    waiting: Callable[[str], None] = lambda builder: None,
) -> tuple[artifacts.Entry, bool]:
    """`artifacts.obtain` as the stages call it: a wait for another process that takes too long is a timeout."""
    try:
        return artifacts.obtain(kind, name, key_of(decided_by), decided_by, build, left, waiting)
    except artifacts.Busy as error:
        raise WorkerError("timeout", "Timeout", str(error)) from error
