"""Every sample of a trial: unsigned nanoseconds, in the order in which they were taken.

An *epoch* is an uninterrupted run of calls of one contender in one process; epochs of the contenders of a
pair of processes take turns. `skip` counts the calls at the start of an epoch that follow a stop of the
process (cold caches): they are kept here, and left out of the statistics. Calls that are too short to be timed
alone are timed in blocks: a sample is then `inner` calls and their loop, of which `empty` is the loop's share.

As JSON: {"version": 2, "clock", "contenders": [labels], "order_seed",
          "epochs": {column: [one value per epoch]}, "noise": {counter: [one value per epoch]},
          "canaries": [{"pair", "contender", "when", "compute", "copy"}],
          "ns": base64 of zlib of little-endian uint64}
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WARMUP, STEADY = "warmup", "steady"
_COLUMNS = ("contender", "pair", "round", "phase", "start", "end", "cpu", "skip", "inner", "empty", "repeats")


@dataclass
class Epoch:
    """One epoch. Times in nanoseconds of the machine's monotonic clock, which all processes share."""

    contender: int
    pair: int  # the replicate: one process per contender
    round: int  # -1 in the warm-up
    phase: str
    start: int
    end: int
    cpu: int  # CPU time of the whole process between start and end
    skip: int
    ns: np.ndarray  # (samples,) uint64
    inner: int = 1  # calls in a sample
    empty: int = 0  # nanoseconds of a sample that are its loop's
    repeats: int = -1  # the disturbed round that this one repeats
    noise: dict[str, int] = field(default_factory=dict)  # what the worker's counters counted

    @property
    def seconds(self) -> np.ndarray:
        """(samples - skip,) seconds of a call: those that statistics use."""
        return np.maximum(self.ns[self.skip :].astype(np.float64) - self.empty, 0) / self.inner / 1e9


@dataclass
class Samples:
    contenders: list[str]
    order_seed: int = 0
    epochs: list[Epoch] = field(default_factory=list)
    canaries: list[dict[str, Any]] = field(default_factory=list)  # see benchlib.worker.canary

    def counted(self, contender: int, pair: int | None = None, phase: str = STEADY) -> np.ndarray:
        """The samples of a contender that statistics use, in seconds per call, in time order."""
        parts = [
            e.seconds for e in self.epochs if e.contender == contender and e.phase == phase and pair in (None, e.pair)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def wall(self, contender: int, pair: int, phase: str) -> float:
        """Seconds from begin to end of a contender's epochs in one process, what lay between them left out."""
        own = [e for e in self.epochs if (e.contender, e.pair, e.phase) == (contender, pair, phase)]
        return sum(e.end - e.start for e in own) / 1e9

    @property
    def inner(self) -> int:
        """Calls in a steady sample: more than one when they are too short to be timed alone."""
        return max((e.inner for e in self.epochs if e.phase == STEADY), default=1)

    @property
    def pairs(self) -> list[int]:
        return sorted({e.pair for e in self.epochs})

    def rounds(self, pair: int) -> np.ndarray:
        """(rounds, contenders): the median latency of each contender in each complete round, in seconds."""
        medians: dict[int, dict[int, float]] = {}
        for e in self.epochs:
            if e.pair == pair and e.phase == STEADY:
                medians.setdefault(e.round, {})[e.contender] = float(np.median(e.seconds))
        width = len(self.contenders)
        rows = [[m[c] for c in range(width)] for _, m in sorted(medians.items()) if len(m) == width]
        return np.array(rows).reshape(-1, width)

    def frame(self):
        """A pandas table, one row per sample: contender, pair, round, phase (warmup, resume, steady), seconds."""
        import pandas as pd

        parts = []
        for e in self.epochs:
            phase = np.full(len(e.ns), e.phase, dtype=object)
            phase[: e.skip] = "resume"
            parts.append(
                pd.DataFrame(
                    {
                        "contender": self.contenders[e.contender],
                        "pair": e.pair,
                        "round": e.round,
                        "phase": phase,
                        "seconds": np.maximum(e.ns.astype(np.float64) - e.empty, 0) / e.inner / 1e9,
                    }
                )
            )
        columns = ["contender", "pair", "round", "phase", "seconds"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def encode(self) -> dict[str, Any]:
        ns = np.concatenate([e.ns for e in self.epochs]) if self.epochs else np.empty(0)
        epochs = {c: [getattr(e, c) for e in self.epochs] for c in _COLUMNS}
        counters = sorted({name for e in self.epochs for name in e.noise})
        return {
            "version": 2,
            "clock": "perf_counter_ns",
            "contenders": self.contenders,
            "order_seed": self.order_seed,
            "epochs": {**epochs, "calls": [len(e.ns) for e in self.epochs]},
            "noise": {name: [e.noise.get(name) for e in self.epochs] for name in counters},
            "canaries": self.canaries,
            "ns": base64.b64encode(zlib.compress(ns.astype("<u8").tobytes(), 6)).decode(),
        }

    @classmethod
    def decode(cls, data: dict[str, Any]) -> Samples:
        ns = np.frombuffer(zlib.decompress(base64.b64decode(data["ns"])), "<u8")
        columns = dict(data["epochs"])
        parts = np.split(ns, np.cumsum(columns.pop("calls"))[:-1])
        rows = zip(*columns.values(), strict=True)
        epochs = [
            Epoch(**dict(zip(columns, row, strict=True)), ns=part) for row, part in zip(rows, parts, strict=False)
        ]
        for name, counts in data.get("noise", {}).items():
            for epoch, count in zip(epochs, counts, strict=True):
                if count is not None:
                    epoch.noise[name] = count
        return cls(data["contenders"], data["order_seed"], epochs, data.get("canaries", []))
