"""The kernel's line to the driver of a sweep: which step has begun, and by when it must have ended.

The driver waits outside Papermill for the next word and ends everything when none comes in time. Run by hand, a
notebook has no driver: what a step does meanwhile is shown below its cell.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress

from benchlib.stages.by_hand import Line

VARIABLE = "BENCHLIB_DRIVER"
MEASURING_LIMIT = 3600.0  # seconds; measuring bounds itself, this is for a controller that hangs

WAITING = "waiting for a quiet host"  # how a note begins that says so
FOR_TURN = "waiting for this host"  # each step waits for its turn, mostly for no time at all
DONE = "done"
_line = Line()


def is_there() -> bool:
    """Whether a driver executes this notebook, and no person."""
    return VARIABLE in os.environ


def tell(step: str, seconds: float | None, note: str = "") -> None:
    """Says that `step` has begun and may take `seconds` (None: as long as it likes, it waits for its turn)."""
    if is_there():
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(json.dumps({"step": step, "seconds": seconds, "note": note}).encode(), os.environ[VARIABLE])
    elif note == DONE:
        _line.end()
    elif note and note != FOR_TURN:
        _line.say(f"{step}: {note}")
