"""Putting entries into the cache."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from benchlib.artifacts import hold, place, room
from benchlib.artifacts.entry import DecidedBy, Entry, State, find, read, sound, write
from benchlib.artifacts.files import StoredFiles, listed
from benchlib.artifacts.place import MARKER, STATE
from benchlib.errors import UserError
from benchlib.registry import Facts

FAILURES = "failures"
TRIAL = "BENCHLIB_TRIAL"  # the key of the trial that this process runs for, in its environment
_LOG_SIZE = 1 << 20  # bytes; the end of a longer log is kept
_OURS = (STATE, MARKER)  # of the files of an entry those that are no part of it
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def obtain(
    kind: str,
    name: str,
    key: str,
    decided_by: DecidedBy,
    build: Callable[[Path, Facts], None],
    left: Callable[[], float] = lambda: float("inf"),
    waiting: Callable[[str], None] = lambda holder: None,
) -> tuple[Entry, bool]:
    """The entry, and whether it was there; else `build` writes its files into a folder and its facts into a dict.

    Of several processes that need the same entry one builds, and the others wait for it: `waiting` is called once
    with the builder's name, `left` gives the seconds for which waiting may go on. Raises Busy after them, UserError
    when the cache has no room, and whatever `build` raises; nothing is kept then.
    """
    if entry := find(kind, name, key):
        return entry, True
    path = place.prepare(kind, name, key)
    with place.in_one_line(), hold.building(path.with_name(f".{path.name}.lock"), left, waiting):
        if entry := find(kind, name, key):
            return entry, True
        with storing(kind, name, key, decided_by) as (folder, facts):
            build(folder, facts)
    entry = find(kind, name, key)
    if entry is None:
        raise UserError(f"{path} was stored and cannot be read back: is its disk sound?")
    return entry, False


@contextlib.contextmanager
def storing(kind: str, name: str, key: str, decided_by: DecidedBy) -> Iterator[tuple[Path, Facts]]:
    """A folder to write the files of a new entry into, and a dict for its facts; stored when the block ends.

    Nothing is kept when the block raises. The entry is then there for `find`; where another process stored the same
    meanwhile, it is theirs. Two that store the same both build it: see `obtain`.
    """
    path = place.prepare(kind, name, key)
    facts: Facts = {}
    with place.in_one_line(), _aside(path, name, key) as aside:
        yield aside, facts
        files = listed(aside, but=_OURS)
        state = _state(kind, name, key, "successful", decided_by, facts, files)
        write(aside / STATE, state)
        _install(aside, path, lambda there: sound(there, key))
    room.drop(place.path_of(FAILURES, name, key))
    room.trim()


def failed(kind: str, name: str, key: str, decided_by: DecidedBy, error: Facts, files: Iterable[Path] = ()) -> None:
    """Keeps what is known of a build that failed, under the kind `failures`, in place of the last such failure.

    `error` is what the record says of it (stage, type, message, traceback); `files` are logs, which are copied, long
    ones from their end; those that are not there are left out. A later success removes it. Never raises for want of
    room: the failure itself matters more.
    """
    with contextlib.suppress(OSError, UserError):
        path = place.prepare(FAILURES, name, key)
        with _aside(path, name, key) as aside:
            for file in filter(Path.is_file, files):
                with file.open("rb") as log:
                    log.seek(max(0, file.stat().st_size - _LOG_SIZE))
                    (aside / file.name).write_bytes(log.read())
            state = _state(FAILURES, name, key, "failed", decided_by, {}, listed(aside, but=_OURS))
            write(aside / STATE, {**state, "of": kind, "error": error})
            _install(aside, path, lambda there: False)
            hold.let_go(path / STATE)


def _state(
    kind: str,
    name: str,
    key: str,
    status: str,
    decided_by: DecidedBy,
    facts: Facts,
    files: StoredFiles,
) -> State:
    state: State = {
        "key": key,
        "name": name,
        "kind": kind,
        "status": status,
        "created": time.time(),
        "size": sum(file["size"] for file in files.values()),
        "trial": os.environ.get(TRIAL, ""),
        "decided_by": decided_by,
        "facts": facts,
        "files": files,
    }
    if "stages" in facts:
        state["stages"] = facts["stages"]
    return state


@contextlib.contextmanager
def _aside(path: Path, name: str, key: str) -> Iterator[Path]:
    """A folder beside an entry's place, leased to this process, that is gone after the block unless it was moved."""
    aside = room.beside(path)
    aside.mkdir(parents=True)
    try:
        place.mark(aside, path.parent.name, name, key)
        (aside / STATE).touch()
        hold.lease(aside / STATE)
        yield aside
    finally:
        if aside.exists():
            hold.let_go(aside / STATE)
            shutil.rmtree(aside, ignore_errors=True)


def _install(aside: Path, path: Path, good: Callable[[Entry], bool]) -> None:
    """Moves a finished folder to its place. What stands there stays if it is as `good`, else it goes. Raises UserError
    where something stands there that we did not make."""
    while True:
        try:
            aside.rename(path)
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        if good(read(path)):
            return
        if not room.take_away(path) and os.path.lexists(path):
            raise UserError(f"{path} stands where the cache keeps an entry, and was not made by benchlib: move it away")
