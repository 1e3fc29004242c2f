"""The answer: which way to use, by how much, right or not, why not the others, and whether to believe it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchlib.plan.in_words import counted
from benchlib.record import Record
from benchlib.report.belief import Belief
from benchlib.report.collate import Results
from benchlib.report.fastest import Answer, figures_of
from benchlib.report.summary import believed, in_html, in_text, printable, ways_table


@dataclass(frozen=True, repr=False)
class Choice:
    """The answer.

    Attributes:
        results: of the ways at full length; of the first look where none came so far.
        answer: which of those that keep the bounds is fastest; None where there is nothing to answer.
        use: the record of the way to use: the fastest, or the best of those that cannot be told apart; None where
            nothing is decided.
        others: why each other way that was tried is not it, by its label.
        left_out: the rule by which each way was not tried, by its label.
        belief: whether the figures can be believed.
    """

    results: Results
    answer: Answer | None
    use: Record | None
    others: Mapping[str, str]
    left_out: Mapping[str, str]
    belief: Belief

    def __repr__(self) -> str:
        return in_text(self.shown())

    def _repr_html_(self) -> str:
        return in_html(self.shown())

    def shown(self) -> RenderableType:
        """What a terminal shows of it."""
        return Group(*_pieces(self))


def label_of(record: Record) -> str:
    """The label of the way of a trial that ran."""
    return record.contenders[-1].label


def _pieces(choice: Choice) -> Iterator[RenderableType]:
    table = choice.results.table
    full = table[table["time_latency"].notna()]
    yield Text(_headline(choice), style="bold")
    if choice.answer:
        yield Text(printable(choice.answer.text))
    if len(full):
        yield ""
        yield ways_table(full, has_models=False)
    if choice.others:
        yield ""
        yield Text("Not chosen:")
        yield Padding(_reasons(choice), (0, 0, 0, 2), expand=False)
    for rule, n in Counter(choice.left_out.values()).items():
        yield Text(f"Left out: {counted(n, 'way')}, {rule}")
    yield ""
    yield believed(choice.belief)


def _headline(choice: Choice) -> str:
    model = next(iter(choice.results.table["model_name"]), "")
    if choice.use is None:
        return printable(f"{model}: nothing is decided{'' if choice.answer else ', no way gives a figure that counts'}")
    figures = figures_of(choice.use)
    return printable(f"{model}: use {label_of(choice.use)}{f', {figures}' if figures else ''}")


def _reasons(choice: Choice) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for way, why in choice.others.items():
        rows.add_row(Text(printable(way)), Text(printable(why)))
    return rows
