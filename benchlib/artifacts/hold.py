"""Who builds, uses or takes away an entry. All by flock: what the dead held is free at once.

A builder holds `.<address>.lock` beside the entry, which carries our digest. A user shares the entry's state file, and
so does who writes one aside; nothing is taken away that somebody shares.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from benchlib.artifacts.files import read_sealed, seal, unseal
from benchlib.errors import UserError

_PATIENCE = 0.1  # seconds between two tries
_LEASES = 32  # a trial uses about ten entries; an open notebook has let go of the trial before the last
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_leases: OrderedDict[tuple[int, int], int] = OrderedDict()  # the descriptor that shares a state file, by its inode


class Busy(TimeoutError):
    """Another process still builds the same entry when the time is up. Its text is the whole message."""


@contextlib.contextmanager
def building(lock: Path, left: Callable[[], float], waiting: Callable[[str], None]) -> Iterator[None]:
    """Holds a lock file, alone. `waiting` is called once with the holder's name if it is taken; `left` gives the
    seconds for which waiting may go on. Raises Busy after them, UserError for a file that is no lock of ours."""
    descriptor = _taken(lock, left, waiting)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # who waits for it finds that it is another file by now, and makes a new one
        os.close(descriptor)


def lease(state: Path) -> bool:
    """Shares an entry until this process ends or has leased many others since. False if there is none to share."""
    try:
        descriptor = os.open(state, _FLAGS)
    except OSError:
        return False
    if not _locked(descriptor, fcntl.LOCK_SH) or not _in_place(descriptor, state):
        os.close(descriptor)
        return False
    _end(_inode(descriptor))
    _leases[_inode(descriptor)] = descriptor
    while len(_leases) > _LEASES:
        _end(next(iter(_leases)))
    return True


def let_go(state: Path | None = None) -> None:
    """Ends this process's lease of an entry, or all of its leases."""
    with contextlib.suppress(OSError):
        for inode in list(_leases) if state is None else [(state.stat().st_dev, state.stat().st_ino)]:
            _end(inode)


@contextlib.contextmanager
def alone(state: Path) -> Iterator[bool]:
    """Whether nobody uses an entry; nobody begins to while the block runs."""
    try:
        descriptor = os.open(state, _FLAGS)
    except OSError:  # without a state it is no entry that anybody could use
        yield True
        return
    try:
        yield _locked(descriptor, fcntl.LOCK_EX) and _in_place(descriptor, state)
    finally:
        os.close(descriptor)


def is_lock(path: Path) -> bool:
    """Whether a file is a builder's lock that we made: its digest is ours, and it holds its own name."""
    return path.suffix == ".lock" and (read_sealed(path) or {}).get("lock") == path.name


def _holder(text: str) -> str:
    """`process 123` in the text of a lock; earlier versions wrote nothing else. Empty for a text that is not ours."""
    return text if re.fullmatch(r"process \d+", text) else (unseal(text) or {}).get("holder", "")


def _taken(lock: Path, left: Callable[[], float], waiting: Callable[[str], None]) -> int:
    told = False
    while True:
        descriptor = os.open(lock, _FLAGS | os.O_CREAT, 0o600)
        is_free, text = _locked(descriptor, fcntl.LOCK_EX), os.pread(descriptor, 1000, 0).decode(errors="replace")
        if is_free and _in_place(descriptor, lock):
            if text and not _holder(text):
                os.close(descriptor)
                raise UserError(
                    f"{lock} stands where the cache keeps a lock, and was not made by benchlib: move it away"
                )
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, seal({"lock": lock.name, "holder": f"process {os.getpid()}"}).encode(), 0)
            return descriptor
        os.close(descriptor)
        if is_free:
            continue
        holder = _holder(text) or "another process"
        if not told:
            waiting(holder)
            told = True
        if left() <= _PATIENCE:
            raise Busy(f"{holder} is still building {lock.stem.lstrip('.')}, which this trial needs too")
        time.sleep(_PATIENCE)


def _locked(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _inode(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _in_place(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that stands at `path` now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _end(inode: tuple[int, int]) -> None:
    if (descriptor := _leases.pop(inode, None)) is not None:
        os.close(descriptor)
