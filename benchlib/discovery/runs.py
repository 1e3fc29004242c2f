"""Discovering and taking, from the side of the driver: what is run, what is kept of it, what is said."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchlib import artifacts, label_line
from benchlib.discovery import contained, surroundings
from benchlib.discovery.found import Discovery, Found
from benchlib.discovery.journal import ChildStarted, FoundRow, Imported, LeftOut, Line, NotTaken, Remark, Taken
from benchlib.errors import UserError, suggestion
from benchlib.registry import Facts
from benchlib.typed_json import from_json, to_json

KIND, FILE = "discoveries", "discovery.json"


class NotCalled(UserError):
    """A script does not call the model with the hash that is asked for."""


class _NotKept(Exception):
    """A run that went wrong: what it found is given back, and the next call runs the script again."""

    def __init__(self, discovery: Discovery):
        self.discovery = discovery


def discover(script: str | Path, args: Sequence[str] = (), max_depth: int = 0, timeout: float = 600.0) -> Discovery:
    """Runs the script and says what it called. What went well is kept, by the content of the script and of the files
    of its folder that it imports, the current folder, its arguments, the depth and the installed packages. Raises
    UserError for no script.
    """
    path = _script(script)
    decided = {
        "script": hashlib.sha256(path.read_bytes()).hexdigest(),
        "path": str(path),
        "folder": str(Path.cwd()),  # what it opens by a relative path
        "args": list(args),
        "max_depth": max_depth,
        "python": platform.python_version(),
        "packages": _packages(),
        "code": _own_code(),
    }
    key = hashlib.sha256(json.dumps(decided).encode()).hexdigest()

    def build(folder: Path, facts: Facts) -> None:
        found, imported = _run(path, args, max_depth, timeout)
        if found.ended:
            raise _NotKept(found)
        facts |= {"imported": imported}
        (folder / FILE).write_text(json.dumps(to_json(found)))

    known = artifacts.find(KIND, path.stem, key)
    if known and any(_hash(Path(file)) != hash for file, hash in known.facts["imported"].items()):
        artifacts.let_go(known.path / artifacts.STATE)
        if not artifacts.delete(known):  # another process reads it just now
            return _run(path, args, max_depth, timeout)[0]
    try:
        entry, _ = artifacts.obtain(KIND, path.stem, key, decided, build)
    except _NotKept as run:
        return run.discovery
    kept = from_json(Discovery, json.loads((entry.path / FILE).read_text()))
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
    known = list(dict.fromkeys(line.model.hash for line in run.lines if isinstance(line, FoundRow)))
    near = suggestion(hash, known) or f"; it calls {', '.join(known[:12])} and more"
    raise NotCalled(f"{path.name} calls no model with the hash '{hash}'{near if known else ': it calls none'}")


def _run(path: Path, args: Sequence[str], max_depth: int, timeout: float) -> tuple[Discovery, dict[str, str]]:
    if wrong := label_line.unreadable(path):
        return Discovery(str(path), list(args), [], ended=wrong), {}
    before = surroundings.seen(path.parent, artifacts.root())
    run = contained.run(path, args, max_depth, timeout)
    after = surroundings.seen(path.parent, artifacts.root())
    imported: list[str] = next((line.files for line in run.lines if isinstance(line, Imported)), [])
    return Discovery(
        script=str(path),
        args=list(args),
        models=list(_models(run.lines)),
        ended=run.ended,
        output=run.output,
        left_behind=surroundings.left(before, after),
        seconds=run.seconds,
        labels=label_line.of_file(path),
        remarks=_remarks(run.lines),
    ), {file: _hash(Path(file)) for file in imported}


def _models(lines: list[Line], above: int = -1) -> Iterator[Found]:
    """The rows as they were first called, each followed by its children."""
    for line in lines:
        if isinstance(line, FoundRow) and line.above == above:
            yield line.model
            yield from _models(lines, line.row)


def _remarks(lines: list[Line]) -> list[str]:
    more = Counter(line.name for line in lines if isinstance(line, LeftOut))
    said = [line.text for line in lines if isinstance(line, Remark)]
    said += [f"{name} was called with {count} more sets of shapes" for name, count in more.items()]
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


def _own_code() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return ""
