"""The trials that are not ok: where each ended, what it said, which part fails, and the command that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchlib.errors import plain
from benchlib.report.columns import Column, escape, identity, status_cell, text_column
from benchlib.report.export_report import in_words
from benchlib.report.tables import table
from benchlib.report.units import known

LONG = 320  # characters of a message that are shown at once


def failures_table(results: pd.DataFrame, details: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each trial that is not ok. `details` holds, by key, what `collate.Results.details` does."""
    rows = results[results["status"] != "ok"]
    columns = [
        *identity(rows),
        Column("status", status_cell, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        text_column("stage", "stage", "the step in which it ended"),
        Column(
            "message, and the command that repeats it",
            lambda row: _message(row, details.get(row["key"], {}).get("export_report") or {}),
            lambda row: row["reason"],
            kind="message",
        ),
    ]
    return table(columns, rows.to_dict("records"), "Trials without a figure")


def _message(row: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    kind = f"{row['error_type']}: " if known(row["error_type"]) else ""
    message = row["error_message"] if known(row["error_message"]) else row["reason"] if known(row["reason"]) else ""
    text = f"{kind}{plain(message)}"
    shown = escape(text)
    if len(text) > LONG:
        shown = f"{escape(text[:LONG])}… <details><summary>all of it</summary>{shown}</details>"
    commands = [command for command in (row["reproduce"], report.get("reproduce")) if known(command) and command]
    return (
        shown
        + in_words(report)
        + "".join(f'<code class="command">{escape(command)}</code>' for command in dict.fromkeys(commands))
    )
