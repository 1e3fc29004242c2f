"""What the kernel of Linux tells of files that are read in a folder, by whatever code.

Two of its parts do. fanotify says which process it was, and needs a file system that gives handles of its files;
inotify does not, so that what another process reads in the folder counts as well.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from typing import Protocol

_READ, _CLOSED, _LOST = 0x1, 0x10, 0x4000  # the same in both: something was read, or closed and not written
_LIBC = ctypes.CDLL(None, use_errno=True)


class Missed(OSError):
    """Some of what was read may not have been told."""


class Kernel(Protocol):
    """One of the two."""

    file: int  # a descriptor, from which it is read what there is to tell
    word: str  # in what that descriptor leads to

    def add(self, folder: str) -> bytes:
        """Begins to watch a folder; its key, b"" where it cannot be."""

    def files(self, told: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The keys of folders and the names of files in what was read. Raises Missed."""


class Fanotify:
    word = "fanotify"
    _NAMES, _ADD, _IN_FOLDER, _HERE = 0xC03, 0x9, 0x08000000, -100
    _EVENT, _HANDLE, _MOST = struct.Struct("=IBBHQii"), struct.Struct("=Ii"), 128  # bytes of a handle
    _FOLDER_AND_NAME = 2

    def __init__(self) -> None:
        """Raises OSError where there is none."""
        self.file = _opened("fanotify_init", self._NAMES, os.O_RDONLY | os.O_CLOEXEC)

    def add(self, folder: str) -> bytes:
        path, mask = os.fsencode(folder), ctypes.c_uint64(_READ | _CLOSED | self._IN_FOLDER)
        handle, mount = ctypes.create_string_buffer(self._HANDLE.pack(self._MOST, 0), 8 + self._MOST), ctypes.c_int()
        if (
            _LIBC.name_to_handle_at(self._HERE, path, handle, ctypes.byref(mount), 0)
            or _LIBC.fanotify_mark(self.file, self._ADD, mask, self._HERE, path)
        ):  # fmt: skip
            return b""
        size = self._HANDLE.unpack_from(handle)[0]
        return struct.pack("=Q", os.statvfs(folder).f_fsid) + handle.raw[: 8 + size]

    def files(self, told: bytes) -> Iterator[tuple[bytes, bytes]]:
        at = 0
        while at < len(told):
            length, _, _, head, mask, _, process = self._EVENT.unpack_from(told, at)
            if mask & _LOST:
                raise Missed("more than the kernel keeps")
            place = at + head
            at += length
            if process == os.getpid() and place < at and told[place] == self._FOLDER_AND_NAME:
                end = place + 20 + self._HANDLE.unpack_from(told, place + 12)[0]
                yield told[place + 4 : end], told[end:at].partition(b"\0")[0]


class Inotify:
    word = "inotify"
    _ONLY_FOLDERS, _OF_A_FOLDER, _EVENT = 0x01000000, 0x40000000, struct.Struct("=iIII")

    def __init__(self) -> None:
        """Raises OSError where there is none."""
        self.file = _opened("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)

    def add(self, folder: str) -> bytes:
        mask = _READ | _CLOSED | self._ONLY_FOLDERS
        number = _LIBC.inotify_add_watch(self.file, os.fsencode(folder), mask)
        return str(number).encode() if number >= 0 else b""

    def files(self, told: bytes) -> Iterator[tuple[bytes, bytes]]:
        at = 0
        while at < len(told):
            number, mask, _, length = self._EVENT.unpack_from(told, at)
            name = told[at + self._EVENT.size : at + self._EVENT.size + length].rstrip(b"\0")
            at += self._EVENT.size + length
            if mask & _LOST:
                raise Missed("more than the kernel keeps")
            if name and not mask & self._OF_A_FOLDER:
                yield str(number).encode(), name


def _opened(call: str, *arguments: int) -> int:
    if not hasattr(_LIBC, call):
        raise OSError(f"no {call}")
    if (file := getattr(_LIBC, call)(*arguments)) < 0:
        raise OSError(ctypes.get_errno(), call)
    return file
