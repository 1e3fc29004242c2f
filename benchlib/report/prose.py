"""Small pieces of the page's text: counts, lists, terms, the machine's facts in words."""

from __future__ import annotations

import re

import pandas as pd

from benchlib.record.metrics import METRICS
from benchlib.report import units
from benchlib.report.columns import escape


def machine_text(name: str, value) -> str:
    if METRICS[name].unit == "bytes":
        scale = units.scale_for([value], "bytes")
        return f"{units.number(scale.of(value))} {scale.unit}"
    return str(value) or "none"


def alt(text: str, piece: pd.DataFrame) -> str:
    models = [str(m) for m in piece["model_name"].unique()]
    shown = ", ".join(models[:5]) + (f" and {len(models) - 5} more" if len(models) > 5 else "")
    return f"{text} A row for each trial of {shown}; the figures stand in the tables of this page."


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def term(sign: str, n: int, of_what: str) -> str:
    """A term of planned = ok + …"""
    return f'<span class="term{"" if n else " none"}">{sign} <b>{n}</b> {of_what}</span>'


def paragraph(text: str) -> str:
    """Plain text as a paragraph, what stands in `…` as code; nothing where there is none."""
    inner = re.sub("`(.+?)`", r"<code>\1</code>", escape(text))
    return f"<p>{inner}</p>" if text else ""


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
