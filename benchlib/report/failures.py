"""The trials that are not ok: where each ended, what it said, which part fails, and the command that repeats it."""

from __future__ import annotations

from benchlib.errors import plain
from benchlib.record import ExportReport
from benchlib.report.collate import Results
from benchlib.report.columns import Column, identity, status_cell, text_column
from benchlib.report.export_report import describe_smallest
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row
from benchlib.report.tables import folded, trials_table
from benchlib.report.units import known

LONG = 320  # characters of a message that are shown at once


def failures_table(results: Results) -> str:
    """A row for each trial that is not ok."""
    rows = results.table[results.table["status"] != "ok"]
    columns: list[Column[Row]] = [
        *identity(rows),
        Column("status", status_cell, lambda row: row["status"], hover="how the trial ended", kind="tight"),
        text_column("stage", "stage", "the step in which it ended"),
        Column(
            "message, and the command that repeats it",
            lambda row: _message(row, results.export_report_of(row)),
            lambda row: row["reason"],
            kind="message",
        ),
    ]
    return trials_table(columns, rows, "Trials without a figure")


def _message(row: Row, report: ExportReport | None) -> str:
    kind = f"{row['error_type']}: " if known(row["error_type"]) else ""
    message = row["error_message"] if known(row["error_message"]) else row["reason"] if known(row["reason"]) else ""
    text = f"{kind}{plain(message)}"
    shown = [text] if len(text) <= LONG else [f"{text[:LONG]}… ", folded("all of it", text)]
    commands = [command for command in (row["reproduce"], report and report.reproduce) if known(command) and command]
    repeated = [html('<code class="command">{{ it }}</code>', it=command) for command in dict.fromkeys(commands)]
    return joined([*shown, describe_smallest(report), *repeated])
