"""Every sample of a trial: unsigned nanoseconds, in the order in which they were taken.

A *block* is an uninterrupted run of calls of one contender in one process; blocks of the contenders of a replicate (a
process for each) are interleaved. The samples at the start of a block that follow a stop of the process (cold caches)
are kept here, and left out of the statistics: they are *discarded*. Calls that are too short to be timed alone are
timed in loops: a sample is then several calls and their loop, which has an overhead of its own.

As JSON, whose columns are called as they were in the first version:
         {"version": 2, "clock", "contenders": [labels], "order_seed",
          "epochs": {column: [one value per block]}, "noise": {counter: [one value per block]},
          "canaries": [{"pair", "contender", "when", "compute", "copy"}],
          "host": [what `host_load.HostLoad` says of a replicate; where somebody looked],
          "ns": base64 of zlib of little-endian uint64}
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchlib.measure.host_load import HostLoad
from benchlib.worker.messages import TimedBlock

WARMUP, STEADY = "warmup", "steady"
READING = 1e-5  # seconds that reading the clocks of a block may take
# A block's fields -> the columns of the JSON.
_COLUMNS = {
    "contender": "contender", "replicate": "pair", "round": "round", "phase": "phase", "start": "start", "end": "end",
    "cpu": "cpu", "discarded": "skip", "loops": "inner", "loop_overhead": "empty", "repeats": "repeats",
}  # fmt: skip
_FIELDS = {column: name for name, column in _COLUMNS.items()}


@dataclass
class Block:
    """One block. Times in nanoseconds of the machine's monotonic clock, which all processes share."""

    contender: int
    replicate: int  # one process per contender
    round: int  # -1 in the warm-up
    phase: str
    start: int
    end: int
    cpu: int  # CPU time of the whole process between start and end
    discarded: int  # samples at its start
    ns: np.ndarray  # (samples,) uint64
    loops: int = 1  # calls in a sample
    loop_overhead: int = 0  # nanoseconds of a sample that are its loop's
    repeats: int = -1  # the disturbed round that this one repeats
    noise: dict[str, int | float] = field(default_factory=dict)  # what the worker's counters counted

    @property
    def seconds(self) -> np.ndarray:
        """(samples - discarded,) seconds of a call: those that statistics use."""
        return self.all_seconds[self.discarded :]

    @property
    def all_seconds(self) -> np.ndarray:
        """(samples,) seconds of a call."""
        return np.maximum(self.ns.astype(np.float64) - self.loop_overhead, 0) / self.loops / 1e9

    @property
    def between(self) -> float:
        """Seconds that went by between its samples, but for what it takes to read its clocks and to keep the outputs of
        one of its calls."""
        keeping = self.noise.get("keeping", 0)
        return max(0.0, (self.end - self.start - float(self.ns.sum()) - keeping) / 1e9 - READING)


@dataclass
class ReferenceReading:
    """The reference load in one process, before (`start`) or after (`end`) its rounds."""

    replicate: int
    contender: int
    when: str
    compute: list[int]  # nanoseconds of each reading
    copy: list[int]


@dataclass
class Samples:
    """What the contenders of a trial took, in time order within each replicate."""

    contenders: list[str]
    order_seed: int = 0
    blocks: list[Block] = field(default_factory=list)
    reference_load: list[ReferenceReading] = field(default_factory=list)
    host: list[HostLoad] = field(default_factory=list)  # what others took of it, by replicate

    def counted(self, contender: int, replicate: int | None = None, phase: str = STEADY) -> np.ndarray:
        """The samples of a contender that statistics use, in seconds per call, in time order; of all replicates where
        none is given."""
        parts = [
            b.seconds
            for b in self.blocks
            if b.contender == contender and b.phase == phase and replicate in (None, b.replicate)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def wall(self, contender: int, replicate: int, phase: str) -> float:
        """Seconds from begin to end of a contender's blocks in one process, what lay between them left out."""
        own = [b for b in self.blocks if (b.contender, b.replicate, b.phase) == (contender, replicate, phase)]
        return sum(b.end - b.start for b in own) / 1e9

    def loops_of(self, contender: int) -> int:
        """Calls in a steady sample of a contender: more than one where they are too short to be timed alone."""
        return max((b.loops for b in self.blocks if b.phase == STEADY and b.contender == contender), default=1)

    @property
    def replicates(self) -> list[int]:
        """The numbers of those that were measured, in order."""
        return sorted({b.replicate for b in self.blocks})

    def rounds(self, replicate: int) -> np.ndarray:
        """(rounds, contenders): the median latency of each contender in each complete round, in seconds."""
        medians: dict[int, dict[int, float]] = {}
        for b in self.blocks:
            if b.replicate == replicate and b.phase == STEADY:
                medians.setdefault(b.round, {})[b.contender] = float(np.median(b.seconds))
        width = len(self.contenders)
        rows = [[m[c] for c in range(width)] for _, m in sorted(medians.items()) if len(m) == width]
        return np.array(rows).reshape(-1, width)

    def frame(self) -> Any:
        """A pandas table, one row per sample: contender, pair (the replicate), round, phase (warmup, resume, steady),
        seconds."""
        import pandas as pd

        parts = []
        for b in self.blocks:
            phase = np.full(len(b.ns), b.phase, dtype=object)
            phase[: b.discarded] = "resume"
            label = self.contenders[b.contender]
            columns = {"contender": label, "pair": b.replicate, "round": b.round, "phase": phase}
            parts.append(pd.DataFrame({**columns, "seconds": b.all_seconds}))
        names = ["contender", "pair", "round", "phase", "seconds"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)

    def encode(self) -> dict[str, Any]:
        """The samples as JSON."""
        ns = np.concatenate([b.ns for b in self.blocks]) if self.blocks else np.empty(0)
        counters = sorted({name for b in self.blocks for name in b.noise})
        return {
            "version": 2,
            "clock": "perf_counter_ns",
            "contenders": self.contenders,
            "order_seed": self.order_seed,
            "epochs": {
                **{column: [getattr(b, name) for b in self.blocks] for name, column in _COLUMNS.items()},
                "calls": [len(b.ns) for b in self.blocks],
            },
            "noise": {name: [b.noise.get(name) for b in self.blocks] for name in counters},
            "canaries": [
                {"pair": r.replicate, "contender": r.contender, "when": r.when, "compute": r.compute, "copy": r.copy}
                for r in self.reference_load
            ],
            "host": [asdict(load) for load in self.host],
            "ns": base64.b64encode(zlib.compress(ns.astype("<u8").tobytes(), 6)).decode(),
        }

    @classmethod
    def decode(cls, data: dict[str, Any]) -> Samples:
        """Samples from what `encode` gave."""
        ns = np.frombuffer(zlib.decompress(base64.b64decode(data["ns"])), "<u8")
        columns = dict(data["epochs"])
        parts = np.split(ns, np.cumsum(columns.pop("calls"))[:-1])
        names = [_FIELDS[column] for column in columns]
        rows = zip(*columns.values(), strict=True)
        blocks = [Block(**dict(zip(names, row, strict=True)), ns=part) for row, part in zip(rows, parts, strict=False)]
        for name, counts in data.get("noise", {}).items():
            for block, count in zip(blocks, counts, strict=True):
                if count is not None:
                    block.noise[name] = count
        readings = [
            ReferenceReading(r["pair"], r["contender"], r["when"], r["compute"], r["copy"])
            for r in data.get("canaries", ())
        ]
        host = [HostLoad(**load) for load in data.get("host", ())]
        return cls(data["contenders"], data["order_seed"], blocks, readings, host)


def block_of(
    timed: TimedBlock, contender: int, replicate: int, round_: int = -1, discarded: int = 0, repeats: int = -1
) -> Block:
    """A worker's block as the samples keep it; without a round it belongs to the warm-up.

    Raises:
        ValueError: for a clock that went back.
    """
    if min(timed.ns, default=0) < 0 or timed.end < timed.start:
        raise ValueError("the clock went back during a sample")
    return Block(
        contender=contender,
        replicate=replicate,
        round=round_,
        phase=WARMUP if round_ < 0 else STEADY,
        start=timed.start,
        end=timed.end,
        cpu=timed.cpu,
        discarded=discarded,
        ns=np.array(timed.ns, np.uint64),
        loops=timed.loops,
        loop_overhead=timed.loop_overhead,
        repeats=repeats,
        noise=timed.noise,
    )
