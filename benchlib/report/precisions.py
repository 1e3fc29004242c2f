"""The section on speed across precisions: what a way gains in time by computing in fewer bits, and what it gives up.

Nobody is faster here: ways that do not compute in the same have no speedup and no verdict. How their latencies stand to
each other is a ratio under a name of its own.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from benchlib.plan.in_words import counted
from benchlib.report import prose, units
from benchlib.report.columns import Column, conditions, hover, identity, metric_column, status_cell, text_column
from benchlib.report.panels import ROW, WIDTH, Look, label, legend, log_axis, parts, span
from benchlib.report.rows import Row, rows_of
from benchlib.report.tables import trials_table
from benchlib.report.theme import LIGHT, Theme, picture

ERROR = "error_q999"
WANTED = ("time_latency", ERROR, "computes")
LEAST = 5  # rows' height of a panel
PRECISIONS = ("dtype", "computes")  # conditions in which what is put side by side here may differ
RATIO = (
    "latency ÷ the reference's latency: below 1 a call takes less time. The two do not compute in the same, so that it "
    "has no interval and no verdict"
)


def sections(results: pd.DataFrame) -> list[str]:
    """What was found, a plot of latency against error, and a table; empty without a model in several precisions."""
    rows = compared(results)
    if rows.empty:
        return []
    text = _findings(rows)
    pictures = [picture(partial(latency_against_error, piece), prose.alt(text, piece)) for piece in parts(rows)]
    return [prose.paragraph(text), *pictures, _table(rows)]


def compared(results: pd.DataFrame) -> pd.DataFrame:
    """The trials, timed and compared, of models that were in more than one precision in otherwise equal conditions.

    Args:
        results: the table of results.
    """
    if not {*WANTED} <= {*results}:
        return results.iloc[:0]
    rows = results[results[list(WANTED)].notna().all(axis=1)]
    same = ["model_name", *(name for name in conditions(rows) if name not in PRECISIONS)]
    several = rows.groupby(same, dropna=False, sort=False)["computes"].transform("nunique") > 1
    return rows[several]


def latency_against_error(results: pd.DataFrame, theme: Theme = LIGHT) -> Figure:
    """A panel for each model, a point for each trial: the farther left the more exact, the lower the sooner done.

    Args:
        results: the trials, as `compared` gives them.
        theme: the colours.
    """
    groups = {str(model): rows_of(rows) for model, rows in results.groupby("model_name", sort=False)}
    heights = [max(len(rows), LEAST) * ROW for rows in groups.values()]
    figure = Figure(
        figsize=(WIDTH, sum(heights) + 0.95 * len(heights) + 0.4),
        layout=ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.03, hspace=0, wspace=0.04),
    )
    kinds = list(dict.fromkeys(results["computes"]))
    colours = {kind: theme.cycle[i % len(theme.cycle)] for i, kind in enumerate(kinds)}
    named = [name for name in conditions(results) if name not in PRECISIONS]
    for ax, (model, rows) in zip(figure.subplots(len(groups), squeeze=False, height_ratios=heights)[:, 0],
                                 groups.items(), strict=True):  # fmt: skip
        ax.set_title(model, pad=6)
        _draw_points(ax, rows, named, colours, theme)
        ax.set_xlabel("error: 99.9th percentile of |output − what counts as right|")
    looks = [Look(kind, colour) for kind, colour in colours.items()]
    if (results["status"] != "ok").any():
        looks.append(Look("hollow: inaccurate or unverified", theme.quiet, filled=False))
    legend(figure, theme, looks)
    return figure


def _draw_points(ax: Axes, rows: list[Row], named: list[str], colours: dict[str, str], theme: Theme) -> None:
    """The points of one model, each led to its words on the right, which stand in the order of the latencies."""
    rows = sorted(rows, key=lambda row: row["time_latency"])
    scale = units.scale_for([row["time_latency"] for row in rows], "s")
    latencies = [scale.of(row["time_latency"]) for row in rows]
    zero = min((row[ERROR] for row in rows if row[ERROR] > 0), default=1e-6) / 4  # where 0 stands, which no log has
    errors = [max(row[ERROR], zero) for row in rows]
    log_axis(ax, *span(pd.Series(errors)), units.tick)
    bottom, top = span(pd.Series(latencies))
    log_axis(ax, bottom, top, units.tick, along="y", most=len(rows) // 2 + 3)
    ax.set_ylabel(f"latency [{scale.unit}]")
    ax.grid(axis="y")
    for place, row, x, y in zip(np.linspace(0, 1, 2 * len(rows) + 1)[1::2], rows, errors, latencies, strict=True):
        colour = colours[row["computes"]]
        face = colour if row["status"] == "ok" else theme.paper
        words = f"{label(row, named)} · {row['computes']}   {units.duration(row['time_latency'])}"
        ax.annotate(
            words, xy=(x, y), xytext=(1.03, place), textcoords="axes fraction", va="center", fontsize=9.5,
            color=theme.ink, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": theme.quiet, "alpha": 0.45, "linewidth": 0.8, "relpos": (0, 0.5)},
        )  # fmt: skip
        ax.plot(x, y, "o", markersize=7, color=colour, markeredgewidth=1.6, markerfacecolor=face, zorder=3)


def _findings(rows: pd.DataFrame) -> str:
    """What is put side by side, and that it decides nothing."""
    models = counted(rows["model_name"].nunique(), "model")
    listed = prose.listed([str(kind) for kind in dict.fromkeys(rows["computes"])])
    return (
        f"{models} in more than one precision ({listed}): the farther left the more exact, the lower the sooner done. "
        "A latency ratio says how much less or more time a call takes than the reference's; what computes in fewer "
        "bits answers another question, so none is called faster."
    )


def _table(rows: pd.DataFrame) -> str:
    ratio = rows["time_latency"] / rows["time_latency_reference"]
    rows = rows.assign(latency_ratio=ratio)
    columns = [
        *identity(rows),
        text_column("computes in", "computes", hover("computes")),
        Column("status", status_cell, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        metric_column(rows, "latency", "time_latency"),
        metric_column(rows, "reference", "time_latency_reference"),
        Column("latency ratio", lambda row: units.number(row["latency_ratio"], 2), lambda row: row["latency_ratio"],
               number=True, hover=RATIO),
        metric_column(rows, "error", ERROR),
        metric_column(rows, "max error", "discrepancies_abs"),
    ]  # fmt: skip
    return trials_table(columns, rows, "Latency against error across precisions")
