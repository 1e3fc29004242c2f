"""One trial at a time on a host, and on a GPU: two that run together would measure each other.

A CPU trial holds the host alone; CUDA trials share the host and hold their GPU alone. The locks are flocks,
so one whose owner is gone is free at once; the file says whose it is, for those who wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER = Path("/tmp")  # not tempfile's: a trial has a TMPDIR of its own, and this lock is the host's
_PATIENCE = 0.2  # seconds between two tries


@contextlib.contextmanager
def alone(device: str, owner: str, waiting: Callable[[str], None] = lambda owner: None) -> Iterator[None]:
    """Holds the host (and the GPU of `device`); calls `waiting` once with the owner's text if it is taken."""
    with contextlib.ExitStack() as held:
        if device == "cpu":
            held.enter_context(_held("host", fcntl.LOCK_EX, owner, waiting))
        else:
            held.enter_context(_held("host", fcntl.LOCK_SH, owner, waiting))
            held.enter_context(_held(f"gpu{device.partition(':')[2] or 0}", fcntl.LOCK_EX, owner, waiting))
        yield


@contextlib.contextmanager
def _held(name: str, mode: int, owner: str, waiting: Callable[[str], None]) -> Iterator[None]:
    descriptor = _opened(FOLDER / f"benchlib-{name}.lock")
    try:
        told = False
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    waiting(os.pread(descriptor, 500, 0).decode(errors="replace").strip())
                    told = True
                time.sleep(_PATIENCE)
        with contextlib.suppress(OSError):  # another user's file: the lock holds, the text stays theirs
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{owner} (process {os.getpid()})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    """The lock file, made for all users when it is not there; a lock can be taken on one that is only readable."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, 0o666)
    return descriptor
