"""What a script asks of a path other than its content: its size, its times, where a link leads, what it may do there.

Packages ask such things for ends of their own (is what I keep still fresh?): they count where the user's own code asks.
"""

from __future__ import annotations

import functools
import os
import platform
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

HOST = "the name of the host"  # stands for a path


@dataclass(frozen=True)
class Look:
    """One thing that was asked of a path, and what it was told."""

    path: str
    aspect: str  # one of `ASPECTS`
    told: str

    @property
    def holds(self) -> bool:
        """Whether it would be told the same now."""
        return told_of(self.path, self.aspect) == self.told


def told_of(path: str, aspect: str) -> str:
    """What is told of a path now; "" where nothing is there."""
    try:
        return ASPECTS[aspect](path)
    except OSError:
        return ""


def _size(path: str) -> str:
    return str(os.stat(path).st_size)


def _time(path: str) -> str:
    return str(os.stat(path).st_mtime_ns)


def _state(path: str) -> str:
    found = os.stat(path)
    return f"{found.st_mode:o} {found.st_size} {found.st_mtime_ns}"


def _link(path: str) -> str:
    found = os.lstat(path)
    return f"-> {os.readlink(path)}" if stat.S_ISLNK(found.st_mode) else f"{stat.S_IFMT(found.st_mode):o}"


def _access(path: str) -> str:
    return "".join("x" if os.access(path, kind) else "-" for kind in (os.F_OK, os.R_OK, os.W_OK, os.X_OK))


def _entries(path: str) -> str:
    with os.scandir(path) as found:
        told = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in found if e.name != "__pycache__")
    return repr(told)


ASPECTS: dict[str, Callable[[str], str]] = {
    "size": _size,
    "time": _time,
    "state": _state,
    "link": _link,
    "access": _access,
    "entries": _entries,
    "host": lambda path: platform.node(),
}

# By the functions of Python's library that lie between the user's code and the system: what they tell of a file.
# Through others, as `exists` and `glob`, it is no more than whether something is there.
_THROUGH = {
    "": "state", "stat": "state", "getsize": "size", "getmtime": "time", "getctime": "time", "getatime": "time",
}  # fmt: skip


def aspect_of(between: Iterable[str]) -> str:
    """What the user's code learns of a file by `os.stat`, through these functions; "" for its being there alone."""
    names = set(between) or {""}
    if not names <= _THROUGH.keys():
        return ""
    aspects = {_THROUGH[name] for name in names}
    return next(iter(aspects - {"state"}), "state")


def hear_looks(looked: Callable[[str, Any, bool], None]) -> None:
    """From now on `looked` is called with the name of a function of `os`, the path that it is given, and whether
    something is there. Paths that begin at an open folder are left out."""
    for name in ("stat", "lstat", "readlink", "access"):
        setattr(os, name, _heard(name, getattr(os, name), looked))


def hear_host(asked: Callable[[], None]) -> None:
    """From now on `asked` is called where the name of the host is asked for; `socket` tells of it in an event."""
    for module, name in ((os, "uname"), (platform, "node")):
        setattr(module, name, _told_before(getattr(module, name), asked))


def _told_before(function: Callable[[], Any], asked: Callable[[], None]) -> Callable[[], Any]:
    @functools.wraps(function)
    def told() -> Any:
        asked()
        return function()

    return told


def _heard(name: str, function: Callable, looked: Callable[[str, Any, bool], None]) -> Callable:
    @functools.wraps(function)
    def heard(path: Any, *args: Any, **kwargs: Any) -> Any:
        what = "" if kwargs.get("dir_fd") is not None else name
        if what == "stat" and kwargs.get("follow_symlinks") is False:
            what = "lstat"
        try:
            told = function(path, *args, **kwargs)
        except OSError:
            if what:
                looked(what, path, False)
            raise
        if what:
            looked(what, path, True)
        return told

    return heard
