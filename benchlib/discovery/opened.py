"""Files that are opened by code that is not Python's, as the kernel tells of them, on Linux.

It tells of folders: watched are those that a script is likely to read in.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator

from benchlib.discovery.kernel import Fanotify, Inotify, Kernel, Missed

_BELOW = 500  # folders below one that is named
_MOST = 5000  # folders in all
_NO_DATA = {"__pycache__", "node_modules"}


class Opened:
    """What is read in some folders from now on.

    Args:
        counts: whether a folder does.
    """

    def __init__(self, counts: Callable[[str], object]):
        self._counts = counts
        self._folders: dict[tuple[str, bytes], str] = {}  # by what the kernel calls them
        self._seen: set[tuple[str, bool]] = set()  # with whether all below it was
        self._kernels: list[Kernel] = []

    def start(self) -> None:
        """Raises OSError where Linux gives no more of what watches. Elsewhere there is nothing to give."""
        for kind in (Fanotify, Inotify) if sys.platform == "linux" else ():
            try:
                self._kernels.append(kind())
            except OSError:
                if kind is Inotify and not self._kernels:
                    raise

    def watch(self, path: str) -> None:
        """Watches the folder of a path, and where it is a folder itself all that is below it."""
        path = os.path.abspath(path)
        for place in ((os.path.dirname(path), False), (path, True)):
            if not self._kernels or place in self._seen or len(self._folders) >= _MOST:
                continue
            self._seen.add(place)
            folder, below = place
            if self._counts(folder) and os.path.isdir(folder):
                for one in list(self._below(folder)) if below else [folder]:  # listed before they are watched
                    self._add(one)

    def read(self) -> Iterator[str]:
        """The files that were read since the last call. Raises OSError where some may have been missed."""
        for kernel in self._kernels:
            while told := self._told(kernel):
                for key, name in kernel.files(told):
                    if (kernel.word, key) in self._folders:
                        yield os.path.join(self._folders[kernel.word, key], os.fsdecode(name))

    def _told(self, kernel: Kernel) -> bytes:
        if kernel.word not in os.readlink(f"/proc/self/fd/{kernel.file}"):
            raise Missed("the script closed it")  # and the number may be that of a file of its own by now
        try:
            return os.read(kernel.file, 1 << 16)
        except BlockingIOError:
            return b""

    def _below(self, folder: str) -> Iterator[str]:
        """The folder and those in it, the nearest first, and those that links in them lead to."""
        waiting, known = deque([folder]), {folder}
        while waiting and len(known) <= _BELOW:
            place = waiting.popleft()
            yield place
            try:
                entries = list(os.scandir(place))
            except OSError:
                continue
            for entry in entries:
                if entry.is_symlink():
                    inner = os.path.realpath(entry.path)
                    inner = inner if os.path.isdir(inner) else os.path.dirname(inner)
                elif entry.is_dir() and entry.name[0] != "." and entry.name not in _NO_DATA:
                    inner = entry.path
                else:
                    continue
                if inner not in known and self._counts(inner):
                    known.add(inner)
                    waiting.append(inner)

    def _add(self, folder: str) -> None:
        for kernel in self._kernels:
            if key := kernel.add(folder):
                self._folders[kernel.word, key] = folder
                return
