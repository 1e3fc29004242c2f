"""What the arguments of Python's audit events say of a file."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit

_WRITES = {"w", "a", "x", "+"}


def ways_of(mode: str | None, flags: int) -> tuple[bool, bool]:
    """Whether a file is opened for reading, and for writing; `mode` is None where the system's own flags are all that
    is known."""
    if mode is None:
        return not flags & (os.O_WRONLY | os.O_TRUNC), bool(flags & (os.O_WRONLY | os.O_RDWR))
    return "r" in mode or {"a", "+"} <= set(mode), not _WRITES.isdisjoint(mode)


def path_of(path: Any) -> Any:
    """The file that a database's address names."""
    return unquote(urlsplit(path).path) if isinstance(path, str) and path.startswith("file:") else path
