"""The common form of the figures: a panel for each model, a row for each trial in it, words on the right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchlib.report.columns import condition_text, conditions
from benchlib.report.rows import Row, rows_of
from benchlib.report.theme import Theme
from benchlib.report.units import known

WIDTH, ROW, HEAD = 9.8, 0.29, 0.52  # inches
LONGEST = 40  # characters of a label


@dataclass(frozen=True)
class Look:
    """A mark of a figure, and the word that the legend has for it."""

    word: str
    colour: str
    marker: str = "o"
    filled: bool = True


@dataclass
class Panel:
    """The rows of one model and the axes they are drawn on, side by side. Row i stands at y = i."""

    model: str
    rows: list[Row]
    labels: list[str]  # of the rows
    axes: list[Axes]

    def note(self, y: int, text: str, colour: str, axes: int = -1) -> None:
        """Words at the right of a row."""
        self.axes[axes].annotate(
            text, (1, y), (8, 0), xycoords=self.axes[axes].get_yaxis_transform(), textcoords="offset points",
            va="center", ha="left", fontsize=9.5, color=colour, annotation_clip=False,
        )  # fmt: skip


def panels_of(results: pd.DataFrame, theme: Theme, columns: int = 1, shared: bool = True) -> tuple[Figure, list[Panel]]:
    """A figure with a panel for each model, in the order of the plan."""
    named = [n for n in conditions(results) if results[n].nunique() > 1]
    groups = {str(model): rows_of(rows) for model, rows in results.groupby("model_name", sort=False)}
    heights = [len(rows) * ROW for rows in groups.values()]
    figure = Figure(
        figsize=(WIDTH, sum(heights) + len(heights) * (HEAD if shared else HEAD + 0.35) + 0.8),
        layout=ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.03, hspace=0, wspace=0.04),
    )
    grid = figure.subplots(
        len(groups), columns, squeeze=False, height_ratios=heights, sharex="col" if shared else False
    )
    panels = []
    for (model, rows), axes in zip(groups.items(), grid, strict=True):
        panel = Panel(model, rows, [label(row, named) for row in rows], list(axes))
        axes[0].set_title(_clip(model, 70), pad=6)
        rows_axis(panel, theme)
        panels.append(panel)
    return figure, panels


def rows_axis(panel: Panel, theme: Theme) -> None:
    """A row for each trial, the first on top; seaborn's categories are replaced by ours."""
    for i, ax in enumerate(panel.axes):
        ax.set_yticks(range(len(panel.rows)), panel.labels if i == 0 else [""] * len(panel.rows))
        ax.set_ylim(len(panel.rows) - 0.5, -0.5)
        ax.set_ylabel("")


def label(row: Row, named: list[str]) -> str:
    """The way of a trial and the conditions `named`, as a row of a figure is called."""
    words = [condition_text(n, row[n]) for n in named if known(row[n])]
    return _clip(" · ".join(filter(None, [str(row["way"]) + (" (A/A)" if row["control"] else ""), *words])), LONGEST)


def _clip(text: str, longest: int) -> str:
    """At most `longest` characters, cut in the middle: beginnings and ends tell names apart."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def ending(row: Row, theme: Theme, otherwise: str) -> tuple[str, str]:
    """What stands in the place of a figure that a trial does not have, and its colour."""
    if row["status"] == "ok":
        return otherwise, theme.quiet
    text = row["status"] + (f" · {row['stage']}" if known(row["stage"]) else "")
    return text, theme.quiet if row["status"] in ("refused", "skipped", "not run") else theme.alarm


def legend(figure: Figure, theme: Theme, looks: Iterable[Look]) -> None:
    handles = [
        Line2D(
            [], [], linestyle="", marker=look.marker, color=look.colour, markersize=6.5, markeredgewidth=1.6,
            label=look.word, markerfacecolor=look.colour if look.filled else theme.paper,
        )
        for look in looks
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


def span(values: pd.Series, *included: float) -> tuple[float, float]:
    """The limits of a logarithmic axis that holds all values with a little room."""
    values = np.array([v for v in [*values, *included] if 0 < v < math.inf], dtype=float)
    if not len(values):
        return 0.5, 2.0
    low, high = values.min(), values.max()
    room = max((high / low) ** 0.05, 1.02)
    return low / room, high * room


def log_axis(
    ax: Axes, low: float, high: float, text: Callable[[float], str], along: Literal["x", "y"] = "x", most: int = 7
) -> None:
    """A logarithmic axis between two limits with at most `most` round numbers at it, written as `text` says."""
    ax.set(**{f"{along}scale": "log", f"{along}lim": (low, high)})
    axis = ax.xaxis if along == "x" else ax.yaxis
    axis.set_major_locator(FixedLocator(ticks(low, high, most)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda at, _: text(at)))


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers between `low` and `high`, as many as fit: by decades when they span any, else evenly."""
    candidates = _by_decades(low, high) if high / low > 4 else _evenly_spaced(low, high)
    inside = [[x for x in candidate if low <= x <= high] for candidate in candidates]
    return max((candidate for candidate in inside if len(candidate) <= most), key=len, default=[])


def _by_decades(low: float, high: float) -> list[list[float]]:
    """From five ticks in a decade down to one in ten decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    within = [
        [m * 10.0**d for d in decades for m in mantissas] for mantissas in ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
    ]
    return [*within, *([10.0**d for d in decades][::step] for step in (2, 3, 5, 10))]


def _evenly_spaced(low: float, high: float) -> list[list[float]]:
    last = math.ceil(math.log10(high))
    steps = [step * 10.0**d for d in range(last - 4, last) for step in (1, 2, 5)]
    return [[i * s for i in range(math.ceil(low / s), math.floor(high / s) + 1)] for s in steps if high / s < 1e4]


def parts(results: pd.DataFrame, most: int = 40) -> list[pd.DataFrame]:
    """The table in pieces of whole models with about `most` rows, so that no figure grows without end."""
    pieces: list[list[pd.DataFrame]] = [[]]
    for _, rows in results.groupby("model_name", sort=False):
        if pieces[-1] and sum(map(len, pieces[-1])) + len(rows) > most:
            pieces.append([])
        pieces[-1].append(rows)
    return [pd.concat(piece) for piece in pieces if piece]
