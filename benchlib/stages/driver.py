"""The kernel's line to the driver of a sweep: which step has begun, and by when it must have ended.

The driver waits outside Papermill for the next word and ends everything when none comes in time. Run by
hand, a notebook has no driver and nothing is said.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress

VARIABLE = "BENCHLIB_DRIVER"
MEASURING_LIMIT = 3600.0  # seconds; measuring bounds itself, this is for a controller that hangs

WAITING = "waiting for a quiet host"  # how a note begins that says so


def tell(step: str, seconds: float | None, note: str = "") -> None:
    """Says that `step` has begun and may take `seconds` (None: as long as it likes, it waits for its turn)."""
    path = os.environ.get(VARIABLE)
    if path:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(json.dumps({"step": step, "seconds": seconds, "note": note}).encode(), path)
