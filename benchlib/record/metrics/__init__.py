"""Every metric, declared once: its unit, formula, method and which direction is better.

The record, the tables, the report's hover texts and the README's glossary all read this declaration; a group
is a module of this package, whose `ROWS` are (name, unit, formula[, method[, better]]). Times are in seconds,
`*_size` of files and memory in bytes, `params_size` is a count. Names follow torch_bench's where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchlib.record.metrics import (
    device,
    energy,
    identity,
    machine,
    machine_share,
    measuring,
    memory,
    numerics,
    onnx,
    placement,
    ratio,
    time,
)


@dataclass(frozen=True)
class Metric:
    name: str
    group: str  # the module that declares it
    unit: str  # "s", "bytes", "items/s", "ratio", "count", "" (a text or a flag)
    formula: str
    method: str = ""
    better: str = ""  # "lower", "higher" or "": neither


_GROUPS = (
    identity, machine, time, device, placement, ratio, machine_share, numerics, onnx, measuring, memory, energy,
)  # fmt: skip

METRICS: dict[str, Metric] = {
    row[0]: Metric(row[0], group.__name__.rpartition(".")[2], *row[1:]) for group in _GROUPS for row in group.ROWS
}
