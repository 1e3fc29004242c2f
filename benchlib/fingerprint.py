"""What was found: everything outside the parameters that may change a figure, part by part.

`packages` (versions, the library's own among them), `machine`, `environment` (variables that steer runtimes),
`template` (the notebook's code cells) and `code` (the syntax trees, without comments and docstrings, of the files that
decide the figures of this trial: see `_starts`). Resume compares the parts and names the one that differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import benchlib
from benchlib import machine, telemetry, template_files, user_file
from benchlib.import_closure import ImportGraph, Packages
from benchlib.registries import Registry, exporters, passes, runtimes, sources
from benchlib.remembered import remembered
from benchlib.trial import Trial
from benchlib.worker.service import MODULES

LIBRARY = Path(__file__).parent
TEMPLATE = template_files.FOLDER / "trial.ipynb"
STEPS = "benchlib.stages"  # what the template calls; `benchlib.begin` comes from there
# Files and folders that trials need and that decide no figure, with the reason; what only they need counts no more.
EXCLUDED: Mapping[str, str] = {
    "__init__.py": "names the library's face; the version has an entry of its own",
    "fingerprint.py": "tells what decides a figure, and decides none",
    "import_closure.py": "the same of files",
    "mistakes.py": "words for parameters that the trial itself refuses",
    "plan/in_words.py": "words for sizes",
    "record/metrics": "says what figures mean, in words and units",
    "stages/views.py": "what the cells of a notebook show",
}
# The same for what a plug-in leaves in the cache.
EXCLUDED_FROM_ENTRIES: Mapping[str, str] = {
    "__init__.py": EXCLUDED["__init__.py"],
    "errors.py": "names failures, which leave no entry",
    "registries.py": "finds plug-ins; the one that it found is part of what decides an entry",
    "registry.py": "says what plug-ins declare; each declares it in its own file",
    "plan": "refuses, which leaves no entry",
    "stages/__init__.py": EXCLUDED["__init__.py"],
    "stages/context.py": "a trial and the means of running it",
    "stages/judge.py": "starts processes and asks them",
    "stages/loading.py": "leads to the saved model, whose entry has a key of its own",
    "worker": "carries requests, and times; a verb that has a part in an entry is named with the plug-in",
}
_VARIABLES = re.compile(
    r"^(OMP|KMP|MKL|GOMP|OPENBLAS|ONEDNN|DNNL|TORCH|TORCHINDUCTOR|TORCHDYNAMO|PYTORCH|ORT|CUDA|CUBLAS|NVIDIA|XLA|MALLOC"
    r"|TRANSFORMERS|DIFFUSERS|TIMM|XFORMERS|FLASH)_"
)


def fingerprint(trial: Trial) -> dict[str, dict[str, Any]]:
    """The parts for one trial, found now. Imports nothing heavy."""
    plugins = plugins_of(trial)
    packages = sorted({p.partition(".")[0] for registry, name in plugins for p in registry.get(name).packages})
    gpu = machine.gpus()[:1] if trial.device != "cpu" else ()
    return {
        "packages": {p: machine.package_version(p) for p in packages} | {"benchlib": benchlib.__version__},
        "machine": {
            "processor_name": machine.processor_name(),
            "cpu": machine.allowed_cores(),
            "cpu_ram_size": machine.ram_size(),
            **{f"gpu_{k}": getattr(gpu[0], k) for k in ("name", "driver") if gpu},
        },
        "environment": environment(),
        "template": {TEMPLATE.name: _template_hash(TEMPLATE)},
        "code": dict(_code_of_trial(tuple(plugins))),
    }


def environment() -> dict[str, str]:
    """Python's version, and the variables that steer what libraries compute and how fast."""
    return dict(_environment())


@remembered
def _environment() -> Mapping[str, str]:
    steering = {k: v for k, v in sorted(os.environ.items()) if _VARIABLES.match(k) and k not in telemetry.OFF}
    return {"python": platform.python_version(), **steering}


@remembered
def _code_of_trial(plugins: tuple[tuple[Registry[Any], str], ...]) -> Mapping[str, str]:
    return _code(_starts(plugins), EXCLUDED)


def code_of(registry: Registry, name: str, *beside: str) -> dict[str, str]:
    """The hashes of the files that decide what a plug-in leaves in the cache: its own, those of modules `beside` it
    (dotted names) that have a part in it, and all that these need.

    Raises ModuleNotFoundError for a module that is not there.
    """
    return _code([_start(registry, name), *map(_module, beside)], EXCLUDED_FROM_ENTRIES)


def plugins_of(trial: Trial) -> list[tuple[Registry, str]]:
    """The plug-ins that a trial uses: its source, and exporter, passes and runtime of its ways."""
    ways = [trial.way, trial.judge_way, *filter(None, [trial.reference_way])]
    found: set[tuple[Registry[Any], str]] = {(sources, trial.source()[0].name)}
    for way in ways:
        found |= {(exporters, way.exporter), (runtimes, way.runtime), *((passes, p.name) for p in way.passes)}
    return sorted(found, key=lambda pair: (pair[0].kind, pair[1]))


def difference(old: dict[str, Any], new: dict[str, Any]) -> str | None:
    """`packages: torch 2.14.0 -> 2.15.0`: the first part that differs, in words; None when none does."""
    for part in new:
        before, after = old.get(part, {}), new[part]
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                if part in ("code", "template"):
                    return f"{part}: {name} changed"
                return f"{part}: {name} {before.get(name, 'absent')} -> {after.get(name, 'absent')}"
    return None


@remembered
def _template_hash(path: Path) -> str:
    cells = json.loads(path.read_text())["cells"]
    code = [
        "".join(c["source"])
        for c in cells
        if c["cell_type"] == "code" and "parameters" not in c["metadata"].get("tags", [])
    ]
    return hashlib.sha256("\n\n".join(code).encode()).hexdigest()[:16]


class _Start(NamedTuple):
    """A file at which a closure begins, and the packages that it may go through."""

    file: Path
    packages: Packages
    folder: str = ""  # of a user's file, as it was written


def _starts(plugins: Iterable[tuple[Registry, str]]) -> list[_Start]:
    """What decides the figures of a trial: the steps of its notebook, the verbs of a worker, and its plug-ins. Other
    plug-ins do not count, as registries import them by name."""
    verbs = (f"benchlib.worker.{module}" for module in MODULES)
    return [*map(_module, (STEPS, *verbs)), *(_start(registry, name) for registry, name in plugins)]


def _start(registry: Registry, name: str) -> _Start:
    if registry.is_ours(name):
        return _module(registry.module_of(name))
    ours, file = _ours(), registry.file_of(name)
    if user_file.names_one(name):
        folder = os.path.dirname(os.path.join(".", name.rpartition(":")[0]))
        return _Start(file, Packages(ours.roots, beside=file.parent), folder)
    top, *inside = registry.module_of(name).split(".")
    root = file.parents[len(inside) + (file.name == "__init__.py")]
    return _Start(file, Packages((*ours.roots, (top, root))))


def _module(dotted: str) -> _Start:
    file = _graph(_ours()).module(dotted)
    if file is None:
        raise ModuleNotFoundError(f"No module named {dotted!r}", name=dotted)
    return _Start(file, _ours())


def _ours() -> Packages:
    return Packages(((LIBRARY.name, LIBRARY.parent),))


@remembered
def _graph(packages: Packages) -> ImportGraph:
    return ImportGraph(packages)


def _code(starts: Iterable[_Start], excluded: Iterable[str]) -> dict[str, str]:
    """The hash of each file in the closures of some starts, by its name."""
    found: dict[str, str] = {}
    for start in starts:
        found |= _hashes(start, tuple(excluded))
    return dict(sorted(found.items()))


@remembered
def _hashes(start: _Start, excluded: tuple[str, ...]) -> Mapping[str, str]:
    places = [LIBRARY / name for name in excluded]
    without = frozenset(file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place]))
    graph = _graph(start.packages)
    return {_name(file, start): graph.digest(file) for file in graph.closure(start.file, without)}


def _name(file: Path, start: _Start) -> str:
    """`worker/verbs.py` for a file of ours, `package/module.py` for another package's; one beside a user's file is
    written as that is."""
    if file.is_relative_to(LIBRARY):
        return str(file.relative_to(LIBRARY))
    return os.path.join(start.folder, *start.packages.parts_of(file))
