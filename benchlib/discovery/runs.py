"""Discovering and taking, from the side of the driver: what is run, what is kept of it, what is said."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchlib import artifacts, label_line
from benchlib.discovery import contained, surroundings, variables
from benchlib.discovery.dependencies import Dependencies, content_of
from benchlib.discovery.found import Discovery, Found
from benchlib.discovery.journal import ChildStarted, FoundRow, LeftOut, Line, NotTaken, Read, Remark, Taken
from benchlib.errors import UserError, suggestion
from benchlib.import_closure import ImportGraph, Packages
from benchlib.registry import Facts
from benchlib.typed_json import from_json, to_json
from benchlib.worker import process

KIND, FILE = "discoveries", "discovery.json"
LIBRARY = Path(__file__).parents[1]
STANDINS = LIBRARY / "standins"  # what a script finds in place of packages that are not there
# Files and folders that a discovery needs and that decide nothing of what it finds, with the reason. What only they
# need counts no more.
EXCLUDED: Mapping[str, str] = {
    "__init__.py": "names the library's face",
    "__main__.py": "starts the command line",
    "artifacts": "keeps what was found",
    "models/__init__.py": "says where models come from, and finds the sources",
}


class NotCalled(UserError):
    """A script does not call the model with the hash that is asked for."""


@dataclass
class _Kept:
    """A discovery as the cache holds it."""

    discovery: Discovery
    dependencies: Dependencies

    @property
    def is_certain(self) -> bool:
        """Whether it holds for as long as nothing that it depends on changes."""
        return not self.discovery.ended and not self.dependencies.unseen


def discover(script: str | Path, args: Sequence[str] = (), max_depth: int = 0, timeout: float = 600.0) -> Discovery:
    """Runs the script and says what it called.

    It is kept for as long as the script is the same, with its arguments, the current folder, the depth and the
    installed packages, and everything that it read (`benchlib.discovery.dependencies`). A run that went wrong, or did
    what nobody can watch, is kept for the trials that were planned with it alone: the next plan runs the script again.

    Raises:
        UserError: there is no such script.
    """
    path = _script(script)
    decided = {
        "script": hashlib.sha256(path.read_bytes()).hexdigest(),
        "path": str(path),
        "folder": str(Path.cwd()),  # what it opens by a relative path
        "args": list(args),
        "max_depth": max_depth,
        "python": platform.python_version(),
        "import_path": os.environ.get("PYTHONPATH", ""),
        "packages": _packages(),
        "code": _own_code(),
    }
    key = hashlib.sha256(json.dumps(decided).encode()).hexdigest()

    def build(folder: Path, facts: Facts) -> None:
        (folder / FILE).write_text(json.dumps(to_json(_run(path, args, max_depth, timeout))))

    is_of_a_trial = process.MARK in os.environ
    known = artifacts.find(KIND, path.stem, key)
    if known:
        kept = _read(known)
        if not kept.dependencies.difference() and (kept.is_certain or is_of_a_trial):
            return kept.discovery
        if not artifacts.delete(known):  # another process reads it just now
            return _run(path, args, max_depth, timeout).discovery
    return _read(artifacts.obtain(KIND, path.stem, key, decided, build)[0]).discovery


def _read(entry: artifacts.Entry) -> _Kept:
    """What an entry holds; it may go, as nobody opens a file of it any more."""
    kept = from_json(_Kept, json.loads((entry.path / FILE).read_text()))
    artifacts.let_go(entry.path / artifacts.STATE)
    return kept


def take(
    script: str | Path, args: Sequence[str], max_depth: int, hash: str, folder: Path, timeout: float = 600.0
) -> None:
    """Runs the script again and saves one model as it was at its first call, and its inputs, into `folder`.

    model.pt (`benchlib.models._saved`), inputs.npz (`benchlib.tensors`) and meta.json (`StoredModule`), as
    `benchlib.models.python` reads them. The script ends there. Raises UserError; for an unknown hash NotCalled, with
    those that there are.
    """
    path = _script(script)
    run = contained.run(path, args, max_depth, timeout, hash, folder)
    if failures := [line.text for line in run.lines if isinstance(line, NotTaken)]:
        raise UserError(f"{path.name}::{hash} cannot be saved: {failures[-1]}")
    if any(isinstance(line, Taken) for line in run.lines):
        return
    if run.ended:
        raise NotCalled(f"{path.name}::{hash} was not called before the script ended: {run.ended}")
    found = [line.model for line in run.lines if isinstance(line, FoundRow)]
    raise NotCalled(f"the script made another model: {no_such_model(path, hash, found)}")


def no_such_model(path: Path, hash: str, models: Iterable[Found]) -> str:
    """That a script calls no model with a hash, and which it calls."""
    known = list(dict.fromkeys(model.hash for model in models))
    near = suggestion(hash, known) or f"; it calls {', '.join(known[:12])} and more"
    return f"{path.name} calls no model with the hash '{hash}'{near if known else ': it calls none'}"


def _run(path: Path, args: Sequence[str], max_depth: int, timeout: float) -> _Kept:
    if wrong := label_line.unreadable(path):
        return _Kept(Discovery(str(path), list(args), [], ended=wrong), Dependencies())
    before = surroundings.seen(path.parent, artifacts.root())
    run = contained.run(path, args, max_depth, timeout)
    after = surroundings.seen(path.parent, artifacts.root())
    found = Discovery(
        script=str(path),
        args=list(args),
        models=list(_models(run.lines, bool(run.ended))),
        ended=run.ended,
        output=run.output,
        left_behind=surroundings.left(before, after),
        seconds=run.seconds,
        labels=label_line.of_file(path),
        remarks=_remarks(run.lines),
        in_calls=_in_calls(run.lines),
    )
    return _Kept(found, _dependencies(run.lines))


def _dependencies(lines: list[Line]) -> Dependencies:
    """What a run depends on; of one that went wrong nothing is known."""
    read = next((line for line in lines if isinstance(line, Read)), None)
    if read is None:
        return Dependencies()
    digests = {path: content_of(path) for path in read.files}
    return Dependencies(
        files=digests,
        looked_for=read.looked_for,
        folders=read.folders,
        environment={name: variables.digest_of(value) for name, value in read.environment.items()},
        variables=read.variables,
        looks=read.looks,
        unseen=read.unseen,
    )


def _in_calls(lines: list[Line]) -> str:
    """The digest of what models read while they were first called, and of all that was read before where some may hold
    what is not seen in them; "" where that is nothing."""
    read = next((line for line in lines if isinstance(line, Read)), None)
    if read is None:
        return ""
    hides = any(isinstance(line, FoundRow) and line.hides for line in lines)
    paths, names = read.files_in_calls, read.variables_in_calls
    paths, names = (list(read.files), list(read.environment)) if hides else (paths, names)
    files = [(Path(path).name, content_of(path)) for path in sorted(paths)]
    values = [(name, variables.digest_of(read.environment.get(name))) for name in sorted(names)]
    looks = [*read.looks_in_calls, *_looks_before(read)] if hides else read.looks_in_calls
    if not (files or values or looks):
        return ""
    return hashlib.sha256(json.dumps([files, values, sorted(looks)]).encode()).hexdigest()[:16]


def _looks_before(read: Read) -> list[str]:
    """What was asked of paths before the calls, their content aside."""
    there = [f"{Path(path).name} {is_there}" for path, is_there in read.looked_for.items()]
    folders = [f"{Path(path).name} {names}" for path, names in read.folders.items()]
    return [*there, *folders, *(f"{Path(look.path).name} {look.aspect} {look.told}" for look in read.looks)]


def _models(lines: list[Line], failed: bool, above: int = -1) -> Iterator[Found]:
    """The rows as they were first called, each followed by its children; `failed`: with those all of whose calls raised
    an error, which may be what the script ended with."""
    for line in lines:
        if isinstance(line, FoundRow) and line.above == above and (failed or line.model.executed):
            yield line.model
            yield from _models(lines, failed, line.row)


def _remarks(lines: list[Line]) -> list[str]:
    more = Counter(line.name for line in lines if isinstance(line, LeftOut))
    said = [line.text for line in lines if isinstance(line, Remark)]
    said += [f"{name} was called with {count} more sets of shapes" for name, count in more.items()]
    failed = [line.model for line in lines if isinstance(line, FoundRow) and not line.model.executed]
    said += [f"{m.name} raised an error whenever it was called with {m.inputs}" for m in failed]
    if children := sum(isinstance(line, ChildStarted) for line in lines):
        ran = "1 child process ran: what it" if children == 1 else f"{children} child processes ran: what they"
        said.append(f"{ran} called was not seen")
    return list(dict.fromkeys(said))


def _script(script: str | Path) -> Path:
    path = Path(script).expanduser().resolve()
    if not path.is_file():
        raise UserError(f"there is no script {script} (looked in {Path.cwd()})")
    if path.suffix != ".py":
        raise UserError(f"{script} is no Python script: its name does not end in .py")
    return path


def _packages() -> str:
    """A hash of the names and versions of all that is installed, from the names of their folders."""
    found = sorted({p.name for place in sys.path if place for p in Path(place).glob("*.*-info")})
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


@cache
def _own_code() -> str:
    """A hash of the files that say what is found, and by which hash."""
    graph = _imports()
    return hashlib.sha256("".join(graph.digest(file) for file in deciding_files()).encode()).hexdigest()[:16]


@cache
def deciding_files() -> tuple[Path, ...]:
    """The files of ours that decide what is found: what both sides of a discovery import, and what they need."""
    places = [LIBRARY / name for name in EXCLUDED]
    without = frozenset(file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place]))
    here = Path(__file__)
    starts = (here, here.with_name("__main__.py"), *STANDINS.rglob("*.py"))
    return tuple(sorted({file for start in starts for file in _imports().closure(start, without)}))


@cache
def _imports() -> ImportGraph:
    return ImportGraph(Packages(((LIBRARY.name, LIBRARY.parent),)))
