"""Figures in the words of a trial's notebook: durations, intervals, what a pass did, what was allowed."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchlib.record.metadata import PassStep
from benchlib.record.metrics import Metrics


def seconds(value: float) -> str:
    """`1.84 ms`, `12 µs`, `3.1 s`: three digits in a unit that fits."""
    rounded = float(f"{value:.3g}")
    for limit, scale, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1, 1e3, "ms")):
        if rounded < limit:
            return f"{rounded * scale:.3g} {unit}"
    return f"{rounded:.3g} s" if rounded < 1000 else f"{value:,.0f} s"


def interval(metrics: Metrics, name: str, show: Callable[[float], str]) -> str:
    """`1.84 ms [1.79 ms, 1.90 ms]`, or the value alone where there is no interval."""
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    text = show(metrics[name])
    return text if low is None or high is None else f"{text} [{show(low)}, {show(high)}]"


def ratio(metrics: Metrics, name: str) -> str:
    """`1.98 [1.95, 2.01]`, rounded to what its interval allows; without one, `about 2` with two digits."""
    value, low, high = (metrics.get(n) for n in (name, f"{name}_low", f"{name}_high"))
    if low is None or high is None:
        return f"about {two_digits(value)}"
    decimals = min(max(0, 1 - math.floor(math.log10(max((high - low) / 2, 1e-4)))), 4)
    return f"{value:,.{decimals}f} [{low:,.{decimals}f}, {high:,.{decimals}f}]"


def two_digits(value: float) -> str:
    """`2`, `1.8`, `0.034`, `536,000` as `540,000`: a figure that decides nothing."""
    return f"{float(f'{value:.2g}'):,.12g}"


def beside(metrics: Metrics) -> list[tuple[str, str]]:
    """Rows on memory and energy, of a trial that was asked for them."""
    found = []
    for label, name, missing, show in (
        ("peak memory", "memory_vmhwm_peak", "memory_not_measured", lambda v: f"{v / 1e6:,.1f} MB"),
        ("energy per item", "energy_per_item", "energy_not_measured", lambda v: f"{v:.3g} J"),
    ):
        own, reference = metrics.get(name), metrics.get(f"{name}_reference")
        if own is not None:
            found.append((label, show(own) + (f", reference {show(reference)}" if reference is not None else "")))
        if metrics.get(missing):
            found.append((label, f"not measured: {metrics[missing]}"))
    return found


def of_pass(step: PassStep) -> str:
    """`0.4 s, 1,203 → 820 nodes, 44.1 → 11.5 MB`."""
    nodes = f"{step.nodes_before:,} → {step.nodes_after:,} nodes"
    sizes = f"{step.size_before / 1e6:,.1f} → {step.size_after / 1e6:,.1f} MB"
    return f"{seconds(step.seconds)}, {nodes}, {sizes}"


def allowed(metrics: Metrics) -> str:
    """What an output may be off."""
    if metrics["tolerance_reason"]:
        return f"{metrics['tolerance_abs']:g} × max(1, std) + {metrics['tolerance_rel']:g} × |expected|, each element"
    if correlation := metrics["tolerance_cosine"]:
        return f"a correlation of {correlation:g} at least, in each item"
    return f"{metrics['tolerance_spread']:g} of what each slice varies by, or like eager's own error"


def because(words: str, reason: str) -> str:
    """`words` before a reason, nothing without one."""
    return f"{words}{reason}" if reason else ""
