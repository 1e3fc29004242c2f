"""What the profiled process tells, in files: it may end at any moment and in any way, and what it said stays.

`lines` holds one JSON object a line. `counts` is shared memory: of every row how often it was executed and for how
many seconds, so that a call costs no write.
"""

from __future__ import annotations

import json
import mmap
import os
from pathlib import Path
from typing import Any

MOST = 1000  # rows that one script can have
_ITEM = 16  # bytes: a whole number and a float


def prepare(folder: Path) -> None:
    (folder / "lines").touch()
    (folder / "counts").write_bytes(bytes(MOST * _ITEM))


class Journal:
    """The side of the script."""

    def __init__(self, folder: Path):
        self._lines = str((folder / "lines").resolve())  # the script may change directory
        with (folder / "counts").open("r+b") as file:
            self._memory = memoryview(mmap.mmap(file.fileno(), MOST * _ITEM))
        self._executed, self._seconds = self._memory.cast("q"), self._memory.cast("d")

    def say(self, kind: str, **fields: Any) -> None:
        """Opened anew for each line: the script may close descriptors that are not its own."""
        file = os.open(self._lines, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, (json.dumps({"kind": kind, **fields}) + "\n").encode())
        finally:
            os.close(file)

    def begin(self, row: int) -> None:
        self._executed[2 * row] += 1

    def end(self, row: int, seconds: float) -> None:
        self._seconds[2 * row + 1] += seconds


def read(folder: Path) -> list[dict[str, Any]]:
    """The lines in order; those of rows with `executed` and `seconds`. A line cut short is left out."""
    counts = memoryview((folder / "counts").read_bytes())
    executed, seconds = counts.cast("q"), counts.cast("d")
    found = []
    for text in (folder / "lines").read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if line["kind"] == "found":
            row = line["row"]
            line |= {"executed": executed[2 * row], "seconds": seconds[2 * row + 1]}
        found.append(line)
    return found
