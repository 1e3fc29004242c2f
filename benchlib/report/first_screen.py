"""The first screen of the report: the answers, whether to believe them, and every model and way at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd
from markupsafe import Markup

from benchlib.measure.verdicts import DISTURBED
from benchlib.record import NOT_RUN
from benchlib.report import prose
from benchlib.report.belief import Belief
from benchlib.report.cases import Case, cases
from benchlib.report.collate import Results
from benchlib.report.columns import Column, clipped, incomparable, kind_of, page_of, quiet, status_badge
from benchlib.report.coverage import plain_way, shapes_of, ways
from benchlib.report.fastest import FASTEST, OPEN, TIE, Answer
from benchlib.report.machine_facts import MACHINE
from benchlib.report.markup import html, joined
from benchlib.report.rows import Row
from benchlib.report.tables import table
from benchlib.report.units import duration, known, ratio
from benchlib.report.words import NO_VERDICTS, STATUS_WORDS, VERDICT_WORDS

FEW = 12  # answers, up to which each is said
_HOTTEST, _STRONGEST = math.log(4), 45  # the logarithm of the speedup that has the strongest colour, in per cent
_LINE = ("processor", "cores for the trials", "memory", "GPU", "torch", "onnxruntime", "measured on")
_SHAPES = {
    "faster": "▲", "slower": "▼", "same": "＝", "inconclusive": "≈", DISTURBED: "∿", "reference": "◦", "–": "·",
    "unverified": "?", "suspect": "!", "inaccurate": "≠", "failed": "✗", "timeout": "✗", "crashed": "✗", "oom": "✗",
    "refused": "⊘", "skipped": "⊘", NOT_RUN: "…",
}  # fmt: skip


_LIGHT = """\
<div class="light {{ belief.word|replace(" ", "-") }}"><p>Can it be believed? <b>{{ belief.word }}</b></p><ul>\
{% for reason in belief.reasons %}<li class="{{ "good" if reason.is_good else "bad" }}">\
<span aria-hidden="true">{{ "✓" if reason.is_good else "!" }}</span> \
<span class="unseen">{{ "yes" if reason.is_good else "no" }}: </span>{{ reason.text }}</li>{% endfor %}</ul></div>"""
_ANSWERS = """\
<ul class="answers">{% for answer in answers %}<li class="{{ kinds[answer.kind] }}">\
<b>{{ answer.title }}</b> {{ answer.text }}\
{% if answer.figures %}<span class="figures">{{ answer.figures }}</span>{% endif %}</li>{% endfor %}</ul>"""
_MARK = """\
{% set inner %}<b>{{ figure }}</b> \
<span class="word"><span aria-hidden="true">{{ shape }}</span> {{ word }}</span>{% endset %}\
{% set more %}class="heat-cell {{ kind }}" style="--heat: {{ heat }}%" title="{{ meaning }}" \
aria-label="{{ whose }}: {{ figure }} {{ word }}"{% endset %}\
{% if page %}<a {{ more }} href="{{ page }}">{{ inner }}</a>{% else %}<span role="img" {{ more }}>{{ inner }}</span>\
{% endif %}"""


def light(belief: Belief) -> Markup:
    """Whether the figures can be believed, as a word with a reason for each of its questions."""
    return html(_LIGHT, belief=belief)


def equation(results: Results) -> Markup:
    """`28 planned = 18 ok + …`, and what is to be said of some of them besides."""
    terms = [prose.term("", len(results.table), "planned")]
    for status, n in results.counts().items():
        if n:
            terms.append(prose.term("+" if len(terms) > 1 else "=", n, status_badge(status)))
    told = _besides(results.table)
    return html(
        '<p class="equation">{{ terms }}</p>{% if told %}<p class="besides">{{ told }}</p>{% endif %}',
        terms=joined(terms, " "), told=told,
    )  # fmt: skip


def answers(found: Iterable[Answer]) -> str:
    """A line for each model with several ways or a figure; nothing where they are too many to be read at a glance."""
    told = [answer for answer in found if answer.ways > 1 or answer.figures]
    if not told or len(told) > FEW:
        return ""
    return html(_ANSWERS, answers=told, kinds={FASTEST: "decided", TIE: "tie", OPEN: "open"})


def machine_line(results: pd.DataFrame) -> str:
    """The machine that measured, in a line; "" where no trial looked at one."""
    words = []
    for label in _LINE:
        values = results[MACHINE[label]].dropna().unique()
        if len(values) and (text := prose.listed([prose.machine_text(MACHINE[label], v) for v in values])) != "none":
            words.append({"cores for the trials": f"{text} cores", "torch": f"torch {text}",
                          "onnxruntime": f"onnxruntime {text}"}.get(label, text))  # fmt: skip
    return f"Measured on {', '.join(words)}." if words else ""


def heat_map(results: pd.DataFrame) -> str:
    """A row for each model and its conditions, a column for each way: its speedup, and its verdict by shape and word,
    or how it ended. "" of a study with one way."""
    found = ways(results)
    if len(found) < 2:
        return ""
    columns: list[Column[Case]] = [Column("model", lambda c: clipped(c.title), lambda c: c.title, kind="name")]
    columns += [_way_column(pair) for pair in found]
    shown = table(columns, cases(results), "Speedup of each model in each way")
    return html('<div class="matrix heat">{{ table }}</div>', table=shown)


def _besides(table: pd.DataFrame) -> str:
    counts = {
        "suspect": (table["suspect"].fillna("") != "").sum(),
        "disturbed by other work on the host": (table["verdict"] == DISTURBED).sum(),
        "with inputs of which nothing is known": (table["inputs_guessed"].fillna("") != "").sum(),
    }
    told = [f"{n} {word}" for word, n in counts.items() if n]
    return f"Among them {prose.listed(told)}." if told else ""


def _way_column(pair: tuple[str, str]) -> Column[Case]:
    def own(case: Case) -> list[Row]:
        return [row for row in case.rows if (plain_way(row), shapes_of(row)) == pair]

    def cell(case: Case) -> str:
        return joined((_mark(row, case) for row in own(case)), " ") or quiet("–", "not planned")

    def order(case: Case) -> float | None:
        found = [row["speedup"] for row in own(case) if known(row["speedup"])]
        return found[0] if found else None

    way, shapes = pair
    return Column(f"{way} dynamic" if shapes == "dynamic" else way, cell, order, number=True, kind="mark")


def _mark(row: Row, case: Case) -> Markup:
    """The speedup over the word, on a ground whose strength grows with it."""
    word, figure = _word(row), _figure(row)
    meaning = VERDICT_WORDS.get(word) or STATUS_WORDS.get(word, "")
    whose, page = f"{case.title}, {row['way']}", page_of(row["notebook"]) if known(row["notebook"]) else ""
    return html(
        _MARK, kind=kind_of(word), heat=_heat(row, word), meaning=meaning, figure=figure, word=word, whose=whose,
        shape=_SHAPES.get(word, ""), page=page,
    )  # fmt: skip


def _word(row: Row) -> str:
    """The verdict of what was timed and is right, else how it ended."""
    if row["status"] != "ok":
        return str(row["status"])
    if known(row["suspect"]):
        return "suspect"
    if row["control"]:
        return "reference"
    return str(row["verdict"]) if known(row["verdict"]) and row["level"] != NO_VERDICTS else "–"


def _figure(row: Row) -> str:
    decides = row["level"] != NO_VERDICTS  # a ratio that decides nothing is none to begin with
    if known(row["time_latency"]) and (incomparable(row) or not known(row["speedup"]) or not decides):
        return duration(row["time_latency"])
    return f"{ratio(row['speedup'], row['speedup_low'], row['speedup_high'])[0]} ×" if known(row["speedup"]) else ""


def _heat(row: Row, word: str) -> int:
    if word not in ("faster", "slower") or not known(row["speedup"]):
        return 0
    return round(_STRONGEST * min(1.0, abs(math.log(row["speedup"])) / _HOTTEST)) or 1
