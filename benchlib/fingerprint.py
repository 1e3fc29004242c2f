"""What was found: everything outside the parameters that may change a figure, part by part.

`packages` (versions), `machine`, `environment` (variables that steer runtimes), `template` (the notebook's
code cells) and `code` (the syntax trees, without comments and docstrings, of the library's files that touch
the figures of this trial). Resume compares the parts and names the one that differs.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from benchlib import machine, telemetry
from benchlib.registries import Registry, exporters, passes, runtimes, sources
from benchlib.trial import Trial

LIBRARY = Path(__file__).parent
TEMPLATE = LIBRARY.parent / "notebooks" / "trial.ipynb"
_COMMON = (
    "worker/*.py",
    "measure/*.py",
    "stages/steps.py",
    "stages/bundles.py",
    "stages/building.py",
    "stages/judge.py",
    "stages/other_shapes.py",
    "stages/timing.py",
    "stages/phases.py",
    "stages/machine_share.py",
    "stages/footprint.py",
    "tensors.py",
    "accuracy/*.py",
    "precision.py",
    "models/__init__.py",
    "models/_saved.py",
    "models/_input_sets.py",
    "models/_shape_sets.py",
    "models/_work.py",
)
_DECIDING = "measure/runoff.py"  # compares trials with each other: no figure of a trial depends on it
_VARIABLES = re.compile(
    r"^(OMP|KMP|MKL|GOMP|OPENBLAS|ONEDNN|DNNL|TORCH|TORCHINDUCTOR|TORCHDYNAMO|PYTORCH|ORT|CUDA|CUBLAS|NVIDIA|XLA|MALLOC)_"
)


def fingerprint(trial: Trial) -> dict[str, dict[str, Any]]:
    """The parts for one trial, found now. Imports nothing heavy."""
    plugins = plugins_of(trial)
    packages = sorted({p.partition(".")[0] for registry, name in plugins for p in registry.get(name).packages})
    files = {f for pattern in _COMMON for f in LIBRARY.glob(pattern)} - {LIBRARY / _DECIDING}
    for registry, name in plugins:
        files |= _with_neighbours(registry.file_of(name))
    gpu = machine.gpus()[:1] if trial.device != "cpu" else ()
    return {
        "packages": {p: machine.package_version(p) for p in packages},
        "machine": {
            "processor_name": machine.processor_name(),
            "cpu": machine.allowed_cores(),
            "cpu_ram_size": machine.ram_size(),
            **{f"gpu_{k}": gpu[0][k] for k in ("name", "driver") if gpu},
        },
        "environment": {
            "python": machine.facts()["version"],
            **{k: v for k, v in sorted(os.environ.items()) if _VARIABLES.match(k) and k not in telemetry.OFF},
        },
        "template": {TEMPLATE.name: _template_hash(TEMPLATE)},
        "code": {_short(f): tree_hash(f) for f in sorted(files)},
    }


def code_of(registry: Registry, name: str) -> dict[str, str]:
    """The hashes of a plug-in's file and of the modules beside it that it uses."""
    return {_short(f): tree_hash(f) for f in sorted(_with_neighbours(registry.file_of(name)))}


def plugins_of(trial: Trial) -> list[tuple[Registry, str]]:
    """The plug-ins that a trial uses: its source, and exporter, passes and runtime of its ways."""
    ways = [trial.way, trial.judge_way, *filter(None, [trial.reference_way])]
    found = {(sources, trial.source()[0].name)}
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


@cache
def tree_hash(path: Path) -> str:
    """A hash of a Python file's syntax tree without comments and docstrings."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            first = body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


@cache
def _template_hash(path: Path) -> str:
    cells = json.loads(path.read_text())["cells"]
    code = [
        "".join(c["source"])
        for c in cells
        if c["cell_type"] == "code" and "parameters" not in c["metadata"].get("tags", [])
    ]
    return hashlib.sha256("\n\n".join(code).encode()).hexdigest()[:16]


def _with_neighbours(path: Path) -> set[Path]:
    """A plug-in's file and the modules beside it that it imports (`_flat.py`, another exporter), at any depth."""
    found, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        waiting += [f for name in _imported_from_beside(file) if (f := file.with_name(f"{name}.py")).exists()]
    return found


def _imported_from_beside(file: Path) -> set[str]:
    """The names that a file imports from its own package: of modules, and of what else stands in its `__init__`."""
    names = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            *_, package, last = ["", *node.module.split(".")]
            if last == file.parent.name:
                names |= {alias.name for alias in node.names}
            elif package == file.parent.name:
                names.add(last)
    return names


def _short(path: Path) -> str:
    return str(path.relative_to(LIBRARY)) if path.is_relative_to(LIBRARY) else path.name
