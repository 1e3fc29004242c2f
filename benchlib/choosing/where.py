"""Bounds that a way has to keep to be chosen: `time_latency_p99 < 0.02 and time_session < 1`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from benchlib.errors import UnknownName, UserError
from benchlib.record.metrics import METRICS, Metrics

_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_BOUND = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+.\w]+)\s*")


@dataclass(frozen=True)
class Bound:
    """A metric, and on which side of a number it has to lie."""

    metric: str
    sign: str
    number: float

    def broken_by(self, metrics: Metrics) -> str:
        """Why a trial does not keep it, in words; "" where it does. What is not known is not kept."""
        value = metrics.get(self.metric)
        if not isinstance(value, int | float):
            return f"{self.metric} is not known{_why_unknown(self.metric, metrics)}"
        if _SIGNS[self.sign](value, self.number):
            return ""
        return f"{self.metric} is {value:.3g}, not {self.sign} {self.number:g}"


def _why_unknown(metric: str, metrics: Metrics) -> str:
    """Why a percentile is not there; "" of another metric."""
    if not re.fullmatch(r"time_latency_p\d+", metric):
        return ""
    if (metrics.get("calls_per_sample") or 1) > 1:
        return ": calls as short as these are timed in loops, which have no percentiles"
    return f": {metrics.get('samples_independent') or 0:.0f} independent samples are too few for it"


def bounds_of(text: str) -> list[Bound]:
    """The bounds that a text sets, joined by `and`. Raises UserError."""
    found = []
    for part in filter(str.strip, re.split(r"\band\b", text)):
        match = _BOUND.fullmatch(part)
        if not match:
            raise UserError(f"where: '{part.strip()}' is no bound; one is written as time_latency_p99 < 0.02")
        name, sign, number = match.groups()
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS)
        try:
            found.append(Bound(name, sign, float(number)))
        except ValueError:
            raise UserError(f"where: '{number}' is no number") from None
    return found
