"""What a kept discovery depends on, and whether all of that is still as it was.

Whether the script has to run again is decided by files, names and variables alone; which model it is then, by what it
makes (`benchlib.models._content`).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from benchlib.discovery import variables
from benchlib.discovery.looks import Look
from benchlib.files import quick_digest_of


@dataclass(frozen=True)
class Stamp:
    """What changes when a file does."""

    device: int
    inode: int
    size: int  # bytes
    modified: int  # nanoseconds since 1970
    changed: int  # the same of a change of any kind, which nobody can set


@dataclass(frozen=True)
class Dependencies:
    """What a run of a script read."""

    files: dict[str, str] = field(default_factory=dict)  # path -> digest of the content
    looked_for: dict[str, bool] = field(default_factory=dict)  # path -> whether something was there
    folders: dict[str, str] = field(default_factory=dict)  # path -> digest of the names in it
    environment: dict[str, str] = field(default_factory=dict)  # variable -> digest of its value
    variables: str = ""  # digest of the names of all that there are; "" where it did not look through them
    looks: list[Look] = field(default_factory=list)  # what else it asked of paths
    unseen: list[str] = field(default_factory=list)  # what it does that nobody can watch: it runs again at each plan

    def difference(self) -> str:
        """The first of these that is not as it was; "" when all are."""
        files = (path for path, digest in self.files.items() if content_of(path) != digest)
        there = (path for path, is_there in self.looked_for.items() if os.path.exists(path) != is_there)
        folders = (path for path, digest in self.folders.items() if names_in(path) != digest)
        values = (
            name for name, value in self.environment.items() if variables.digest_of(os.environ.get(name)) != value
        )
        looks = (look.path for look in self.looks if not look.holds)
        if self.variables and self.variables != variables.names_of(os.environ):
            return "the names in the environment"
        return next((name for kind in (files, there, folders, values, looks) for name in kind), "")


def stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def content_of(path: str) -> str:
    """The digest of a file as it is now; "" without a file."""
    try:
        return quick_digest_of(Path(path))
    except OSError:
        return ""


def names_in(folder: str) -> str:
    """A digest of the names in a folder; "" without a folder. What Python and editors leave is none."""
    try:
        found = sorted(name for name in os.listdir(folder) if name != "__pycache__")
    except OSError:
        return ""
    return hashlib.sha256("\0".join(found).encode(errors="surrogateescape")).hexdigest()[:16]
