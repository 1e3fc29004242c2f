"""Where the cache is, how large it may be, and how its entries are called."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from benchlib.errors import UserError

STATE = "state.json"
# What the library stores; others may come.
KINDS = ("models", "artifacts", "outputs", "catalogues", "details", "discoveries", "failures")
ADDRESS = re.compile(r"[A-Za-z0-9._-]+_[0-9a-f]{8}")
_GIB = 1 << 30
_SIZE_LIMIT = 20 * _GIB
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def root() -> Path:
    """The cache's folder: BENCHLIB_CACHE, else ~/.cache/benchlib.

    Raises UserError for another user's, and where it cannot be made or written to.
    """
    path = Path(os.environ.get("BENCHLIB_CACHE") or Path.home() / ".cache" / "benchlib").expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = path.stat().st_uid
        if owner != os.getuid():
            raise UserError(
                f"the cache {path} belongs to user {owner}; opening its files would run their code: set BENCHLIB_CACHE"
            )
        if path.stat().st_mode & 0o777 != 0o700:
            path.chmod(0o700)
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError as error:
        raise UserError(f"the cache {path} cannot be used ({error.strerror}): set BENCHLIB_CACHE") from error
    if not writable:
        raise UserError(f"the cache {path} cannot be written to: set BENCHLIB_CACHE")
    return path


def size_limit() -> int:
    """Bytes that the cache may hold: BENCHLIB_CACHE_SIZE in GiB, else 20 GiB. Raises UserError for what is no size."""
    text = os.environ.get("BENCHLIB_CACHE_SIZE")
    if not text:
        return _SIZE_LIMIT
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise UserError(f"BENCHLIB_CACHE_SIZE is a number of GiB, not '{text}'")
    return int(float(text) * _GIB)


def path_of(kind: str, name: str, key: str) -> Path:
    """`<root>/<kind>/<model>_<hash8>`; characters of a name that a file system or a shell minds become `_`.

    Names that become equal are told apart by their keys, which hold the model's identity.
    """
    with in_one_line():
        folder = root() / kind
        folder.mkdir(exist_ok=True)
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)[:60].lstrip('.-') or '_'}_{key[:8]}"


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """A full disk, a used-up quota or a read-only file system is the user's to mend: it becomes a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UserError(f"the cache {root()} cannot be written to: {error.strerror}") from error
