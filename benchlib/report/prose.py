"""Small pieces of the page's text: counts, lists, terms, the machine's facts in words."""

from __future__ import annotations

import re

import pandas as pd
from markupsafe import Markup

from benchlib.record.metrics import METRICS
from benchlib.report import units
from benchlib.report.markup import html, joined


def machine_text(name: str, value) -> str:
    if METRICS[name].unit == "bytes":
        scale = units.scale_for([value], "bytes")
        return f"{units.number(scale.of(value))} {scale.unit}"
    return str(value) or "none"


def alt(text: str, piece: pd.DataFrame) -> str:
    models = [str(m) for m in piece["model_name"].unique()]
    shown = ", ".join(models[:5]) + (f" and {len(models) - 5} more" if len(models) > 5 else "")
    return f"{text} A row for each trial of {shown}; the figures stand in the tables of this page."


def term(sign: str, n: int, of_what: str) -> Markup:
    """A term of planned = ok + …"""
    return html('<span class="term">{{ sign }} <b>{{ n }}</b> {{ of_what }}</span>', sign=sign, n=n, of_what=of_what)


def paragraph(text: str, kind: str = "") -> str:
    """Plain text as a paragraph of a CSS class, what stands in `…` as code; nothing where there is none."""
    if not text:
        return ""
    pieces = re.split("`(.+?)`", text)  # every second one is code
    inner = joined(html("<code>{{ it }}</code>", it=piece) if n % 2 else piece for n, piece in enumerate(pieces))
    return html('<p{% if kind %} class="{{ kind }}"{% endif %}>{{ inner }}</p>', inner=inner, kind=kind)


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
