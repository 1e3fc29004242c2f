"""The figures: one function each, from the results table to a matplotlib Figure.

All figures share one form: a panel for each model, a row for each trial in it, what is drawn in the middle
and the same figure in words on the right. A trial without a figure keeps its row, with its status in words,
so nothing that failed is averaged away or left out. Call them inside `theme.style()` (`theme.picture` does).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchlib.registry import exporters
from benchlib.report import units
from benchlib.report.tables import conditions
from benchlib.report.theme import LIGHT, Theme
from benchlib.report.units import known
from benchlib.report.words import CONDITION_WORDS

WIDTH, ROW, HEAD = 9.8, 0.29, 0.52  # inches
LONGEST = 40  # characters of a label


@dataclass
class Panel:
    """The rows of one model and the axes they are drawn on, side by side. Row i stands at y = i."""

    model: str
    rows: list[dict[str, Any]]
    axes: list[Axes]

    def note(self, y: int, text: str, colour: str, axes: int = -1) -> None:
        """Words at the right of a row."""
        self.axes[axes].annotate(
            text, (1, y), (8, 0), xycoords=self.axes[axes].get_yaxis_transform(), textcoords="offset points",
            va="center", ha="left", fontsize=9.5, color=colour, annotation_clip=False,
        )  # fmt: skip


def speedup(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """How many times faster than its reference each way is, with its 95 % interval; 1 is no difference."""
    figure, panels = _panels(results, theme)
    ends = [results[n].dropna() for n in ("speedup", "speedup_low", "speedup_high")]
    low, high = _span(pd.concat(ends), 1.0)
    for panel in panels:
        ax = panel.axes[0]
        _log_axis(ax, low, high, lambda x: f"{units.tick(x)}×")
        ax.axvline(1, color=theme.ink, linewidth=1.1, zorder=1)
        _noise(panel, theme)
        for y, row in enumerate(panel.rows):
            if not known(row["speedup"]):
                panel.note(y, *_ending(row, theme, "no reference"))
                continue
            verdict = "control" if row["control"] else str(row["verdict"])
            colour = theme.verdicts.get(verdict, theme.verdicts["inconclusive"])
            if known(row["speedup_low"]):
                ax.plot(
                    [row["speedup_low"], row["speedup_high"]],
                    [y, y],
                    color=colour,
                    linewidth=2.2,
                    solid_capstyle="round",
                )
            hollow = verdict not in ("faster", "slower", "same")
            ax.plot(
                row["speedup"],
                y,
                "o",
                markersize=6.5,
                markeredgewidth=1.6,
                color=colour,
                markerfacecolor=theme.paper if hollow else colour,
            )
            value, interval = units.with_interval(row["speedup"], row["speedup_low"], row["speedup_high"])
            panel.note(y, f"{value}×  {f'({interval})' if interval else ''}", theme.ink)
    panels[-1].axes[0].set_xlabel("speedup over the reference (right of the line: faster)")
    _legend(
        figure,
        theme,
        {w: dict(marker="o", color=c, filled=w != "inconclusive") for w, c in theme.verdicts.items()},
    )
    return figure


def latency(results: pd.DataFrame, samples: Mapping[str, np.ndarray], theme: Theme = LIGHT) -> Figure:
    """Every steady sample of each trial: density, median, middle half, middle 90 %, and a tick for each sample outside.

    `samples` maps a trial's key to its samples in seconds.
    """
    figure, panels = _panels(results, theme, shared=False)
    colours = _colours(results, theme)
    for panel in panels:
        taken = {y: samples[row["key"]] for y, row in enumerate(panel.rows) if len(samples.get(row["key"], ()))}
        scale = units.scale_for(np.concatenate([*taken.values(), []]), "s")
        _densities(panel, {y: values / scale.factor for y, values in taken.items()}, colours, theme)
        panel.axes[0].set_xlabel(f"latency of a call [{scale.unit}]")
        for y, row in enumerate(panel.rows):
            if y in taken:
                median = units.number(np.median(taken[y]) / scale.factor)
                panel.note(y, f"{median} {scale.unit}  (n = {len(taken[y]):,})", theme.ink)
            else:
                panel.note(y, *_ending(row, theme, "no samples"))
    _legend(figure, theme, {name: dict(marker="s", color=colour) for name, colour in colours.items()})
    return figure


def costs(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """What an export costs, and after how many calls it has paid for itself."""
    figure, panels = _panels(results, theme, columns=2)
    colours = _colours(results, theme)
    calls = [c for c in results["break_even"].dropna() if 0 < c < math.inf]
    low, high = _span(pd.Series(calls, dtype=float), 1.0, 1000.0)
    scale = units.scale_for(results["time_export"], "s")
    longest = max([scale.of(t) for t in results["time_export"].dropna()], default=0) or 1.0
    for panel in panels:
        bars, dots = panel.axes
        frame = pd.DataFrame(
            {"y": [str(y) for y in range(len(panel.rows))], "exporter": [r["exporter"] for r in panel.rows],
             "time": [scale.of(r["time_export"]) if known(r["time_export"]) else np.nan for r in panel.rows]}
        )  # fmt: skip
        sns.barplot(
            frame,
            x="time",
            y="y",
            hue="exporter",
            palette=colours,
            order=frame["y"],
            ax=bars,
            width=0.55,
            dodge=False,
            legend=False,
            saturation=1,
            errorbar=None,
            orient="h",
        )
        bars.set(xlim=(0, longest * 1.22), xlabel="", ylabel="")
        _log_axis(dots, low, high, units.tick)
        for y, row in enumerate(panel.rows):
            if known(row["time_export"]):
                bars.annotate(
                    units.duration(row["time_export"]),
                    (scale.of(row["time_export"]), y),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                    color=theme.quiet,
                )
            _break_even(panel, y, row, theme)
        _rows_axis(panel, theme)
    panels[-1].axes[0].set_xlabel(f"time to export [{scale.unit}]")
    panels[-1].axes[1].set_xlabel("calls until it has paid for itself")
    return figure


def accuracy(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """What the worst element of each trial uses of its tolerance; beyond the line it is off."""
    figure, panels = _panels(results, theme)
    values = pd.concat([results["discrepancies_share"], pd.Series([1.0])]).dropna().astype(float)
    positive = values[(values > 0) & np.isfinite(values)]
    low, high = _span(positive, *([] if len(positive) else [1e-6, 1e-3]))
    for panel in panels:
        ax = panel.axes[0]
        _log_axis(ax, low, high, units.tick)
        ax.axvline(1, color=theme.quiet, linewidth=1.2)
        for y, row in enumerate(panel.rows):
            share, error = row["discrepancies_share"], row["discrepancies_abs"]
            if not known(share):
                panel.note(y, *_ending(row, theme, "not compared"))
                continue
            colour = theme.verdicts["faster"] if row["status"] == "ok" else theme.alarm
            if 0 < share < math.inf:
                ax.plot(share, y, "o", markersize=6.5, color=colour)
            text = "equal to the bit" if error == 0 else f"error {units.number(error)}"
            panel.note(
                y,
                f"{text}{'  inaccurate' if row['status'] == 'inaccurate' else ''}",
                theme.ink if row["status"] == "ok" else theme.alarm,
            )
    panels[-1].axes[0].set_xlabel("largest error ÷ its tolerance (left of the line: within)")
    looks = {
        "within tolerance": dict(marker="o", color=theme.verdicts["faster"]),
        "inaccurate": dict(marker="o", color=theme.alarm),
    }
    _legend(figure, theme, looks)
    return figure


# -- the common form -------------------------------------------------------------------------------


def _panels(results: pd.DataFrame, theme: Theme, columns: int = 1, shared: bool = True) -> tuple[Figure, list[Panel]]:
    """A figure with a panel for each model, in the order of the plan."""
    named = [n for n in conditions(results) if results[n].nunique() > 1]
    groups = {str(model): rows.to_dict("records") for model, rows in results.groupby("model_name", sort=False)}
    heights = [len(rows) * ROW for rows in groups.values()]
    figure = Figure(
        figsize=(WIDTH, sum(heights) + len(heights) * (HEAD if shared else HEAD + 0.35) + 0.8),
        layout="constrained",
    )
    figure.get_layout_engine().set(h_pad=0.09, w_pad=0.03, hspace=0, wspace=0.04)
    grid = figure.subplots(
        len(groups), columns, squeeze=False, height_ratios=heights, sharex="col" if shared else False
    )
    panels = []
    for (model, rows), axes in zip(groups.items(), grid, strict=True):
        panel = Panel(model, rows, list(axes))
        axes[0].set_title(_clip(model, 70), pad=6)
        labels = [_label(row, named) for row in rows]
        panel.axes[0].labels = labels
        _rows_axis(panel, theme)
        panels.append(panel)
    return figure, panels


def _rows_axis(panel: Panel, theme: Theme) -> None:
    """A row for each trial, the first on top; seaborn's categories are replaced by ours."""
    for i, ax in enumerate(panel.axes):
        ax.set_yticks(range(len(panel.rows)), panel.axes[0].labels if i == 0 else [""] * len(panel.rows))
        ax.set_ylim(len(panel.rows) - 0.5, -0.5)
        ax.set_ylabel("")


def _label(row: dict[str, Any], named: list[str]) -> str:
    words = [
        f"{CONDITION_WORDS[n]} {row[n]}" if isinstance(row[n], int | float) else str(row[n])
        for n in named
        if known(row[n])
    ]
    return _clip(" · ".join([str(row["way"]) + (" (A/A)" if row["control"] else ""), *words]), LONGEST)


def _clip(text: str, longest: int) -> str:
    """At most `longest` characters, cut in the middle: beginnings and ends tell names apart."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _ending(row: dict[str, Any], theme: Theme, otherwise: str) -> tuple[str, str]:
    """What stands in the place of a figure that a trial does not have, and its colour."""
    if row["status"] == "ok":
        return otherwise, theme.quiet
    text = row["status"] + (f" · {row['stage']}" if known(row["stage"]) else "")
    return text, theme.quiet if row["status"] in ("refused", "skipped", "not run") else theme.alarm


def _noise(panel: Panel, theme: Theme) -> None:
    """The band that the model's A/A controls cover: differences in it may be noise."""
    controls = [r for r in panel.rows if r["control"] and known(r["speedup_low"])]
    if controls:
        band = min(r["speedup_low"] for r in controls), max(r["speedup_high"] for r in controls)
        panel.axes[0].axvspan(*band, color=theme.quiet, alpha=0.16, linewidth=0, zorder=0)


def _densities(panel: Panel, samples: dict[int, np.ndarray], colours: dict[str, str], theme: Theme) -> None:
    ax = panel.axes[0]
    rows = [str(y) for y in range(len(panel.rows))]
    frame = pd.DataFrame(
        {
            "value": np.concatenate([*samples.values(), []]),
            "y": np.repeat([str(y) for y in samples], [len(v) for v in samples.values()]),
        }
    )
    if samples:
        _log_axis(ax, *_span(frame["value"]), units.tick)
        frame["exporter"] = frame["y"].map(lambda y: panel.rows[int(y)]["exporter"])
        sns.violinplot(
            frame, x="value", y="y", order=rows, hue="exporter", palette=colours, dodge=False, inner=None,
            cut=0, density_norm="width", width=0.86, linewidth=0, alpha=0.75, saturation=1, legend=False,
            orient="h", ax=ax,
        )  # fmt: skip
    else:
        ax.set_xticks([])
    for y, values in samples.items():
        p5, q1, median, q3, p95 = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
        # A density hides what is rare; as pixels, thousands of ticks stay small.
        outside = values[(values < p5) | (values > p95)]
        look = dict(markersize=5, markeredgewidth=0.8, color=colours[panel.rows[y]["exporter"]], rasterized=True)
        ax.plot(outside, np.full(len(outside), y), "|", alpha=0.6, **look)
        ax.plot([p5, p95], [y, y], color=theme.ink, linewidth=0.9)
        ax.plot([q1, q3], [y, y], color=theme.ink, linewidth=3.2, solid_capstyle="butt")
        ax.plot(median, y, "o", markersize=4.5, color=theme.paper, markeredgecolor=theme.ink, markeredgewidth=1)
    if samples:
        _log_axis(ax, *_span(frame["value"]), units.tick)
    _rows_axis(panel, theme)


def _break_even(panel: Panel, y: int, row: dict[str, Any], theme: Theme) -> None:
    calls = row["break_even"]
    if not known(calls):
        return panel.note(y, *_ending(row, theme, "–"))
    if calls == math.inf:
        return panel.note(y, "never", theme.quiet)
    if calls <= 0:
        return panel.note(y, "at once", theme.ink)
    sure = row["verdict"] == "faster"
    colour = theme.verdicts["faster" if sure else "inconclusive"]
    panel.axes[1].plot(
        calls,
        y,
        "o",
        markersize=6.5,
        color=colour,
        markeredgewidth=1.6,
        markerfacecolor=colour if sure else theme.paper,
    )
    return panel.note(y, f"{units.whole(calls)} calls{'' if sure else ' ?'}", theme.ink if sure else theme.quiet)


def _colours(results: pd.DataFrame, theme: Theme) -> dict[str, str]:
    """A colour for each exporter, the same in every figure: by the exporter's place among all that exist."""
    used = set(results["exporter"].dropna())
    names = [*exporters.names(), *sorted(used - set(exporters.names()))]
    return {name: theme.cycle[i % len(theme.cycle)] for i, name in enumerate(names) if name in used}


def _legend(figure: Figure, theme: Theme, looks: dict[str, dict]) -> None:
    handles = [
        Line2D(
            [], [], linestyle="", marker=look["marker"], color=look["color"], markersize=6.5,
            markeredgewidth=1.6, label=word,
            markerfacecolor=look["color"] if look.get("filled", True) else theme.paper,
        )
        for word, look in looks.items()
    ]  # fmt: skip
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=6,
        handletextpad=0.2,
        columnspacing=1.4,
        borderpad=0,
        labelcolor=theme.quiet,
    )


# -- axes ------------------------------------------------------------------------------------------


def _span(values: pd.Series, *included: float) -> tuple[float, float]:
    """The limits of a logarithmic axis that holds all values with a little room."""
    values = np.array([v for v in [*values, *included] if 0 < v < math.inf], dtype=float)
    if not len(values):
        return 0.5, 2.0
    low, high = values.min(), values.max()
    room = max((high / low) ** 0.05, 1.02)
    return low / room, high * room


def _log_axis(ax: Axes, low: float, high: float, text: Callable[[float], str]) -> None:
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(ticks(low, high)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: text(x)))


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers between `low` and `high`, as many as fit: by decades when they span any, else evenly."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = range(first, last + 1)
    spread = [
        [m * 10.0**d for d in decades for m in mantissas] for mantissas in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
    ]
    every = [[10.0**d for d in decades][::step] for step in (2, 3, 5, 10)]
    even = [step * 10.0**d for d in range(last - 4, last) for step in (1, 2, 5)]
    spaced = [[i * s for i in range(math.ceil(low / s), math.floor(high / s) + 1)] for s in even if high / s < 1e4]
    inside = [[x for x in found if low <= x <= high] for found in ([*spread, *every] if high / low > 4 else spaced)]
    fitting = [found for found in inside if len(found) <= most]
    return max(fitting, key=len, default=[])


def parts(results: pd.DataFrame, most: int = 40) -> list[pd.DataFrame]:
    """The table in pieces of whole models with about `most` rows, so that no figure grows without end."""
    pieces: list[list[pd.DataFrame]] = [[]]
    for _, rows in results.groupby("model_name", sort=False):
        if pieces[-1] and sum(map(len, pieces[-1])) + len(rows) > most:
            pieces.append([])
        pieces[-1].append(rows)
    return [pd.concat(piece) for piece in pieces if piece]
