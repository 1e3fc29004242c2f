"""The results as a few lines of text, for the terminal."""

from __future__ import annotations

import unicodedata

import pandas as pd

from benchlib.report import disturbed
from benchlib.report.collate import Results
from benchlib.report.columns import incomparable
from benchlib.report.fastest import Answer
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import Scale, known, ratio, scale_for, with_interval
from benchlib.report.words import NO_VERDICTS

WIDEST = 36


def summary(results: Results) -> str:
    """One line per trial: model, way, batch, latency, speedup, verdict, status; then the counts; then one line per
    model with several ways: which of them is fastest."""
    table = results.table
    scale = scale_for(table["time_latency"], "s")
    head = ("model", "way", "batch", f"latency [{scale.unit}]", "speedup", "verdict", "status")
    lines = [head, *(_line(row, scale) for row in rows_of(table))]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(head))]
    right = {2, 3, 4}
    text = [
        "  ".join(
            _pad(cell, width, i in right) for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    text.insert(1, "  ".join("─" * width for width in widths))
    counts = " + ".join(f"{n} {status}" for status, n in results.counts().items() if n)
    contested = [answer for answer in results.answers if answer.ways > 1]
    return "\n".join(
        [
            *text,
            "",
            f"{len(table)} planned = {counts}",
            *(f"left out: {line}" for line in results.left_out),
            *_guessed(table),
            *disturbed.sentences(results),
            *[""][: len(contested)],
            *(_answer(answer) for answer in contested),
        ]
    )


def _line(row: Row, scale: Scale) -> tuple[str, ...]:
    latency = [
        scale.of(row[n]) if known(row[n]) else None for n in ("time_latency", "time_latency_low", "time_latency_high")
    ]
    value, interval = with_interval(*latency)
    speedup, bounds = ratio(row["speedup"], row["speedup_low"], row["speedup_high"])
    decides = row["level"] != NO_VERDICTS
    status = row["status"] if not known(row["stage"]) else f"{row['status']} at {row['stage']}"
    return (
        _short(str(row["model_name"])),
        _short(str(row["way"])),
        str(row.get("batch_size")) if known(row.get("batch_size")) else "–",
        f"{value} ({interval})" if interval else value,
        "not comparable" if incomparable(row) else f"{speedup} ({bounds})" if bounds else speedup,
        "control" if row["control"] else row["verdict"] if known(row["verdict"]) and decides else "–",
        f"{status}, suspect: {row['suspect']}" if known(row["suspect"]) else status,
    )


def _guessed(table: pd.DataFrame) -> list[str]:
    """A line for each model with inputs of which nothing is known."""
    told = table[table["inputs_guessed"].fillna("") != ""].drop_duplicates(["model_name", "inputs_guessed"])
    return [f"{_short(str(r['model_name']))}: {_printable(str(r['inputs_guessed']))}" for r in rows_of(told)]


def _answer(answer: Answer) -> str:
    return f"{_short(answer.title)}: {_printable(answer.text)}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)  # no escape sequences reach the terminal


def _short(text: str) -> str:
    text = _printable(text)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
