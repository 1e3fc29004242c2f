"""What the profiled process tells, in files: it may end at any moment and in any way, and what it said stays.

`lines` holds one JSON object a line: a `Line` with its class as `kind`. `counts` is shared memory: of every row how
often it was executed and for how many seconds, so that a call costs no write.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from benchlib.discovery.dependencies import Stamp
from benchlib.discovery.found import Found
from benchlib.discovery.looks import Look
from benchlib.typed_json import from_json, to_json

MOST = 1000  # rows that one script can have
_ITEM = 16  # bytes: a whole number and a float


@dataclass(frozen=True)
class FoundRow:
    """A model at its first call. How often it was executed, and for how long, stands in `counts` until it is read."""

    row: int  # its number
    above: int  # that of its parent; -1 at depth 0
    model: Found
    hides: bool  # it may hold what was read before its call and is not seen in it


@dataclass(frozen=True)
class LeftOut:
    """A call beyond the limits of what is kept."""

    name: str  # of the model


@dataclass(frozen=True)
class Remark:
    """What the user has to know of what was found."""

    text: str


@dataclass(frozen=True)
class ChildStarted:
    """A process began that is not watched."""


@dataclass(frozen=True)
class Read:
    """What the script read until the first call of its last model had ended (`benchlib.discovery.reads`)."""

    files: dict[str, Stamp]
    looked_for: dict[str, bool]  # path -> whether something was there
    folders: dict[str, str]  # path -> digest of the names in it
    environment: dict[str, str | None]  # variable -> its value as the script was started
    variables: str  # digest of the names of all variables, where it looked through them
    looks: list[Look]  # what else it asked of paths
    unseen: list[str]  # what it does that cannot be watched
    files_in_calls: list[str]  # those that a model read while it was first called
    variables_in_calls: list[str]
    looks_in_calls: list[str]  # what else it asked of paths then, and was told


@dataclass(frozen=True)
class Taken:
    """The wanted model is saved."""


@dataclass(frozen=True)
class NotTaken:
    """The wanted model was called and cannot be saved."""

    text: str  # why


@dataclass(frozen=True)
class Ended:
    """The script ended by itself."""

    text: str  # how it went wrong; "" where it did not


Line = FoundRow | LeftOut | Remark | ChildStarted | Read | Taken | NotTaken | Ended
_KINDS = {kind.__name__: kind for kind in get_args(Line)}


def prepare(folder: Path) -> None:
    (folder / "lines").touch()
    (folder / "counts").write_bytes(bytes(MOST * _ITEM))


class Journal:
    """The side of the script."""

    def __init__(
        self, folder: Path, mark: Callable[[], None] = lambda: None, called: Callable[[], None] = lambda: None
    ):
        """`mark` is called before a model is said that the script did not call before, `called` when that first call
        has ended."""
        self._mark, self._called = mark, called
        self._first: set[int] = set()  # rows of what is called for the first time just now
        self._lines = str((folder / "lines").resolve())  # the script may change directory
        with (folder / "counts").open("r+b") as file:
            self._memory = memoryview(mmap.mmap(file.fileno(), MOST * _ITEM))
        self._executed, self._seconds = self._memory.cast("q"), self._memory.cast("d")

    def say(self, line: Line) -> None:
        """Adds a line. The file is opened anew for each line: the script may close descriptors that are not its own."""
        if isinstance(line, FoundRow):
            if not line.model.depth:  # what is inside is called meanwhile
                self._first.add(line.row)
            self._mark()
        file = os.open(self._lines, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, (json.dumps({"kind": type(line).__name__, **to_json(line)}) + "\n").encode())
        finally:
            os.close(file)

    def begin_unknown(self) -> None:
        """A model is called of which nothing is said before its call has ended."""
        self._mark()

    def end_unknown(self) -> None:
        self._called()

    def begin(self, row: int) -> None:
        self._executed[2 * row] += 1

    def fail(self, row: int) -> None:
        """A call that began raised an error: it is none."""
        self._executed[2 * row] -= 1

    def end(self, row: int, seconds: float) -> None:
        self._seconds[2 * row + 1] += seconds

    def over(self, row: int) -> None:
        """A call has ended, in whatever way."""
        if row in self._first:
            self._first.discard(row)
            self._called()


def read(folder: Path) -> list[Line]:
    """The lines in order, models with their counts. A line cut short is left out."""
    counts = memoryview((folder / "counts").read_bytes())
    executed, seconds = counts.cast("q"), counts.cast("d")
    lines: list[Line] = []
    for text in (folder / "lines").read_text(errors="replace").splitlines():
        try:
            data = json.loads(text)
        except ValueError:
            continue
        line = from_json(_KINDS[data["kind"]], data)
        if isinstance(line, FoundRow):
            model = replace(line.model, executed=executed[2 * line.row], seconds=seconds[2 * line.row + 1])
            line = replace(line, model=model)
        lines.append(line)
    return lines
