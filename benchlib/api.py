"""The same as the command line, from Python: `benchlib.run(…)` and `benchlib.sweep("params/x.yaml")`.

The trials run in a process of their own, so that a notebook with torch and a model in it neither disturbs
the measurement nor is disturbed by it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchlib.errors import UnknownName, UserError
from benchlib.plan import study as studies
from benchlib.record import scrap
from benchlib.trial import Trial

_AXIS_VALUES = (list, tuple)


class Results:
    """What came of some trials: `records` as they are stored, `frame` as a pandas table; displays well."""

    def __init__(self, folder: Path):
        from benchlib.report import collate

        self.folder = folder
        self._results = collate(folder)
        records, _ = scrap.read_all(folder / "trials")
        by_key = {record["key"]: record for record in records.values()}
        self.records = [by_key[key] for key in self.frame["key"] if key in by_key]

    @property
    def frame(self):
        """One row per trial: its parameters, how it ended, every metric."""
        return self._results.table

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        from benchlib.report import summary

        return summary(self._results)


def run(
    model: Any, output: str | Path = "outputs/run", inputs: Any = None, runoff: bool = False, **parameters: Any
) -> Results:
    """Measures one model, or a small matrix: a list as the value of a parameter is an axis.

    With `runoff` direct pairs decide afterwards which way is fastest.

    `model` is what the command line takes, or a `torch.nn.Module` (or several) with `inputs` (a tensor, a tuple
    or a mapping of what forward takes), or a transformers configuration. Raises UserError for bad parameters.
    """
    for name in parameters:
        if name not in Trial.model_fields:
            raise UnknownName("parameter", name, Trial.model_fields)
    given: dict[str, Any] = {"model": model, **parameters}
    models = list(model) if isinstance(model, _AXIS_VALUES) else [model]
    if not all(isinstance(m, str | Mapping) for m in models):
        from benchlib.artifacts import root
        from benchlib.models import python

        given["model"] = [m if isinstance(m, str | Mapping) else python.store(m, inputs, root()) for m in models]
        if inputs is not None:
            given.setdefault("batch_size", python.batch_of(inputs))
    elif inputs is not None:
        given["inputs"] = str(inputs)
    options = {name: _axis(name, value) for name, value in given.items()}
    studies.from_options("run", options)  # complains here, before a process is started
    document = {
        "name": "run",
        "runoff": runoff,
        "defaults": {name: values[0] for name, values in options.items() if len(values) == 1},
        "matrix": {name: values for name, values in options.items() if len(values) > 1},
    }
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder:
        file = Path(folder) / "run.yaml"
        yaml = YAML(typ="safe")
        yaml.sort_base_mapping_type_on_output = False  # the first axis is the outermost, as on the command line
        with file.open("w") as stream:
            yaml.dump({k: v for k, v in document.items() if v != {}}, stream)
        _command("sweep", str(file), "--output", str(output), "--rerun", "all")
    return Results(Path(output))


def sweep(study: str | Path, output: str | Path | None = None, runoff: bool = True, **options: Any) -> Results:
    """Runs a study (resuming it) and returns its results. `options`: `only`, `rerun`."""
    folder = Path(output) if output else Path("outputs") / studies.read(study).name
    words = [w for name, value in options.items() for w in (f"--{name}", str(value))]
    words += [] if runoff else ["--no-runoff"]
    _command("sweep", str(study), "--output", str(folder), *words)
    return Results(folder)


def _axis(name: str, value: Any) -> list[Any]:
    """Several values, or one: shapes are lists themselves, so theirs is one value."""
    return list(value) if isinstance(value, _AXIS_VALUES) and name != "shapes" else [_spelled(value)]


def _spelled(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _command(*words: str) -> None:
    """Runs the command line, its lines printed as they come; its complaint becomes a UserError."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchlib", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    last = ""
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise
    if process.wait() == 2:
        raise UserError(last.removeprefix("benchlib: "))
