"""How well each trial was measured, and what comes before its first steady call: two tables of the report."""

from __future__ import annotations

import pandas as pd

from benchlib.measure.noise import WORDS
from benchlib.measure.steadiness import MINIMUM, TOO_FEW
from benchlib.report import units
from benchlib.report.columns import Column, hover, identity, metric_column, quiet
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row
from benchlib.report.tables import trials_table
from benchlib.report.units import known

PHASES = {
    "import": "time_import",
    "load": "time_load",
    "export": "time_export",
    "open": "time_session",
    "first call": "time_first",
    "warm-up": "time_to_steady",
    "opening the reference": "time_session_reference",
}


def quality_table(results: pd.DataFrame) -> str:
    """Of each trial that was timed: how sure its medians are, what disturbed it, what course its latency took."""
    rows = results[results["time_latency"].notna()]
    columns = [
        *identity(rows),
        metric_column(rows, "processes", "processes"),
        metric_column(rows, "rounds", "rounds"),
        Column(
            "known within",
            _published,
            lambda row: row["half_width_published"],
            number=True,
            hover=hover("half_width_published"),
        ),
        Column("within a process", _width, lambda row: row["half_width"], number=True, hover=hover("half_width")),
        Column("disturbed", _disturbed, _share, number=True, hover=_legend()),
        _share_column("lost to others", "time_lost"),
        _share_column("waited for itself", "oversubscribed"),
        _share_column("host busy", "host_busy"),
        metric_column(rows, "repeated", "rounds_retried"),
        Column("cores busy", _cores, lambda row: row["cpu_utilisation"], number=True, hover=hover("cpu_utilisation")),
        Column("course", _course, lambda row: row["course"], hover=hover("course")),
    ]
    return trials_table(columns, rows, "How well each trial was measured")


def phases_table(results: pd.DataFrame) -> str:
    """Of each trial that was timed: every phase before the first steady call, medians over its processes."""
    rows = results[results["time_latency"].notna()]
    columns = [*identity(rows), *(metric_column(rows, head, name) for head, name in PHASES.items() if name in rows)]
    return trials_table(columns, rows, "Phases before the first steady call")


def findings(results: pd.DataFrame) -> str:
    """How many trials reached their target, and how many blocks were disturbed, in a sentence."""
    rows = results[results["time_latency"].notna()]
    reached = int((rows["converged"] == True).sum())  # noqa: E712 (a nullable column)
    epochs, disturbed = int(rows["epochs"].sum()), int(rows["epochs_disturbed"].sum())
    repeated = int(rows["rounds_retried"].sum())
    share = f" ({disturbed / epochs:.0%})" if epochs else ""
    return (
        f"In {reached} of {len(rows)} trials the figure is known as closely as the level asks.{_differing(rows)} "
        f"{disturbed:,} of {epochs:,} blocks{share} carry a flag of disturbance and "
        f"{repeated:,} rounds were repeated for it; all of them count."
    )


def _differing(rows: pd.DataFrame) -> str:
    """A sentence, with a space before it, on the trials whose processes disagree: their latency is one of several."""
    count = int((rows["processes_differ"] == True).sum())  # noqa: E712 (a nullable column)
    if not count:
        return ""
    which = "one trial the processes differ" if count == 1 else f"{count} trials the processes differ"
    return (
        f" In {which} among themselves by over 5 %: the interval of such a latency covers only the processes that were "
        "run, while a speedup compares pairs of them."
    )


def _published(row: Row) -> str:
    return _plus_minus(row, "half_width_published", converged=bool(row["converged"]))


def _width(row: Row) -> str:
    # Of older records it is the width of a process that says whether they converged.
    return _plus_minus(row, "half_width", converged=known(row["half_width_published"]) or bool(row["converged"]))


def _plus_minus(row: Row, name: str, converged: bool) -> str:
    if not known(row[name]):
        return "–"
    width = "over ± 100 %" if row[name] > 1 else f"± {units.number(100 * row[name], 2)} %"
    return joined([width, "" if converged else quiet("!", "wider than the level asks for")], " ")


def _share_column(head: str, name: str) -> Column[Row]:
    def cell(row: Row) -> str:
        return f"{units.number(100 * row[name], 2)} %" if known(row[name]) else "–"

    return Column(head, cell, lambda row: row[name], number=True, hover=hover(name))


def _share(row: Row) -> float | None:
    return row["epochs_disturbed"] / row["epochs"] if known(row["epochs"]) and row["epochs"] else None


def _disturbed(row: Row) -> str:
    share = _share(row)
    if share is None:
        return "–"
    title = row["disturbances"] if known(row["disturbances"]) else "none"
    return html('<span title="{{ title }}">{{ share }}</span>', title=title, share=f"{share:.0%}")


def _cores(row: Row) -> str:
    if not known(row["cpu_utilisation"]):
        return "–"
    return f"{units.number(row['cpu_utilisation'])} of {units.whole(row['num_cores'])}"


def _course(row: Row) -> str:
    """The flags of the processes; `steady` where all had samples enough to be found otherwise, and were not."""
    found = [row["course"].replace("_", " ")] if known(row["course"]) and row["course"] else []
    if not found:
        alone = row["processes"] < 2  # was never looked at
        found = [TOO_FEW if alone or row["repeat"] / row["processes"] < MINIMUM else "steady"]
    differ = known(row["processes_differ"]) and row["processes_differ"]
    if differ:
        found.append(f"processes differ by up to {units.number(100 * row['process_spread'], 2)} %")
    return ", ".join(found)


def _legend() -> str:
    return "share of the steady blocks that carry a flag:\n" + "\n".join(f"{n}: {text}" for n, text in WORDS.items())
