"""A figure, the threshold that it has to keep, and whether it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One printed line. `met` is None for a figure that has no threshold."""

    what: str
    value: str
    threshold: str = ""
    met: bool | None = None
    remark: str = ""

    def line(self) -> str:
        mark = {True: "ok", False: "MISSED", None: ""}[self.met]
        remark = f"  ({self.remark})" if self.remark else ""
        return f"  {mark:<6}  {self.value:>9}  {self.threshold:<12}  {self.what}{remark}"


def near_one(what: str, ratio: float, tolerance: float, remark: str = "") -> Figure:
    """A ratio that has to be within `tolerance` of one, on either side."""
    return Figure(what, f"{ratio:.4f}", f"within {tolerance * 100:g} %", abs(ratio - 1) <= tolerance, remark)


def at_most(what: str, value: float, limit: float, shown_limit: str, unit: str = "", remark: str = "") -> Figure:
    """A value that has to stay at or below `limit`, which is printed as `shown_limit`."""
    return Figure(what, f"{value:.3f}{unit}", f"≤ {shown_limit}", value <= limit, remark)


def at_least(what: str, value: float, limit: float, shown_limit: str, unit: str = "", remark: str = "") -> Figure:
    """A value that has to reach `limit`, which is printed as `shown_limit`."""
    return Figure(what, f"{value:.3f}{unit}", f"≥ {shown_limit}", value >= limit, remark)


def between(what: str, value: float, low: float, high: float, unit: str = "", remark: str = "") -> Figure:
    """A value that has to lie within `low` … `high`."""
    return Figure(what, f"{value:.4f}{unit}", f"{low:g}…{high:g}{unit}", low <= value <= high, remark)
