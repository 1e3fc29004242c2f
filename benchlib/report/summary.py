"""The results as text for the terminal: a table for each question of a study, its answer, whether to believe it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchlib.report import disturbed
from benchlib.report.belief import IN_PART, NO, YES, Belief, belief_in
from benchlib.report.collate import Results
from benchlib.report.columns import incomparable, shared_conditions
from benchlib.report.fastest import Answer
from benchlib.report.rows import Row, rows_of
from benchlib.report.units import Scale, known, ratio, scale_for, whole, with_interval
from benchlib.report.words import NO_VERDICTS

ANY_WIDTH = 10_000  # characters: no line goes on in another one where no terminal shows it
LEAST, MOST = 16, 36  # characters of a name before it goes on in another line
_ONE_WAY = "models with one way"
_STYLES = {
    "faster": "green", "slower": "red", "disturbed": "yellow", "right": "green", "unverified": "yellow",
    YES: "bold green", IN_PART: "bold yellow", NO: "bold red",
}  # fmt: skip
_IN_A_NOTEBOOK = (
    '<pre style="font-family: monospace; line-height: 1.3; white-space: pre; overflow-x: auto">{code}</pre>'
)
_OUTCOMES = {"ok": "right", "inaccurate": "wrong"}


def summary(results: Results, width: int = ANY_WIDTH) -> str:
    """What `answer` shows, as plain text."""
    return in_text(answer(results), width)


def in_text(shown: RenderableType, width: int = ANY_WIDTH) -> str:
    """What a terminal would show, without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def summary_html(results: Results) -> str:
    """The same for a notebook, with its colours."""
    return in_html(answer(results))


def in_html(shown: RenderableType, width: int = 110) -> str:
    """What a terminal would show, for a notebook."""
    console = Console(file=io.StringIO(), width=width, record=True, force_jupyter=False, highlight=False, emoji=False)
    console.print(shown)
    return console.export_html(inline_styles=True, code_format=_IN_A_NOTEBOOK)


def answer(results: Results) -> RenderableType:
    """For each model and its conditions a table of the ways and which of them is fastest; one table of all models that
    have a single way; then what became of the trials, and whether the figures can be believed."""
    table = results.table
    contested = [a for a in results.answers if a.ways > 1]
    in_contests = {key for a in contested for key in a.keys}
    others = table[~table["key"].isin(in_contests)]
    pieces: list[RenderableType] = []
    for found in contested:
        rows = table[table["key"].isin(found.keys)]
        pieces += [Text(printable(found.title), style="bold"), ways_table(rows, has_models=False), _said(found), ""]
    if len(others):
        pieces += [Text(_ONE_WAY, style="bold")] if contested else []
        pieces += [ways_table(others, has_models=True), ""]
    pieces += [_text(line) for line in (_shared(table), *_ends(results)) if line]
    return Group(*pieces, believed(belief_in(results)))


def ways_table(rows: pd.DataFrame, has_models: bool) -> RenderableType:
    """A row for each trial: its way, latency and speedup with their intervals, verdict and outcome."""
    scale = scale_for(rows["time_latency"], "s")
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for name, column in (("model", "model_name"), ("way", "way"))[not has_models :]:
        longest = max((cell_len(printable(str(text))) for text in rows[column]), default=0)
        shown.add_column(name, overflow="fold", min_width=min(longest, LEAST), max_width=MOST)
    batches = rows["batch_size"].nunique() > 1
    if batches:
        shown.add_column("batch", justify="right", no_wrap=True)
    shown.add_column(Text(f"latency [{scale.unit}]"), justify="right", no_wrap=True)
    shown.add_column("speedup", justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    shown.add_column("outcome", overflow="fold")
    for row in rows_of(rows):
        cells = [_text(row["model_name"])] if has_models else []
        cells.append(_text(row["way"]))
        cells += [Text(whole(row["batch_size"]))] if batches else []
        shown.add_row(*cells, *_figures(row, scale))
    return Padding(shown, (0, 0, 0, 2), expand=False)


def _figures(row: Row, scale: Scale) -> Iterator[Text]:
    latency = [
        scale.of(row[n]) if known(row[n]) else None for n in ("time_latency", "time_latency_low", "time_latency_high")
    ]
    value, interval = with_interval(*latency)
    speedup, bounds = ratio(row["speedup"], row["speedup_low"], row["speedup_high"])
    decides = row["level"] != NO_VERDICTS
    yield Text(f"{value} ({interval})" if interval else value)
    yield Text("not comparable" if incomparable(row) else f"{speedup} ({bounds})" if bounds else speedup)
    yield _styled("reference" if row["control"] else row["verdict"] if known(row["verdict"]) and decides else "–")
    outcome = _OUTCOMES.get(row["status"], row["status"]) if known(row["time_latency"]) else row["status"]
    outcome = f"{outcome} at {row['stage']}" if known(row["stage"]) and outcome != "wrong" else outcome
    doubts = [f"suspect: {row['suspect']}"] if known(row["suspect"]) else []
    doubts += ["disturbed"] if known(row["disturbed_by"]) and row["disturbed_by"] and not decides else []
    yield _styled(outcome, "".join(f", {doubt}" for doubt in doubts))


def _said(found: Answer) -> RenderableType:
    lines = [found.text, *filter(None, [found.figures])]
    return Padding(Text("\n".join(map(printable, lines))), (0, 0, 0, 2), expand=False)


def _shared(table: pd.DataFrame) -> str:
    told = shared_conditions(table)
    return f"All with {', '.join(told)}." if told else ""


def _ends(results: Results) -> Iterator[str]:
    counts = " + ".join(f"{n} {status}" for status, n in results.counts().items() if n)
    yield f"{len(results.table)} planned = {counts}"
    yield from (f"left out: {line}" for line in results.left_out)
    yield from _guessed(results.table)
    yield from disturbed.sentences(results)


def _guessed(table: pd.DataFrame) -> Iterator[str]:
    """A line for each model with inputs of which nothing is known."""
    told = table[table["inputs_guessed"].fillna("") != ""].drop_duplicates(["model_name", "inputs_guessed"])
    return (f"{r['model_name']}: {r['inputs_guessed']}" for r in rows_of(told))


def believed(belief: Belief) -> Text:
    """`Believe it? Yes: …`, the word in its colour."""
    text = Text(printable(belief.sentence))
    text.stylize(_STYLES[belief.word], text.plain.index("?") + 2, text.plain.index(":"))
    return text


def _styled(word: str, more: str = "") -> Text:
    return Text(printable(word), style=_STYLES.get(word, "")).append(printable(more), style="yellow")


def _text(value: object) -> Text:
    return Text(printable(str(value)))


def printable(text: str) -> str:
    """A text of which no escape sequence reaches a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)
