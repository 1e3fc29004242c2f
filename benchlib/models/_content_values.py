"""The text of a value that holds no others: a number, a string, the time of day."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import time
from pathlib import Path
from typing import Any

from benchlib.models._code import is_told_by_name, name_of

_VALUES = (bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented))
PLAIN = {bool, int, str, bytes, type(None)}
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}")


def is_value(kind: type) -> bool:
    """Whether objects of a class are values. Those of a class of the user's, as an enum of strings, hold more."""
    return kind in _VALUES or (issubclass(kind, _VALUES) and is_told_by_name(kind))


def text_of(item: Any) -> str:
    """What a value is, the same in every process."""
    kind = type(item)
    if kind in (int, float) and is_of_this_run(item):
        return f"{kind.__name__} of the clock"
    if kind is bytes:
        return f"bytes {hashlib.sha256(item).hexdigest()}"
    return f"{name_of(kind)} {_ADDRESS.sub('', repr(item)) if kind not in PLAIN else repr(item)}"


def is_of_this_run(number: float) -> bool:
    """Whether a number is a time between the start of this process and now, in seconds or nanoseconds since 1970; or,
    if it has more digits than somebody would write, since the machine was started (`perf_counter`, `monotonic`)."""
    begin, now = _began() - 1, time.time() + 1
    if begin <= number <= now or begin * 1e9 <= number <= now * 1e9:
        return True
    for clock in (time.perf_counter(), time.monotonic()):
        first = clock - (now - begin)
        if first * 1e9 <= number <= (clock + 1) * 1e9 or (first <= number <= clock + 1 and number != round(number, 5)):
            return True
    return False


@functools.cache
def _began() -> float:
    """When this process started, in seconds since 1970."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")
