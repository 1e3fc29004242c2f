"""The pages that publish what the benchmarks found: a table per benchmark, with machine, date and command.

A page marks the places itself:

    <!-- bench: a_over_a -->
    (whatever stands here is replaced)
    <!-- end: a_over_a -->

so that a figure in a document is always one that was measured, by the command that stands beside it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from benchlib import machine
from tests.bench.figure import Figure

PAGES = (Path(__file__).parents[2] / "docs" / "measuring.md",)
_PLACE = "<!-- bench: {name} -->\n"
_END = "<!-- end: {name} -->"


def publish(name: str, figures: Sequence[Figure], pages: Sequence[Path] = PAGES) -> list[Path]:
    """Writes the table of a benchmark into every page that has a place for it.

    Args:
        name: of the benchmark.
        figures: what it found.
        pages: where places may be.

    Returns:
        The pages that were changed.
    """
    begin, end = _PLACE.format(name=name), _END.format(name=name)
    place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    changed = []
    for page in pages:
        text = page.read_text()
        if place.search(text):
            page.write_text(place.sub(lambda _: f"{begin}{table(name, figures)}{end}", text))
            changed.append(page)
    return changed


def table(name: str, figures: Sequence[Figure]) -> str:
    """The figures as a table in Markdown, under the line that says where, when and how they were measured."""
    rows = ["| | figure | wanted | |", "|---|---|---|---|"]
    rows += [f"| {_cell(f.what)} | {_cell(f.value)} | {_cell(f.threshold)} | {_cell(_said(f))} |" for f in figures]
    return "\n".join([*rows, "", f"{_measured(name)}", ""])


def _said(figure: Figure) -> str:
    missed = "**missed**" if figure.met is False else ""
    return "; ".join(filter(None, (missed, figure.remark)))


def _measured(name: str) -> str:
    facts = machine.facts()
    where = f"{facts['processor_name']}, {facts['cpu']} cores"
    return f"<sub>`python -m tests.bench {name} --publish`, {datetime.date.today():%Y-%m-%d}, {where}</sub>"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()
