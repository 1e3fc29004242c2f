"""The content-addressed cache: loaded models with their inputs, and exported artifacts.

    <root>/models/<model>_<hash8>/       model.pt, inputs.npz, meta.json, state.json
    <root>/artifacts/<model>_<hash8>/    the exporter's files, state.json

An entry is written aside and renamed, so it is whole or not there; two processes may store the same entry.
`state.json` holds what decided the entry, its facts and the hash of every file, which is checked at each
use: a truncated or altered entry is dropped and made anew. The cache holds pickles, which run code when they
are opened: the root is its user's alone (mode 0700), and another user's root is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchlib.errors import UserError

STATE = "state.json"
SIZE_LIMIT = 20 << 30  # bytes; the entries that were used longest ago go first


def root() -> Path:
    """The cache's folder: BENCHLIB_CACHE, else ~/.cache/benchlib. Raises UserError for another user's."""
    path = Path(os.environ.get("BENCHLIB_CACHE") or Path.home() / ".cache" / "benchlib").expanduser()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = path.stat().st_uid
    if owner != os.getuid():
        raise UserError(
            f"the cache {path} belongs to user {owner}; opening its files would run their code: set BENCHLIB_CACHE"
        )
    path.chmod(0o700)
    return path


@dataclass(frozen=True)
class Entry:
    """A whole entry of the cache."""

    path: Path
    facts: dict[str, Any]

    @property
    def address(self) -> str:
        return self.path.name


def find(kind: str, name: str, key: str) -> Entry | None:
    """The entry, if it is there and none of its files has changed since it was stored."""
    path = _path(kind, name, key)
    try:
        state = json.loads((path / STATE).read_text())
        whole = state["key"] == key and all(file_hash(path / f) == h for f, h in state["files"].items())
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        shutil.rmtree(path, ignore_errors=True)
        return None
    os.utime(path / STATE)  # when it was last used, for `trim`
    return Entry(path, state["facts"])


@contextlib.contextmanager
def storing(kind: str, name: str, key: str, decided_by: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder to write the files of a new entry into, and a dict for its facts; stored when the block ends.

    Nothing is kept when the block raises. The entry is then there for `find`.
    """
    path = _path(kind, name, key)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    aside.mkdir(parents=True)
    facts: dict[str, Any] = {}
    try:
        yield aside, facts
        files = {str(f.relative_to(aside)): file_hash(f) for f in sorted(aside.rglob("*")) if f.is_file()}
        state = {
            "key": key,
            "name": name,
            "created": time.time(),
            "decided_by": decided_by,
            "facts": facts,
            "files": files,
        }
        (aside / STATE).write_text(json.dumps(state, default=str))
        with contextlib.suppress(OSError):  # the other process's entry is as good as ours
            aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    trim(keep=path)


def trim(limit: int = SIZE_LIMIT, keep: Path | None = None) -> None:
    """Deletes the entries used longest ago until the cache is within `limit` bytes."""
    entries = sorted(root().glob(f"*/*/{STATE}"), key=lambda s: s.stat().st_mtime)
    sizes = {s.parent: sum(f.stat().st_size for f in s.parent.rglob("*") if f.is_file()) for s in entries}
    total = sum(sizes.values())
    for folder, size in sizes.items():
        if total <= limit:
            return
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            total -= size


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _path(kind: str, name: str, key: str) -> Path:
    folder = root() / kind
    folder.mkdir(exist_ok=True)
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[:60]}_{key[:8]}"
