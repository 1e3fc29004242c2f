"""Where the work ran: a table with the columns that a study has something to say in, and the sentence over it."""

from __future__ import annotations

import pandas as pd

from benchlib.report.columns import Column, hover, identity, metric_column, status_cell, text_column
from benchlib.report.tables import trials_table

COLUMNS = {
    "providers": "provider",
    "node_share": "share of nodes",
    "node_time_share": "share of time",
    "n_memcpy": "copies between providers",
    "time_memcpy": "time in them",
    "time_latency": "latency",
    "time_device": "device",
    "time_back_to_back": "back to back",
    "time_copy_in": "copy in",
    "time_compute": "compute",
    "time_copy_out": "copy out",
    "time_overhead": "overhead",
}


def shown(results: pd.DataFrame) -> list[str]:
    """The metrics that the table has a column for; none when a sentence says it all: whole graphs, no device."""
    known = [name for name in COLUMNS if results[name].notna().any()]
    timed, profiled = results["time_device"].notna().any(), results["node_time_share"].notna().any()
    if not (timed or profiled or (results["node_share"] < 1).any()):
        return []
    return known


def sentence(results: pd.DataFrame) -> str:
    """How many graphs ran whole on the provider that was asked for."""
    shares = results["node_share"].dropna()
    if shares.empty:
        return "No runtime of this study says which provider runs which node."
    whole, n = int((shares >= 1).sum()), len(shares)
    text = f"{whole} of {n} graphs ran whole on the provider that was asked for"
    return f"{text}; the others left work to another, which was allowed." if whole < n else f"{text}."


def placement_table(results: pd.DataFrame) -> str:
    """One row for each trial that got as far as an open session; "" where there is nothing but the sentence."""
    names = shown(results)
    if not names:
        return ""
    rows = results[results["providers"].notna() & results["time_latency"].notna()]
    columns = [
        *identity(rows),
        Column("status", status_cell, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        *(
            text_column(head, name, hover(name)) if name == "providers" else metric_column(rows, head, name)
            for name, head in COLUMNS.items()
            if name in names
        ),
    ]
    return trials_table(columns, rows, "Where each trial ran")
