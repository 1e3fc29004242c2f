"""Making room: what is deleted, what is made lean, and what is left over from processes that died."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Container
from pathlib import Path

from benchlib.artifacts import hold, place
from benchlib.artifacts.entry import Entry, entries, read, write
from benchlib.artifacts.files import disk_size, is_log
from benchlib.artifacts.place import ASIDE, MARKER, STATE

_BEGINNING = 60.0  # seconds; a folder aside is leased within the first of them


def trim(limit: int | None = None) -> None:
    """Deletes the entries used longest ago until the cache is within `limit` bytes (`size_limit` without one).

    Those that a living process uses stay, so that the cache may be larger for as long as they need.
    """
    limit = place.size_limit() if limit is None else limit
    found = sorted(entries(), key=lambda entry: entry.used)
    sizes = [entry.size for entry in found]
    total = sum(sizes)
    for entry, size in zip(found, sizes, strict=True):
        if total <= limit:
            return
        if drop(entry.path):
            total -= size


def delete(entry: Entry) -> bool:
    """Deletes an entry; False if it stays because a living process uses it."""
    return drop(entry.path)


def lean(entry: Entry) -> int:
    """Drops the files of an entry, logs excepted, and keeps what is known of them; returns the bytes freed.

    For `find` it is then not there, and the next need builds it anew. One that a living process uses stays as it is,
    as does a failure.
    """
    file = entry.path / STATE
    with hold.alone(file) as free:
        entry = read(entry.path)  # as it is now that nobody else changes it
        root = entry.path.resolve()
        files = [f for name in entry.files if not is_log(name) and (f := entry.path / name).is_file()]
        files = [f for f in files if f.parent.resolve().is_relative_to(root)]  # a folder may be a link by now
        if not free or not files or entry.state["status"] == "failed":
            return 0
        freed, used = sum(f.stat().st_size for f in files), entry.used
        aside = file.with_name(f".{STATE}.{os.getpid()}")
        write(aside, {**entry.state, "status": "lean"})
        os.utime(aside, (used, used))
        os.replace(aside, file)
        for f in files:
            f.unlink()
        return freed


def lean_made_by(trials: Container[str]) -> tuple[int, int]:
    """Makes all entries lean that trials with these keys made: how many there were, and the bytes freed."""
    made = [e for e in entries() if e.state.get("trial") and e.state["trial"] in trials]
    freed = list(filter(None, map(lean, made)))
    return len(freed), sum(freed)


def clean(files_too: bool = False) -> Counter[str]:
    """Drops what is of no use: how many `broken` entries, `unfinished` ones, and the `bytes` freed.

    An unfinished one is a folder that a process which died was writing. `files_too` makes all other entries `lean`.
    What merely has a name like ours stays.
    """
    done: Counter[str] = Counter()
    for entry in entries():
        size = entry.size
        if entry.status == "broken" and drop(entry.path):
            done += Counter(broken=1, bytes=size)
        elif files_too and (freed := lean(entry)):
            done += Counter(lean=1, bytes=freed)
    for path in place.root(make=False).glob("*/.*"):
        if hold.is_lock(path):
            with hold.alone(path) as free:
                if free:
                    path.unlink(missing_ok=True)
        elif ASIDE.fullmatch(path.name) and place.is_ours(path) and _abandoned(path):
            size = disk_size(path)
            if drop(path):
                done += Counter(unfinished=1, bytes=size)
    return done


def drop(path: Path) -> bool:
    """Takes an entry away, unless somebody uses it or we did not make it. True if it is gone."""
    with hold.alone(path / STATE) as free:
        return free and (take_away(path) or not os.path.lexists(path))


def take_away(path: Path) -> bool:
    """Removes the folder of an entry from its place at once, and then from the disk. False: there is none of ours."""
    aside = beside(path)
    if not place.is_ours(path):
        return False
    try:
        path.rename(aside)
    except FileNotFoundError:  # another process took it away
        return False
    with contextlib.suppress(OSError):
        # What shows that it is ours goes last: whoever dies here leaves what `clean` knows.
        for file in sorted(aside.iterdir(), key=lambda f: (f.name == STATE, f.name == MARKER)):
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file)
            else:
                file.unlink()
        aside.rmdir()
    return True


def beside(path: Path) -> Path:
    """A name beside an entry's for what is not an entry yet, or no longer."""
    return path.with_name(f".{path.name.lstrip('.')}.{os.getpid()}.{time.monotonic_ns()}")


def _abandoned(aside: Path) -> bool:
    """Whether a folder aside is past the moment between its making and its lease, which says whether it is used."""
    pid = aside.name.split(".")[-2]
    try:
        return not Path(f"/proc/{pid}").exists() or time.time() - aside.stat().st_mtime > _BEGINNING
    except FileNotFoundError:
        return False
