"""The first screen of the report: the answers, whether to believe them, and every model and way at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from benchlib.measure.verdicts import DISTURBED
from benchlib.record import NOT_RUN
from benchlib.report import prose
from benchlib.report.belief import Belief
from benchlib.report.cases import Case, cases
from benchlib.report.collate import Results
from benchlib.report.columns import Column, clipped, escape, incomparable, page_of, status_badge
from benchlib.report.coverage import plain_way, shapes_of, ways
from benchlib.report.fastest import FASTEST, TIE, Answer
from benchlib.report.machine_facts import MACHINE
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


def light(belief: Belief) -> str:
    """Whether the figures can be believed, as a word with a reason for each of its questions."""
    lines = "".join(
        f'<li class="{"good" if r.is_good else "bad"}"><span aria-hidden="true">{"✓" if r.is_good else "!"}</span> '
        f'<span class="unseen">{"yes" if r.is_good else "no"}: </span>{escape(r.text)}</li>'
        for r in belief.reasons
    )
    kind = belief.word.replace(" ", "-")
    return f'<div class="light {kind}"><p>Can it be believed? <b>{escape(belief.word)}</b></p><ul>{lines}</ul></div>'


def equation(results: Results) -> str:
    """`28 planned = 18 ok + …`, and what is to be said of some of them besides."""
    terms = [prose.term("", len(results.table), "planned")]
    for status, n in results.counts().items():
        if n:
            terms.append(prose.term("+" if len(terms) > 1 else "=", n, status_badge(status)))
    told = _besides(results.table)
    return f'<p class="equation">{" ".join(terms)}</p>' + (f'<p class="besides">{escape(told)}</p>' if told else "")


def answers(found: Iterable[Answer]) -> str:
    """A line for each model with several ways; nothing where they are too many to be read at a glance."""
    contested = [answer for answer in found if answer.ways > 1]
    if not contested or len(contested) > FEW:
        return ""
    return f'<ul class="answers">{"".join(map(_answer, contested))}</ul>'


def _answer(answer: Answer) -> str:
    kind = {FASTEST: "decided", TIE: "tie"}.get(answer.kind, "open")
    figures = f'<span class="figures">{escape(answer.figures)}</span>' if answer.figures else ""
    return f'<li class="{kind}"><b>{escape(answer.title)}</b> {escape(answer.text)}{figures}</li>'


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
    return f'<div class="matrix heat">{table(columns, cases(results), "Speedup of each model in each way")}</div>'


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
        return " ".join(_mark(row, case) for row in own(case)) or '<span class="quiet" title="not planned">–</span>'

    def order(case: Case) -> float | None:
        found = [row["speedup"] for row in own(case) if known(row["speedup"])]
        return found[0] if found else None

    way, shapes = pair
    return Column(f"{way} dynamic" if shapes == "dynamic" else way, cell, order, number=True, kind="mark")


def _mark(row: Row, case: Case) -> str:
    """The speedup over the word, on a ground whose strength grows with it."""
    word, figure = _word(row), _figure(row)
    kind = "".join(c for c in word if c.isalpha())
    meaning = VERDICT_WORDS.get(word) or STATUS_WORDS.get(word, "")
    label = ", ".join(filter(None, [case.title, str(row["way"]), f"{figure} times" if "." in figure else figure, word]))
    more = f'class="heat-cell {kind}" style="--heat: {_heat(row, word)}%" title="{escape(meaning)}"'
    inner = f'<b>{escape(figure)}</b><span class="word">{_SHAPES.get(word, "")} {escape(word)}</span>'
    if known(row["notebook"]):
        return f'<a {more} aria-label="{escape(label)}" href="{escape(page_of(row["notebook"]))}">{inner}</a>'
    return f'<span role="img" {more} aria-label="{escape(label)}">{inner}</span>'


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
    if incomparable(row) or (not known(row["speedup"]) and known(row["time_latency"])):
        return duration(row["time_latency"])
    return f"{ratio(row['speedup'], row['speedup_low'], row['speedup_high'])[0]} ×" if known(row["speedup"]) else ""


def _heat(row: Row, word: str) -> int:
    if word not in ("faster", "slower") or not known(row["speedup"]):
        return 0
    return round(_STRONGEST * min(1.0, abs(math.log(row["speedup"])) / _HOTTEST)) or 1
