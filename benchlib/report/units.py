"""Numbers for people: sensible units, significant digits, no false ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "bytes": ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "bytes")),
}
_SCALES["FLOP"] = ((1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"), (1.0, "FLOP"))
_SCALES["FLOP/s"] = tuple((factor, f"{unit}/s") for factor, unit in _SCALES["FLOP"])
_SCALES["bytes/s"] = ((1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s"))
_NAMES = {"ratio": "×", "count": ""}


@dataclass(frozen=True)
class Scale:
    """One unit for a whole column or axis: `value / factor` is shown, followed by `unit`."""

    factor: float
    unit: str

    def of(self, value: Any) -> float:
        return float(value) / self.factor


def known(value: Any) -> bool:
    """Whether there is a value at all: neither None nor NaN nor missing."""
    return value is not None and not pd.isna(value)


def scale_for(values: Iterable[Any], unit: str) -> Scale:
    """The unit in which the middle one of `values` is at least one."""
    if unit not in _SCALES:
        return Scale(1.0, _NAMES.get(unit, unit))
    finite = sorted(abs(float(v)) for v in values if known(v) and math.isfinite(v) and v)
    middle = finite[len(finite) // 2] if finite else 1.0
    found = next((s for s in _SCALES[unit] if middle >= s[0]), _SCALES[unit][-1])
    return Scale(*found)


def number(value: Any, digits: int = 3) -> str:
    """`value` with `digits` significant digits: 0.0123, 1.23, 12,345, 1.2e−9; `–` when there is none."""
    if not known(value):
        return "–"
    value = float(value)
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent > 8:
        return _power(f"{value:.{min(digits, 2) - 1}e}")
    return f"{value:,.{max(0, digits - 1 - exponent)}f}".replace("-", "−")


def tick(value: float) -> str:
    """A number at an axis: as short as it can be."""
    return f"{value:,.6g}" if 1e-3 <= abs(value) < 1e6 else _power(f"{value:.0e}")


def with_interval(value: Any, low: Any, high: Any) -> tuple[str, str]:
    """A value and its interval, rounded to what its half width allows: ("12.34", "12.21–12.47")."""
    if not (known(value) and known(low) and known(high)) or not all(map(math.isfinite, (value, low, high))):
        return number(value), ""
    half = max(abs(high - low) / 2, abs(value) * 1e-4, 1e-12)
    exponent = math.floor(math.log10(half))
    digits = 2 if half < 3 * 10.0**exponent else 1  # a second digit where the first says little: 0.021, 0.05
    decimals = min(max(0, digits - 1 - exponent), 6)
    ends = f"{low:,.{decimals}f}–{high:,.{decimals}f}"
    return f"{value:,.{decimals}f}".replace("-", "−"), ends.replace("-", "−")


def ratio(value: Any, low: Any, high: Any) -> tuple[str, str]:
    """A ratio and its interval as `with_interval` rounds them; one without an interval decides nothing, and has two
    digits."""
    text, interval = with_interval(value, low, high)
    return (text, interval) if interval else (number(float(f"{value:.2g}") if known(value) else None, 2), "")


def duration(seconds: Any) -> str:
    """Seconds in the unit that suits them: `12.3 ms`, `4.56 s`."""
    return with_unit(seconds, "s")


def with_unit(value: Any, unit: str) -> str:
    """A value in the multiple of `unit` that suits it: `157 GFLOP/s`."""
    scale = scale_for([value], unit)
    return f"{number(scale.of(value))} {scale.unit}" if known(value) else "–"


def whole(value: Any) -> str:
    """A whole number with separators, or rounded to three digits when it is long."""
    if not known(value) or not math.isfinite(value):
        return number(value)
    return f"{round(value):,}" if abs(value) < 1e4 else f"{float(f'{value:.3g}'):,.0f}"


def _power(text: str) -> str:
    """`2.4e-07` as `2.4e−7`."""
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")
