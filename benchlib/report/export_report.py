"""What the record of a failed export says of it: its cause, the smallest part that fails, how it is repeated."""

from __future__ import annotations

from benchlib.errors import plain
from benchlib.record import ExportReport, SmallestFailure
from benchlib.report.markup import html, joined

LONG = 200  # characters of a part's message


def root_cause(report: ExportReport | None) -> tuple[str, str] | None:
    """Type and message of what went wrong: in the smallest part that fails where one was found, else in the whole."""
    if report is None:
        return None
    cause = report.smallest or report
    return cause.exception, plain(cause.message)


def describe_smallest(report: ExportReport | None) -> str:
    """The smallest part that fails, as HTML; "" where there is none to name."""
    if report is None or report.smallest is None:
        return ""
    smallest = report.smallest
    name = html("<code>{{ path }}</code>", path=smallest.path) if smallest.path else "the model itself"
    kind = f" ({smallest.class_name})" if smallest.class_name else ""
    said = f"{smallest.exception}: {plain(smallest.message)}".strip(": ")
    said = said if len(said) <= LONG else f"{said[:LONG]}…"
    part = html("smallest part that fails: {{ name }}{{ kind }}", name=name, kind=kind)
    text = joined([part, said], ": ")
    return html(
        '<p class="smallest">{{ text }}{% if effort %} <span class="quiet">({{ effort }})</span>{% endif %}</p>',
        text=text, effort=_effort(smallest),
    )  # fmt: skip


def _effort(smallest: SmallestFailure) -> str:
    if not smallest.tried:
        return ""
    parts = "1 part exported by itself" if smallest.tried == 1 else f"{smallest.tried} parts exported by themselves"
    end = "" if smallest.complete else "; the search was not finished, smaller ones may fail too"
    return f"{parts}{end}"
