"""Where the cache is, how large it may be, and how its entries are called."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from benchlib.artifacts.files import Sealed, read_sealed, seal
from benchlib.errors import UserError

STATE = "state.json"
MARKER = ".benchlib"  # written before anything else into the cache, and into the folder of each entry
# What the library stores; others may come.
KINDS = ("models", "artifacts", "outputs", "traces", "catalogues", "details", "discoveries", "failures")
ADDRESS = re.compile(r"[A-Za-z0-9._-]+_[0-9a-f]{8}")
ASIDE = re.compile(rf"\.({ADDRESS.pattern})(?:\.\d+\.\d+)+")  # `.<address>.<process>.<time>`: not finished, or going
_FOLDERS = {*KINDS, "hosts", "python"}  # all that a cache of a version without markers may hold
_ROOT = {"kind": "cache"}  # what the marker of a cache holds
_GIB = 1 << 30
_SIZE_LIMIT = 20 * _GIB
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def root(make: bool = True) -> Path:
    """The cache's folder: BENCHLIB_CACHE, else ~/.cache/benchlib.

    Without `make` it is for a look: nothing is made, marked or given another mode, and it may not be there. Raises
    UserError for another user's, where it cannot be made or written to, and for a folder that holds other things.
    """
    path = Path(os.environ.get("BENCHLIB_CACHE") or Path.home() / ".cache" / "benchlib").expanduser()
    if make:
        return claim(path)
    if path.exists():
        _require_own(path)
    return path


def claim(path: Path) -> Path:
    """Makes a folder that is missing, empty or a cache to this user's private cache. Raises UserError as `root`."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_own(path)
        if not os.access(path, os.W_OK | os.X_OK):
            raise UserError(f"the cache {path} cannot be written to: set BENCHLIB_CACHE")
        if not is_cache(path) and os.listdir(path):
            raise UserError(
                f"{path} holds other things than a cache, and stays as it is: give the cache a folder of its own "
                "(--cache-dir or BENCHLIB_CACHE)"
            )
        if path.stat().st_mode & 0o777 != 0o700:
            path.chmod(0o700)  # before it is marked: until then another process takes what is private alone for a cache
        with contextlib.suppress(FileExistsError), in_one_line(), (path / MARKER).open("x") as file:
            file.write(seal(_ROOT))
    except OSError as error:
        raise UserError(f"the cache {path} cannot be used ({error.strerror}): set BENCHLIB_CACHE") from error
    return path


def is_cache(path: Path) -> bool:
    """Whether a folder is a cache: marked, or made by a version without markers, which kept it private."""
    if read_sealed(path / MARKER) == _ROOT:
        return True
    if not path.is_dir() or path.stat().st_mode & 0o777 != 0o700:
        return False
    return set(os.listdir(path)) <= {MARKER, *_FOLDERS} or any(map(is_ours, path.glob("*/*")))


def is_ours(folder: Path) -> bool:
    """Whether we made the folder of an entry, finished or not. Its name proves nothing: in it, its state or its marker
    has our digest, and holds the name and the key that the folder is called after."""
    aside = ASIDE.fullmatch(folder.name)
    address = aside[1] if aside else folder.name
    if not ADDRESS.fullmatch(address) or folder.is_symlink():
        return False
    return any(_is_of(read_sealed(folder / file), folder.parent.name, address) for file in (STATE, MARKER))


def mark(folder: Path, kind: str, name: str, key: str) -> None:
    """Puts the marker into the new folder of an entry."""
    (folder / MARKER).write_text(seal({"kind": kind, "name": name, "key": key}))


def size_limit() -> int:
    """Bytes that the cache may hold: BENCHLIB_CACHE_SIZE in GiB, else 20 GiB. Raises UserError for what is no size."""
    text = os.environ.get("BENCHLIB_CACHE_SIZE")
    if not text:
        return _SIZE_LIMIT
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise UserError(f"BENCHLIB_CACHE_SIZE is a number of GiB, not '{text}'")
    return int(float(text) * _GIB)


def path_of(kind: str, name: str, key: str) -> Path:
    """`<root>/<kind>/<model>_<hash8>`, whether there is anything or not."""
    return root(make=False) / kind / _address(name, key)


def prepare(kind: str, name: str, key: str) -> Path:
    """The same, in a folder that is there."""
    with in_one_line():
        folder = root() / kind
        folder.mkdir(exist_ok=True)
    return folder / _address(name, key)


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """A full disk, a used-up quota or a read-only file system is the user's to mend: it becomes a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UserError(f"the cache {root(make=False)} cannot be written to: {error.strerror}") from error


def _require_own(path: Path) -> None:
    owner = path.stat().st_uid
    if owner != os.getuid():
        raise UserError(
            f"the cache {path} belongs to user {owner}; opening its files would run their code: set BENCHLIB_CACHE"
        )


def _is_of(values: Sealed | None, kind: str, address: str) -> bool:
    try:
        return values is not None and values["kind"] == kind and _address(values["name"], values["key"]) == address
    except (KeyError, TypeError):
        return False


def _address(name: str, key: str) -> str:
    """Characters of a name that a file system or a shell minds become `_`. Names that become equal are told apart by
    their keys, which hold the model's identity."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[:60].lstrip('.-') or '_'}_{key[:8]}"
