"""One trial at a time on a host, and on a GPU: two that run together would measure each other.

A CPU trial holds the host alone; CUDA trials share the host and hold their GPU alone. The locks are flocks,
so one whose owner is gone is free at once; the file says whose it is, for those who wait.

Trials of different users exclude each other too, so the files stand in the folder that all of them share, where
anybody may have put anything under their names. Containers on one host have no such folder: `BENCHLIB_LOCKS` names the
one that is mounted into each. Hence no link is followed and only a plain file with one name is
taken; what another user made is locked (reading it suffices for that), and neither written nor given another mode.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchlib.errors import UnusableHost

# Not tempfile's: a trial has a TMPDIR of its own, and this lock is the host's.
FOLDER = Path(os.environ.get("BENCHLIB_LOCKS") or "/tmp")
_PATIENCE = 0.2  # seconds between two tries
_MAKING = 1.0  # seconds within which a file that its maker's umask closes to others has been opened to them
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # O_NONBLOCK: a FIFO must not make us wait
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
)


class HeldHost:
    """The host (and the GPU of `device`), held by one trial, which may lend it to others for a while.

    Args:
        device: of the trial.
        owner: a text for those who wait.
        waiting: is called with the owner's text where the host is taken.
    """

    def __init__(self, device: str, owner: str, waiting: Callable[[str], None]):
        self._device, self._owner, self._waiting = device, owner, waiting
        self._held = contextlib.ExitStack()

    def take(self) -> None:
        """Waits for the host and holds it. Raises UnusableHost."""
        mode = fcntl.LOCK_EX if self._device == "cpu" else fcntl.LOCK_SH
        with contextlib.ExitStack() as held:
            held.enter_context(_hold("host", mode, self._owner, self._waiting))
            if self._device != "cpu":
                gpu = f"gpu{self._device.partition(':')[2] or 0}"
                held.enter_context(_hold(gpu, fcntl.LOCK_EX, self._owner, self._waiting))
            self._held = held.pop_all()

    def give(self) -> None:
        """Lets others have it."""
        self._held.close()

    @contextlib.contextmanager
    def given_away(self) -> Iterator[None]:
        """Others may have it while the context lasts; waits for it afterwards."""
        self.give()
        try:
            yield
        finally:
            self.take()


@contextlib.contextmanager
def alone(device: str, owner: str, waiting: Callable[[str], None] = lambda owner: None) -> Iterator[HeldHost]:
    """Holds the host (and the GPU of `device`); calls `waiting` once with the owner's text if it is taken.

    Raises UnusableHost where something else stands in a lock's place, or none can be made.
    """
    held = HeldHost(device, owner, waiting)
    held.take()
    try:
        yield held
    finally:
        held.give()


@contextlib.contextmanager
def _hold(name: str, mode: int, owner: str, waiting: Callable[[str], None]) -> Iterator[None]:
    text = f"{owner} (process {os.getpid()})".encode()
    descriptor = _lock(FOLDER / f"benchlib-{name}.lock", mode, waiting)
    try:
        _write(descriptor, text)
        yield
    finally:
        if os.pread(descriptor, len(text) + 1, 0) == text:  # else it is another's, with whom the host is shared
            _write(descriptor, b"")
        os.close(descriptor)


def _lock(path: Path, mode: int, waiting: Callable[[str], None]) -> int:
    """The descriptor of the locked file that stands at `path`."""
    has_told = False
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            if _stands_at(descriptor, path):  # else it was removed meanwhile: who comes next locks a new one
                return descriptor
            os.close(descriptor)
        except BlockingIOError:
            holder = os.pread(descriptor, 500, 0).decode(errors="replace")
            os.close(descriptor)
            if not has_told:
                # Another user's words go to this user's terminal.
                waiting("".join(filter(str.isprintable, holder)).strip() or "a trial of another user")
                has_told = True
            time.sleep(_PATIENCE)


def _open(path: Path) -> int:
    """The lock file, made when it is not there."""
    deadline = time.monotonic() + _MAKING
    while True:
        try:
            return _open_standing(path)
        except OSError as error:
            try:
                if error.errno == errno.ENOENT:
                    return _create(path)
            except OSError as failure:
                error = failure
            # Made by another process just now, removed by one, or not opened to us yet.
            may_pass = error.errno in (errno.EEXIST, errno.ENOENT, errno.EACCES, errno.EPERM)
            if not may_pass or not path.parent.is_dir() or time.monotonic() > deadline:
                raise UnusableHost(
                    f"the lock {path}, by which trials on this host wait for each other, cannot be opened: "
                    f"{error.strerror}"
                ) from error
            time.sleep(0.01)


def _open_standing(path: Path) -> int:
    """The file that stands there, opened to be read where it cannot be written. Raises OSError, UnusableHost."""
    _require_plain(os.lstat(path), path)
    try:
        descriptor = os.open(path, os.O_RDWR | _FLAGS)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        _require_plain(os.fstat(descriptor), path)  # it may have been replaced since
    except UnusableHost:
        os.close(descriptor)
        raise
    return descriptor


def _create(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o644)
    os.fchmod(descriptor, 0o644)  # whatever the umask says: others lock it too
    return descriptor


def _require_plain(found: os.stat_result, path: Path) -> None:
    """Raises UnusableHost for what no benchlib made: all but a plain file with a single name."""
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "no plain file")
    if stat.S_ISREG(found.st_mode):
        kind = f"a file with {found.st_nlink} names (hard links)"
    raise UnusableHost(
        f"{path} is {kind} of user {found.st_uid}, and no lock that benchlib made: it stays as it is, and no trial "
        "runs on this host until it is removed"
    )


def _write(descriptor: int, text: bytes) -> None:
    """Puts a text into the file, if it is this user's."""
    if os.fstat(descriptor).st_uid != os.geteuid():
        return
    with contextlib.suppress(OSError):  # the lock holds without it: the disk may be full, the file read-only
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


def _stands_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
