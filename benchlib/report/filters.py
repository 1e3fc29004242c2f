"""The bar over the results that hides rows: a choice for each column of few values, and a box for words.

Every row of a trial carries its handle, in whatever table it stands, so that one choice holds for all of them. What
there is to choose by stands once, beside the bar; `notebooks/report/report.js` does the hiding. Without JavaScript the
bar is not shown, and every row is.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from benchlib.label_line import COLUMN as LABEL
from benchlib.plan.in_words import CONDITION_WORDS
from benchlib.report.columns import conditions, hover
from benchlib.report.markup import html
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import known

MOST = 30  # values, beyond which a list to choose from is no help
HEADS = {"status": "status", "suite": "suite", "model_name": "model", "way": "way", "model_class": "class"}
HOVERS = {"status": "how the trial ended", "way": "exporter, passes and runtime"}
SEARCHED = ("name", "model", *HEADS, "model_provenance", "error_type", "reason")  # by the box, and all labels
MISSING = "–"
TEXT = "text"


_BAR = """\
<form id="filter" class="filter" role="search" aria-label="Filter the trials" autocomplete="off" hidden>\
{% for choice in choices %}<label title="{{ choice.title }}">{{ choice.head }} \
<select name="{{ choice.name }}"><option value="">all</option>\
{% for word, n in choice.counts.items() %}<option value="{{ word }}">{{ word }} ({{ n }})</option>{% endfor %}\
</select></label>{% endfor %}\
<label title="rows that hold all of these words: in their name, model, way, labels or reason">\
words <input type="search" name="{{ text }}" size="16" placeholder="bert onnx" spellcheck="false"></label>\
<output>{{ rows }} of {{ rows }} rows</output><button type="reset">Show all</button>\
<p class="quiet">Every table with rows for trials follows; plots, sentences and sums stay whole. \
The address of the page keeps the choice.</p>\
<script type="application/json" id="filter-trials">{{ trials }}</script></form>"""


@dataclass(frozen=True)
class Choice:
    """A list to choose from: the name of its column, its head, what it says on hovering, how many rows have what."""

    name: str
    head: str
    title: str
    counts: Counter[str]


def handle(row: Row) -> str:
    """What the rows of one trial have in common in all tables; "" of a row that is no trial."""
    return str(row.get("key") or "")[:12]


def bar(results: pd.DataFrame) -> str:
    """The form, and what it chooses by; "" where there is nothing to choose between."""
    if len(results) < 2:
        return ""
    rows, labels = rows_of(results), _labels(results)
    chosen = {name: head for name, head in _heads(results).items() if 2 <= len(_values(rows, name)) <= MOST}
    trials = {
        handle(row): {name: _words(row, name) for name in chosen}
        | {TEXT: " ".join(str(row[n]) for n in (*SEARCHED, *labels) if n in row and known(row[n]))}
        for row in rows
    }
    kept = json.dumps(trials, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    choices = [_choice(rows, name, head) for name, head in chosen.items()]
    return html(_BAR, choices=choices, rows=len(rows), text=TEXT, trials=Markup(kept))


def _labels(results: pd.DataFrame) -> list[str]:
    return [str(name) for name in results if str(name).startswith(LABEL)]


def _heads(results: pd.DataFrame) -> dict[str, str]:
    """The columns that a reader may choose by, and what they are called: labels first, conditions last."""
    labels = {name: name.removeprefix(LABEL).replace("_", " ") for name in _labels(results)}
    return labels | HEADS | {name: CONDITION_WORDS[name] for name in conditions(results)}


def _words(row: Row, name: str) -> list[str]:
    """The values of a row in a column as texts: several of a label, for all others one."""
    value = row.get(name)
    if not known(value) or value == "":
        return [MISSING]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, int | float):
        return [f"{value:.12g}"]
    return str(value).split(",") if name.startswith(LABEL) else [str(value)]


def _values(rows: list[Row], name: str) -> Counter[str]:
    """How many rows have each value, in the order of the plan; what is missing stands last.

    To have no label is something to choose by; to have no class is to have ended before it was known.
    """
    found = Counter(word for row in rows for word in _words(row, name))
    missing = found.pop(MISSING, 0)
    if missing and (name.startswith(LABEL) or len(found) > 1):
        found[MISSING] = missing
    return found


def _choice(rows: list[Row], name: str, head: str) -> Choice:
    title = HOVERS.get(name) or hover(name) or f"the parameter {name}"
    return Choice(name, head, title, _values(rows, name))
