"""The most that this host was ever seen to do: floating-point operations and bytes moved, per second.

A peak is a maximum: whatever disturbs a measurement can only lower it, so the best value that was ever observed
is kept. It is measured when a trial first needs it, and once more when a trial claims to have done more than it:
either the host was disturbed then, or the claim is impossible.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchlib import machine
from benchlib.host import device_of, file
from benchlib.typed_json import from_json, to_json
from benchlib.worker.messages import MeasurePeaks, Peaks

SECONDS = 1.0  # for the products of each library, and for the copies
_ARRAY = (4, 64 << 20, 1 / 16)  # bytes of an array that is copied: × last-level cache, at least, × memory at most


@dataclass(frozen=True)
class HostPeaks:
    """The peaks of a host for a dtype, a device and a number of threads, as its file keeps them."""

    flop_rate: float  # FLOP/s
    memory_bandwidth: float  # bytes/s
    how: str  # the library that was the fastest
    date: str
    cache_size: int | None = None  # bytes


def peaks(
    ask: Callable[[MeasurePeaks], Peaks],
    dtype: str,
    device: str,
    threads: int,
    exceeded: Callable[[HostPeaks], bool] = lambda known: False,
) -> HostPeaks:
    """The peaks of this host, measured if need be.

    Args:
        ask: has a worker measure.
        dtype: name of the type that is computed in.
        device: cpu or cuda.
        threads: of the host.
        exceeded: whether a trial claims more than the peaks that are known.
    """
    name = f"{dtype} {device_of(device)} {threads} threads"
    known = _kept(file.read()["peaks"], name)
    if known and not exceeded(known):
        return known
    cache = machine.last_level_cache()
    seen = ask(MeasurePeaks(dtype, device, threads, SECONDS, _array_size(cache)))
    now = HostPeaks(
        flop_rate=seen.flop_rate,
        memory_bandwidth=seen.memory_bandwidth,
        how=seen.how,
        date=f"{datetime.date.today()}",
        cache_size=cache if seen.cache_size is None else seen.cache_size,
    )
    best = _best(now, known) if known else now
    file.update(lambda kept: kept["peaks"].update({name: to_json(best)}))
    return best


def _kept(stored: Mapping[str, Any], name: str) -> HostPeaks | None:
    try:
        return from_json(HostPeaks, stored[name]) if name in stored else None
    except TypeError:  # of another version
        return None


def _best(now: HostPeaks, known: HostPeaks) -> HostPeaks:
    """The higher of both rates, and today's date."""
    fastest = max(now, known, key=lambda peaks: peaks.flop_rate)
    bandwidth = max(now.memory_bandwidth, known.memory_bandwidth)
    return replace(now, flop_rate=fastest.flop_rate, how=fastest.how, memory_bandwidth=bandwidth)


def _array_size(cache: int | None) -> int:
    times, least, share = _ARRAY
    return min(max(times * (cache or 0), least), int(share * machine.ram_size()))
