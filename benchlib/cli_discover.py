"""`python -m benchlib discover …`: the models inside scripts."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from benchlib import discovery
from benchlib.artifacts.shown import in_bytes
from benchlib.cli_options import CacheDir, Quiet, use_cache
from benchlib.discovery import Discovery, Found
from benchlib.errors import UserError
from benchlib.model_labels import model_fits
from benchlib.models import _script_arguments


def discover(
    scripts: Annotated[
        list[str] | None, typer.Argument(help="scripts, patterns such as 'b*.py', or file.py::hash,hash")
    ] = None,
    max_depth: Annotated[int, typer.Option(min=0, help="how deep to look into the models that a script calls")] = 0,
    script_args: Annotated[str, typer.Option(help="the arguments of the scripts, in one text")] = "",
    search_dir: Annotated[Path, typer.Option("-s", "--search-dir", help="where the scripts are")] = Path("."),
    every: Annotated[bool, typer.Option("--all", help="every script of the search directory")] = False,
    wanted: Annotated[str, typer.Option("--labels", help="those with these labels: 'author::google,meta'")] = "",
    timeout: Annotated[float, typer.Option(min=0, help="seconds that one script may take")] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="everything that was found, as JSON")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="what the scripts print too")] = False,
    quiet: Quiet = False,
    cache_dir: CacheDir = None,
) -> None:
    """Runs scripts and shows the models that they call: class, place, parameters, hash, inputs, times executed."""
    use_cache(cache_dir)
    try:
        args = _script_arguments.words_of(script_args)
    except ValueError as error:
        raise UserError(str(error)) from error
    chosen = list(_chosen(scripts or [], search_dir, every))
    chosen = [(path, hash) for path, hash in chosen if not wanted or model_fits(str(path), wanted)]
    if not chosen:
        raise UserError(f"no script has the labels {wanted}")
    found = []
    for path, hash in chosen:
        if not quiet:
            print(f"running {_short(path)} …", file=sys.stderr, flush=True)
        one = discovery.discover(path, args, max_depth, timeout)
        if hash:
            one.models = only(one, hash)
        found.append(one)
        if not as_json:
            print("\n".join(shown(one, verbose)), flush=True)
    if as_json:
        print(json.dumps([dataclasses.asdict(one) for one in found], indent=1))
    if any(one.ended for one in found):
        raise typer.Exit(1)


def _chosen(scripts: list[str], folder: Path, every: bool) -> Iterator[tuple[Path, str]]:
    """The scripts as they were asked for, each with the hash after its name."""
    if every == bool(scripts):
        raise UserError("discover: give scripts, or --all")
    check_folder(folder)
    if every:
        yield from ((path, "") for path in scripts_of(folder))
    for script in scripts:
        name, _, hash = script.partition("::")
        path, pattern = folder / Path(name).expanduser(), Path(glob.escape(str(folder))) / Path(name).expanduser()
        paths = [str(path)] if path.exists() else sorted(glob.glob(str(pattern)))
        if not paths:
            raise UserError(f"there is no script {name} in {folder.resolve()}")
        yield from ((Path(path), hash) for path in paths)


def check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"--search-dir: there is no folder {folder}")


def scripts_of(folder: Path) -> list[Path]:
    """What `--all` stands for, in alphabetical order. Raises UserError where there is none."""
    found = sorted(path for path in folder.glob("*.py") if path.is_file() and not path.name.startswith("_"))
    if not found:
        raise UserError(f"--all: no script lies in {folder.resolve()}")
    return found


def only(one: Discovery, hash: str) -> list[Found]:
    """The models with a hash or a name, or with one of several parted by commas. Raises UserError for one that is not
    there."""
    wanted, name = hash.split(","), Path(one.script).name
    known = dict.fromkeys(m.hash for m in one.models)
    missing = next((w for w in wanted if w not in known and all(m.name != w for m in one.models)), None)
    if missing is not None and one.ended:
        raise UserError(f"{name}::{missing} was not called before the script ended: {one.ended}")
    if missing is not None:
        raise UserError(f"{name} calls no model with the hash '{missing}'; known: {', '.join(known) or 'none'}")
    return [m for m in one.models if m.hash in wanted or m.name in wanted]


def shown(
    one: Discovery, verbose: bool = False, more: Callable[[Found], Mapping[str, str]] = lambda model: {}
) -> Iterator[str]:
    """The lines for one script; `more` are rows for a model beside those of discovery."""
    words = " ".join(f"{key}::{','.join(values)}" for key, values in one.labels.items())
    yield f"{Path(one.script).name}:{f'  ({words})' if words else ''}"
    first: dict[str, str] = {}
    for model in one.models:
        called = first.setdefault(model.hash, model.name)
        same = f", the same as {called}" if called != model.name else ""
        yield from _model(model, f"{model.hash}{same}", more(model))
    if not one.models:
        yield "    no model was called" + (" until then" if one.ended else "")
    yield from (f"    {remark}" for remark in one.remarks)
    yield from (f"    left behind: {path}" for path in one.left_behind)
    if one.ended:
        yield f"    the script went wrong: {one.ended}"
    if verbose:
        yield from (f"    | {line}" for line in one.output.splitlines())


def _model(model: Found, hash: str, more: Mapping[str, str]) -> Iterator[str]:
    indent = "    " * (model.depth + 1)
    yield f"{indent}{model.name} (executed {model.executed}x – {_time(model.seconds)})"
    rows = {
        "class": model.model_class,
        "location": f"{_short(Path(model.file))}, line {model.line}",
        "called in": model.called_in and f"{model.called_in}, a method of the model that holds it",
        "parameters": f"{model.params_size:,} ({in_bytes(model.weights_size)})",
        "hash": hash,
        "inputs": model.inputs or "none",
        **more,
    }
    rows = {name: value for name, value in rows.items() if value}
    width = max(map(len, rows)) + 2
    yield from (f"{indent}    {name + ':':<{width}}{value}" for name, value in rows.items())


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def _short(path: Path) -> str:
    """A path below the current folder without it."""
    path = Path(os.path.abspath(path))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
