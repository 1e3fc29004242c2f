"""What the cache holds of a trial's model: the module as it was loaded, with its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.errors import Unavailable
from benchlib.fingerprint import code_of, environment
from benchlib.models._input_sets import COMPARED
from benchlib.plan import details, estimate
from benchlib.plan.availability import lacks
from benchlib.plan.rules import refusal
from benchlib.record.metadata import SavedModel
from benchlib.registries import sources
from benchlib.stages.builder import Builder
from benchlib.stages.context import Context
from benchlib.trial import LOADING, Trial
from benchlib.typed_json import from_json, to_json
from benchlib.way import key_of
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import LoadModel

_AXIS_PARAMETERS = {"batch": "batch_size", "seq_length": "seq_length"}  # free dimension -> what it follows


@dataclass(frozen=True)
class Model:
    """A loaded model in the cache: its folder, what decided it and was found, and whether it was there before."""

    path: Path
    key: str
    decided_by: dict[str, Any]
    metadata: SavedModel
    cached: bool

    @property
    def free_key(self) -> str:
        """What decides an export whose free shapes follow the batch size and the sequence length: all but those."""
        free = {_AXIS_PARAMETERS[size] for axes in self.metadata.axes.values() for size in axes.values()}
        fixed = {name: value for name, value in self.decided_by["parameters"].items() if name not in free}
        return key_of({**self.decided_by, "parameters": fixed, "weights": self.metadata.weights_hash})

    @property
    def module_file(self) -> Path:
        """The saved module."""
        return self.path / "model.pt"

    @property
    def inputs(self) -> Path:
        """The recorded inputs."""
        return self.path / "inputs.npz"

    @property
    def input_sets(self) -> dict[int, Path]:
        """The sets of inputs beside the recorded one, by number (see `benchlib.models._input_sets`)."""
        return {number: self.path / f"inputs-{number}.npz" for number in self.metadata.input_sets}

    @property
    def compared_sets(self) -> dict[int, Path]:
        """Those at which outputs are compared: all that were given, all moved ones, and the first that were drawn, or
        permuted where none could be drawn."""
        given, taken, moved = (self._of(*origins) for origins in (("given",), ("drawn", "permuted"), ("moved",)))
        compared = {*given, *taken[:COMPARED], *moved}
        return {n: file for n, file in self.input_sets.items() if n in compared}

    @property
    def rotated_sets(self) -> dict[Path, str]:
        """Files of the sets that take turns with the recorded one while it is timed, with their hashes."""
        files = self.input_sets
        return {files[n]: self.metadata.input_sets[n].hash for n in self._of("given", "drawn", "permuted")}

    @property
    def calibration_sets(self) -> list[Path]:
        """Files of the sets that passes calibrate on, none of which is compared."""
        return [self.path / f"calibrate-{number}.npz" for number in range(1, len(self.metadata.calibration) + 1)]

    def _of(self, *origins: str) -> list[int]:
        """The numbers of the sets of these origins, in order."""
        return sorted(number for number, own in self.metadata.input_sets.items() if own.origin in origins)

    @property
    def expected(self) -> dict[int, tuple[Path, str]]:
        """The outputs that were given as right, by the number of their set, with their hashes."""
        return {n: (self.path / f"expected-{n}.npz", digest) for n, digest in self.metadata.expected.items()}

    def items_of(self, trial: Trial) -> int:
        """Items of a call: `batch_size`, but where a file or the inputs given with it say another number."""
        return self.metadata.metrics.get("items", trial.batch_size)


def load(context: Context, builder: Builder) -> Model:
    """The model of a trial, from the cache, or loaded now.

    Raises:
        WorkerError: what loading came to, or a rule that refuses the trial.
        Unavailable: this machine lacks something.
    """
    trial = context.trial
    _require(trial)
    source, name = trial.source()
    if said := source.changed(trial):  # what the cache holds of it may need files that were edited
        raise WorkerError("failed", "UserError", said)
    decided_by = {
        "source": trial.identity(),
        "parameters": {p: getattr(trial, p) for p in LOADING},
        "packages": {p: machine.package_version(p) for p in source.packages},
        "environment": environment(),
        "imported from": list(source.imports_from(trial)),
        "code": code_of(sources, source.name, "benchlib.worker.verbs"),
    }

    def build(folder: Path, facts: dict[str, Any]) -> None:
        _require_room(trial, builder)
        facts.update(to_json(builder.ask(LoadModel(source.name, name, trial.model_dump(), folder))))

    entry, cached = obtain("models", trial.model_name, decided_by, build, context.launcher.left)
    return Model(entry.path, key_of(decided_by), decided_by, from_json(SavedModel, entry.facts), cached)


def obtain(
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


def _require(trial: Trial) -> None:
    """Raises for what a plan would have told before: a rule that refuses, something that this machine lacks."""
    if rule := refusal(trial):
        raise WorkerError("refused", "Refused", rule)
    if missing := lacks(trial):
        raise Unavailable(missing)


def _require_room(trial: Trial, builder: Builder) -> None:
    """Raises where the model would not fit here, which the builder finds out before it loads it."""
    known = details.looked_at(trial, builder.ask)
    if rule := estimate.refusal(trial, known) or estimate.no_disk(trial, known):
        raise WorkerError("refused", "Refused", rule)
