"""Every metric, declared once: its unit, formula, method and which direction is better.

The record, the tables and the report's hover texts all read this declaration; a group is a module of this package,
whose `ROWS` are (name, unit, formula[, method[, better]]). Times are in seconds, `*_size` of files, weights and memory
in bytes; `params_size`, `input_size` and `output_size` are counts. Names follow torch_bench's where it has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchlib.errors import suggestion
from benchlib.label_line import COLUMN as LABEL_COLUMN
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
    """One declaration."""

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


class UndeclaredMetric(KeyError):
    """A name under which no metric is declared, with the nearest that is."""

    def __str__(self) -> str:
        return f"no metric is declared as '{self.args[0]}'{suggestion(self.args[0], METRICS)}"


class Metrics(dict[str, Any]):
    """The metrics of something, by name. A misspelt name is an error, not a column.

    Raises:
        UndeclaredMetric: when a name is set that is neither declared nor a label (`label_…`).
    """

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: Any):
        super().__init__()
        self.update(values, **more)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Metrics:
        """Stored metrics, as they are: another version may have declared others."""
        metrics = cls()
        dict.update(metrics, data)
        return metrics

    def __setitem__(self, name: str, value: Any) -> None:
        if not is_declared(name):
            raise UndeclaredMetric(name)
        super().__setitem__(name, value)

    def update(  # type: ignore[override]  # every key is a text
        self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: Any
    ) -> None:
        """As a dict's. Raises UndeclaredMetric for a name that is not declared."""
        for name, value in dict(values, **more).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """As a dict's. Raises UndeclaredMetric for a name that is not declared."""
        if name not in self:
            self[name] = default
        return self[name]

    def __or__(self, other: Mapping[str, Any]) -> Metrics:  # type: ignore[override]  # every key is a text
        return Metrics({**self, **other})

    def __ior__(self, other: Mapping[str, Any]) -> Metrics:  # type: ignore[override,misc]
        self.update(other)
        return self


def is_declared(name: str) -> bool:
    """Whether a metric, or a label, is called so."""
    return name in METRICS or name.startswith(LABEL_COLUMN)
