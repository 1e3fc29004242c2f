"""The most that this host was ever seen to do: floating-point operations and bytes moved, per second.

A peak is a maximum: whatever disturbs a measurement can only lower it, so the best value that was ever observed
is kept. It is measured when a trial first needs it, and once more when a trial claims to have done more than it:
either the host was disturbed then, or the claim is impossible.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from benchlib import machine
from benchlib.host import device_of, file

SECONDS = 1.0  # for the products of each library, and for the copies
_ARRAY = (4, 64 << 20, 1 / 16)  # bytes of an array that is copied: × last-level cache, at least, × memory at most


def peaks(
    ask: Callable[..., dict[str, Any]],
    dtype: str,
    device: str,
    threads: int,
    exceeded: Callable[[dict[str, Any]], bool] = lambda known: False,
) -> dict[str, Any]:
    """The peaks of this host for a dtype (its name), a device and a number of threads, measured if need be.

    `ask(**request)` asks a worker's verb `peaks` (see `benchlib.worker.peaks`); `exceeded` says whether a trial
    claims more than the peaks that are known. Returns {"flop_rate": FLOP/s, "memory_bandwidth": bytes/s,
    "cache_size": bytes or None, "date", "how": the library that was the fastest}.
    """
    name = f"{dtype} {device_of(device)} {threads} threads"
    known = file.read()["peaks"].get(name)
    if known and not exceeded(known):
        return known
    cache = machine.last_level_cache()
    found = ask(dtype=dtype, device=device, threads=threads, seconds=SECONDS, array_size=_array_size(cache))
    found = {"cache_size": cache, **found, "date": f"{datetime.date.today()}"}
    if known:
        fastest = max(found, known, key=lambda peaks: peaks["flop_rate"])
        found |= {key: fastest[key] for key in ("flop_rate", "how")}
        found["memory_bandwidth"] = max(found["memory_bandwidth"], known["memory_bandwidth"])
    file.update(lambda kept: kept["peaks"].update({name: found}))
    return found


def _array_size(cache: int | None) -> int:
    times, least, share = _ARRAY
    return min(max(times * (cache or 0), least), int(share * machine.ram_size()))
