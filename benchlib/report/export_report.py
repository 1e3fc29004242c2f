"""What the record of a failed export says of it: its cause, the smallest part that fails, how it is repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchlib.errors import plain
from benchlib.report.columns import escape

LONG = 200  # characters of a part's message


def root_cause(report: Mapping[str, Any]) -> tuple[str, str] | None:
    """Type and message of what went wrong: in the smallest part that fails where one was found, else in the whole."""
    smallest = report.get("smallest") or {}
    for found in (smallest, report):
        if found.get("exception"):
            return str(found["exception"]), plain(found.get("message") or "")
    return None


def in_words(report: Mapping[str, Any]) -> str:
    """The smallest part that fails, as HTML; "" where there is none to name."""
    smallest = report.get("smallest") or {}
    if not smallest.get("path") and not smallest.get("class"):
        return ""
    whole = not smallest.get("path")
    name = "the model itself" if whole else f"<code>{escape(smallest['path'])}</code>"
    kind = f" ({escape(smallest['class'])})" if smallest.get("class") else ""
    said = f"{smallest.get('exception') or ''}: {plain(smallest.get('message') or '')}".strip(": ")
    said = said if len(said) <= LONG else f"{said[:LONG]}…"
    told = [f"smallest part that fails: {name}{kind}", escape(said)]
    text = ": ".join(filter(None, told))
    return f'<p class="smallest">{text}{_effort(smallest)}</p>'


def _effort(smallest: Mapping[str, Any]) -> str:
    tried = smallest.get("tried")
    if not tried:
        return ""
    parts = "1 part exported by itself" if tried == 1 else f"{tried} parts exported by themselves"
    end = "" if smallest.get("complete", True) else "; the search was not finished, smaller ones may fail too"
    return f' <span class="quiet">({escape(parts)}{end})</span>'
