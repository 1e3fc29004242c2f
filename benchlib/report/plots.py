"""The figures: one function each, from the results table to a matplotlib Figure.

All figures share one form: a panel for each model, a row for each trial in it, what is drawn in the middle
and the same figure in words on the right. A trial without a figure keeps its row, with its status in words,
so nothing that failed is averaged away or left out. Call them inside `theme.style()` (`theme.picture` does).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from benchlib.registries import exporters
from benchlib.report import discoveries, units
from benchlib.report.columns import incomparable
from benchlib.report.panels import Look, Panel, ending, legend, log_axis, panels_of, rows_axis, span
from benchlib.report.rows import Row
from benchlib.report.theme import LIGHT, Theme
from benchlib.report.units import known

Colours = dict[str, str]  # exporter -> colour
DECIDED = ("faster", "slower", "same")  # verdicts whose mark is filled


def speedup(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """How many times faster than its reference each way is, with its 95 % interval; 1 is no difference."""
    figure, panels = panels_of(results, theme)
    ends = [results[n].dropna() for n in ("speedup", "speedup_low", "speedup_high")]
    low, high = span(pd.concat(ends), 1.0)
    for panel in panels:
        ax = panel.axes[0]
        log_axis(ax, low, high, lambda x: f"{units.tick(x)}×")
        ax.axvline(1, color=theme.ink, linewidth=1.1, zorder=1)
        _noise(panel, theme)
        for y, row in enumerate(panel.rows):
            _draw_speedup(panel, y, row, theme)
    panels[-1].axes[0].set_xlabel("speedup over the reference (right of the line: faster)")
    legend(figure, theme, [Look(word, c, filled=word in DECIDED) for word, c in theme.verdicts.items()])
    return figure


def latency(results: pd.DataFrame, samples: Mapping[str, np.ndarray], theme: Theme = LIGHT) -> Figure:
    """Every steady sample of each trial: density, median, middle half, middle 90 %, and a tick for each sample outside.

    `samples` maps a trial's key to its samples in seconds.
    """
    figure, panels = panels_of(results, theme, shared=False)
    colours = _colours(results, theme)
    for panel in panels:
        taken = {y: samples[row["key"]] for y, row in enumerate(panel.rows) if len(samples.get(row["key"], ()))}
        scale = units.scale_for(np.concatenate([*taken.values(), []]), "s")
        _draw_densities(panel, [(y, values / scale.factor) for y, values in taken.items()], colours, theme)
        panel.axes[0].set_xlabel(f"latency of a call [{scale.unit}]")
        for y, row in enumerate(panel.rows):
            if y in taken:
                median = units.number(np.median(taken[y]) / scale.factor)
                panel.note(y, f"{median} {scale.unit}  (n = {len(taken[y]):,})", theme.ink)
            else:
                panel.note(y, *ending(row, theme, "no samples"))
    legend(figure, theme, [Look(exporter, colour, "s") for exporter, colour in colours.items()])
    return figure


def costs(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """What an export costs, and after how many calls it has paid for itself."""
    results = discoveries.decided_break_even(results)
    figure, panels = panels_of(results, theme, columns=2)
    colours = _colours(results, theme)
    calls = [c for c in results["break_even"].dropna() if 0 < c < math.inf]
    low, high = span(pd.Series(calls, dtype=float), 1.0, 1000.0)
    scale = units.scale_for(results["time_export"], "s")
    longest = max([scale.of(t) for t in results["time_export"].dropna()], default=0) or 1.0
    for panel in panels:
        bars, dots = panel.axes
        frame = pd.DataFrame(
            {"y": [str(y) for y in range(len(panel.rows))], "exporter": [r["exporter"] for r in panel.rows],
             "time": [scale.of(r["time_export"]) if known(r["time_export"]) else np.nan for r in panel.rows]}
        )  # fmt: skip
        sns.barplot(
            frame, x="time", y="y", hue="exporter", palette=colours, order=frame["y"], ax=bars, width=0.55,
            dodge=False, legend=False, saturation=1, errorbar=None, orient="h",
        )  # fmt: skip
        bars.set(xlim=(0, longest * 1.22), xlabel="", ylabel="")
        log_axis(dots, low, high, units.tick)
        for y, row in enumerate(panel.rows):
            if known(row["time_export"]):
                place = (scale.of(row["time_export"]), y)
                bars.annotate(units.duration(row["time_export"]), place, (4, 0), textcoords="offset points",
                              va="center", fontsize=9, color=theme.quiet)  # fmt: skip
            _draw_break_even(panel, y, row, theme)
        rows_axis(panel, theme)
    panels[-1].axes[0].set_xlabel(f"time to export [{scale.unit}]")
    panels[-1].axes[1].set_xlabel("calls until it has paid for itself")
    return figure


def accuracy(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """What the worst element of each trial uses of its tolerance; beyond the line it is off."""
    figure, panels = panels_of(results, theme)
    values = pd.concat([results["tolerance_share"], pd.Series([1.0])]).dropna().astype(float)
    positive = values[(values > 0) & np.isfinite(values)]
    low, high = span(positive, *([] if len(positive) else [1e-6, 1e-3]))
    for panel in panels:
        ax = panel.axes[0]
        log_axis(ax, low, high, units.tick)
        ax.axvline(1, color=theme.quiet, linewidth=1.2)
        for y, row in enumerate(panel.rows):
            _draw_error(panel, y, row, theme)
    panels[-1].axes[0].set_xlabel("largest error ÷ its tolerance (left of the line: within)")
    legend(figure, theme, [Look("right", theme.verdicts["faster"]), Look("inaccurate", theme.alarm)])
    return figure


def _draw_speedup(panel: Panel, y: int, row: Row, theme: Theme) -> None:
    """A dot with its interval; hollow where nothing is decided."""
    if not known(row["speedup"]):
        return panel.note(y, *ending(row, theme, "not comparable" if incomparable(row) else "no reference"))
    ax = panel.axes[0]
    verdict = "control" if row["control"] else str(row["verdict"])
    colour = theme.verdicts.get(verdict, theme.verdicts["inconclusive"])
    if known(row["speedup_low"]):
        ends = [row["speedup_low"], row["speedup_high"]]
        ax.plot(ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="round")
    face = colour if verdict in DECIDED else theme.paper
    ax.plot(row["speedup"], y, "o", markersize=6.5, markeredgewidth=1.6, color=colour, markerfacecolor=face)
    value, interval = units.ratio(row["speedup"], row["speedup_low"], row["speedup_high"])
    mark = "  unverified" if row["status"] == "unverified" else ""
    return panel.note(y, f"{value}×  {f'({interval})' if interval else ''}{mark}", theme.ink)


def _draw_error(panel: Panel, y: int, row: Row, theme: Theme) -> None:
    share, error = row["tolerance_share"], row["discrepancies_abs"]
    if not known(share):
        return panel.note(y, *ending(row, theme, "not compared"))
    ok, wrong, unverified = (row["status"] == status for status in ("ok", "inaccurate", "unverified"))
    if 0 < share < math.inf:
        colour = theme.verdicts["faster"] if ok else theme.quiet if unverified else theme.alarm
        panel.axes[0].plot(share, y, "o", markersize=6.5, color=colour)
    text = "equal to the bit" if error == 0 else f"error {units.number(error)}"
    word = (
        "  inaccurate" if wrong else "  unverified" if unverified else "  no more than eager's own" if share > 1 else ""
    )
    return panel.note(y, f"{text}{word}", theme.ink if ok else theme.quiet if unverified else theme.alarm)


def _noise(panel: Panel, theme: Theme) -> None:
    """The band that the model's A/A controls cover: differences in it may be noise."""
    controls = [r for r in panel.rows if r["control"] and known(r["speedup_low"])]
    if controls:
        band = min(r["speedup_low"] for r in controls), max(r["speedup_high"] for r in controls)
        panel.axes[0].axvspan(*band, color=theme.quiet, alpha=0.16, linewidth=0, zorder=0)


def _draw_densities(panel: Panel, samples: Sequence[tuple[int, np.ndarray]], colours: Colours, theme: Theme) -> None:
    """`samples` of rows of the panel, by their place in it; a dot for each where they are too few for a density."""
    ax = panel.axes[0]
    rows = [str(y) for y in range(len(panel.rows))]
    all_values = pd.Series(np.concatenate([*(values for _, values in samples), []]))
    many = [(y, values) for y, values in samples if len(values) >= DENSE]
    frame = pd.DataFrame(
        {
            "value": np.concatenate([*(values for _, values in many), []]),
            "y": np.repeat([str(y) for y, _ in many], [len(values) for _, values in many]),
        }
    )
    if samples:
        log_axis(ax, *span(all_values), units.tick)
    else:
        ax.set_xticks([])
    if many:
        frame["exporter"] = frame["y"].map(lambda y: panel.rows[int(y)]["exporter"])
        sns.violinplot(
            frame, x="value", y="y", order=rows, hue="exporter", palette=colours, dodge=False, inner=None,
            cut=0, density_norm="width", width=0.86, linewidth=0, alpha=0.75, saturation=1, legend=False,
            orient="h", ax=ax,
        )  # fmt: skip
    for y, values in samples:
        if len(values) < DENSE:
            ax.plot(values, np.full(len(values), y), "o", markersize=4.5, alpha=0.6, markeredgewidth=0,
                    color=colours[panel.rows[y]["exporter"]])  # fmt: skip
            ax.plot(np.median(values), y, "o", markersize=4.5, color=theme.paper, markeredgecolor=theme.ink,
                    markeredgewidth=1)  # fmt: skip
            continue
        p5, q1, median, q3, p95 = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
        # A density hides what is rare; as pixels, thousands of ticks stay small.
        outside = values[(values < p5) | (values > p95)]
        ax.plot(outside, np.full(len(outside), y), "|", alpha=0.6, markersize=5, markeredgewidth=0.8,
                color=colours[panel.rows[y]["exporter"]], rasterized=True)  # fmt: skip
        ax.plot([p5, p95], [y, y], color=theme.ink, linewidth=0.9)
        ax.plot([q1, q3], [y, y], color=theme.ink, linewidth=3.2, solid_capstyle="butt")
        ax.plot(median, y, "o", markersize=4.5, color=theme.paper, markeredgecolor=theme.ink, markeredgewidth=1)
    if samples:
        log_axis(ax, *span(all_values), units.tick)
    rows_axis(panel, theme)


def _draw_break_even(panel: Panel, y: int, row: Row, theme: Theme) -> None:
    calls = row["break_even"]
    if not known(calls):
        compared = known(row["speedup"]) and not row["control"]
        return panel.note(y, *ending(row, theme, "not decided" if compared else "–"))
    if calls == math.inf:
        return panel.note(y, "never", theme.quiet)
    if calls <= 0:
        return panel.note(y, "at once", theme.ink)
    sure = discoveries.stands(row)
    colour = theme.verdicts["faster" if sure else "inconclusive"]
    face = colour if sure else theme.paper
    panel.axes[1].plot(calls, y, "o", markersize=6.5, color=colour, markeredgewidth=1.6, markerfacecolor=face)
    return panel.note(y, f"{units.whole(calls)} calls{'' if sure else ' ?'}", theme.ink if sure else theme.quiet)


DENSE = 20  # samples, below which a density would be drawn of nearly nothing
FREQUENT = ("eager", "inductor", "onnx", "onnx_dynamo", "script", "export", "jit", "aot_inductor")


def _colours(results: pd.DataFrame, theme: Theme) -> Colours:
    """A colour for each exporter, the same in every figure: by the exporter's place among all that exist, those that
    studies compare most often first, so that no two of these share one."""
    used = set(results["exporter"].dropna())
    names = list(dict.fromkeys([*FREQUENT, *exporters.names(), *sorted(used)]))
    return {name: theme.cycle[i % len(theme.cycle)] for i, name in enumerate(names) if name in used}
