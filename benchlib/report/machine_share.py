"""How much of what the machine can do each way reaches."""

from __future__ import annotations

import pandas as pd

from benchlib.report import prose, units
from benchlib.report.columns import Column, hover, identity, metric_column
from benchlib.report.rows import Row
from benchlib.report.tables import trials_table
from benchlib.report.units import known


def share_table(results: pd.DataFrame) -> str:
    """Arithmetic and weights of each way against the peaks of its host, with a sentence on these; empty where no
    trial knows them."""
    rows = results[results["peak_share"].notna() | results["memory_share"].notna()]
    if rows.empty:
        return ""
    columns = [
        *identity(rows),
        metric_column(rows, "work per call", "flops"),
        metric_column(rows, "rate", "flop_rate"),
        _percent("of the peak", "peak_share"),
        metric_column(rows, "weights read", "weights_read_size"),
        metric_column(rows, "weights rate", "weights_read_rate"),
        _percent("of the bandwidth", "memory_share"),
    ]
    return prose.paragraph(_peaks(rows)) + trials_table(columns, rows, "Shares of the machine's peaks")


def _percent(head: str, name: str) -> Column[Row]:
    def cell(row: Row) -> str:
        return f"{units.number(100 * row[name], 2)} %" if known(row[name]) else "–"

    return Column(head, cell, lambda row: row[name], number=True, hover=hover(name))


def _peaks(rows: pd.DataFrame) -> str:
    """`Large matrix products and copies came to 157 GFLOP/s and 29.7 GB/s (float32, 2 threads) …`"""
    found = []
    for (dtype, threads), group in rows.groupby(["dtype", "num_cores"], sort=False):
        peak, bandwidth = group["peak_flop_rate"].max(), group["memory_bandwidth"].max()
        said = [units.with_unit(v, u) for v, u in ((peak, "FLOP/s"), (bandwidth, "bytes/s")) if known(v)]
        found.append(f"{' and '.join(said)} ({dtype}, {threads} thread{'' if threads == 1 else 's'})")
    return (
        f"Large matrix products and copies came to {'; '.join(found)} here, at best. A small share says that a way "
        "waits for memory, for operators to start or for one thread; a little over 100 %, that it ran when the machine "
        "was faster than then; more than the whole bandwidth, that a cache holds weights."
    )
