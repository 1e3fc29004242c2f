"""The entries of the cache, as they are read."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, TypedDict, cast

from benchlib.artifacts import hold, place
from benchlib.artifacts.files import StoredFiles, disk_size, read_sealed, seal
from benchlib.artifacts.place import ADDRESS, STATE
from benchlib.errors import UserError
from benchlib.files import digest_of
from benchlib.registry import Facts

# What decides an entry, by name, in values that JSON knows: its key is the hash of them, and it keeps them to be read.
DecidedBy = Mapping[str, Any]


class State(TypedDict, total=False):
    """What the `state.json` of an entry holds."""

    key: str
    name: str  # of the model
    kind: str
    status: str  # successful or failed
    created: float  # seconds since 1970
    size: int  # bytes of its files
    trial: str  # the key of the trial that built it
    decided_by: DecidedBy
    facts: Facts
    files: StoredFiles
    stages: list[Facts]  # of an artifact: how it was made, step by step
    of: str  # of a failure: the kind of what was to be built
    error: Facts  # … and what the record says of it: stage, type, message, traceback


@dataclass(frozen=True)
class Entry:
    """An entry of the cache; whole, if `find` gave it.

    `state` is what its `state.json` holds; it is empty for a broken entry.
    """

    path: Path
    facts: Facts
    state: State = field(default_factory=State)

    @property
    def address(self) -> str:
        return self.path.name

    @property
    def kind(self) -> str:
        return self.path.parent.name

    @property
    def decided_by(self) -> DecidedBy:
        return dict(self.state.get("decided_by", {}))

    @property
    def files(self) -> StoredFiles:
        """sha256 and size of each file, by its path in the entry; those of a lean entry are gone."""
        return dict(self.state.get("files", {}))

    @property
    def status(self) -> str:
        """`successful`, `lean` (its files were dropped), `failed` (it could not be built) or `broken`."""
        status = self.state.get("status", "broken")
        return "broken" if status == "successful" and not self.whole else status

    @property
    def whole(self) -> bool:
        """Whether it was built and every file is there with its size; their hashes are checked by `find`."""
        return self.state.get("status") == "successful" and all(
            (self.path / name).is_file() and (self.path / name).stat().st_size == file["size"]
            for name, file in self.files.items()
        )

    @property
    def size(self) -> int:
        """Bytes that it takes now."""
        return disk_size(self.path)

    @property
    def used(self) -> float:
        """When it was last found, in seconds since 1970; 0 if it has no state."""
        try:
            return (self.path / STATE).stat().st_mtime
        except OSError:
            return 0.0


def find(kind: str, name: str, key: str) -> Entry | None:
    """The entry, if it is there and nothing in it has changed since it was stored.

    It is leased to this process (`benchlib.artifacts.hold`): no other one takes it away meanwhile.
    """
    path = place.path_of(kind, name, key)
    if not (path / STATE).exists():
        return None
    place.root()  # before anything in it is trusted
    if not hold.lease(path / STATE):
        return None
    entry = read(path)
    if not sound(entry, key):
        hold.let_go(path / STATE)
        return None
    with contextlib.suppress(OSError):
        os.utime(path / STATE)
    return entry


def sound(entry: Entry, key: str) -> bool:
    """Whether an entry is that of the key, whole, and each of its files has the hash it had."""
    try:
        files = entry.files.items()
        return (
            entry.state.get("key") == key
            and entry.whole
            and all(digest_of(entry.path / name) == file["sha256"] for name, file in files)
        )
    except OSError:
        return False


def entries() -> list[Entry]:
    """Everything that there is, broken entries too, by kind and address. Reads no file but the states, and of a broken
    entry the marker, without which a folder is not ours whatever it is called."""
    found = [p for p in place.root(make=False).glob("*/*") if ADDRESS.fullmatch(p.name) and not p.name.startswith(".")]
    return [read(p) for p in sorted(found) if place.is_ours(p)]


def by_address(address: str) -> Entry:
    """The entry at `<model>_<hash8>`, or at `<kind>/<model>_<hash8>` where two kinds have one.

    Raises UserError with the nearest addresses, or with those that it may stand for.
    """
    known = entries()
    found = [e for e in known if address in (e.address, f"{e.kind}/{e.address}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"several entries are called '{address}': " + ", ".join(f"{e.kind}/{e.address}" for e in found))
    wanted = address.rpartition("/")[2]
    names = sorted({e.address for e in known})
    near = [n for n in names if wanted and wanted in n][:3] or difflib.get_close_matches(wanted, names, cutoff=0.5)
    hint = "; did you mean " + " or ".join(f"'{n}'" for n in near) + "?" if near else ""
    raise UserError(f"unknown address '{address}'{hint}")


def read(path: Path) -> Entry:
    """The entry in a folder, with an empty state where that is missing, cut off, altered or names files elsewhere."""
    state = read_sealed(path / STATE)
    if not state or not isinstance(state.get("facts"), dict) or not all(map(_is_inside, state.get("files") or ())):
        return Entry(path, {})
    return Entry(path, state["facts"], cast(State, state))


def write(file: Path, state: State) -> None:
    """Writes a state with the hash of itself. Values that JSON has no word for become their text."""
    file.write_text(seal(state))


def _is_inside(name: str) -> bool:
    return not PurePath(name).is_absolute() and ".." not in PurePath(name).parts
