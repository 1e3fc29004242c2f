"""What `run`, `sweep` and `report` print in the end: records as lines, the answer, and where to go on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

from benchlib.record import Record

if TYPE_CHECKING:
    from benchlib.report import Results


def print_fields(record: Record) -> None:
    """A record as torch_bench prints it: `:name,value;`, a line per field, sorted; texts of several lines in one."""
    fields = {**record.details, **record.metrics, "status": record.status, "key": record.key}
    if record.reason:
        fields |= {"stage": record.stage, "reason": record.reason}
    for name in sorted(fields):
        value = "" if fields[name] is None else fields[name]
        print(f":{name},{' '.join(value.split()) if isinstance(value, str) else value};")


def print_error(record: Record, verbose: int) -> None:
    """The traceback of a failed trial for who wants to see it, and the log of its worker for who wants more."""
    if record.error is None:
        return
    for level, text in ((1, record.error.traceback), (2, record.error.log)):
        if verbose >= level and text:
            print(text, file=sys.stderr)


def print_answer(results: Results, out: TextIO | None = None, page: Path | None = None) -> None:
    """The tables, the answers, whether to believe them, and what can be done next. `page` is the report, where it has
    been made."""
    from benchlib.report.summary import answer, summary

    out = out or sys.stdout
    console = Console(file=out, highlight=False, emoji=False, markup=False, soft_wrap=True)
    if out.isatty():
        console.print(answer(results), soft_wrap=False)
    else:
        print(summary(results), file=out)
    if page:
        console.print(f"report: {page}")
    print_next(_next(results, page is not None), console)


def print_next(commands: Iterable[tuple[Sequence[str | Path], str]], console: Console) -> None:
    """Commands that are worth giving now, and what each is for."""
    for words, what in commands:
        console.print(f"next: {shlex.join(['benchlib', *map(str, words)])}  # {what}", style="dim")


def _next(results: Results, has_page: bool) -> Iterator[tuple[list[str], str]]:
    """Commands, and what each is for."""
    if not has_page and results.table["notebook"].notna().any():
        yield ["report", str(_shown(results.folder))], "plots, every check, a page for each trial"
    if notebook := _proven(results):
        yield ["script", str(_shown(results.folder) / notebook)], "plain Python that proves this row"


def _shown(folder: Path) -> Path:
    """A folder as one would type it here."""
    try:
        return folder.resolve().relative_to(Path.cwd())
    except ValueError:
        return folder


def _proven(results: Results) -> str:
    """The notebook of the row that a reader would have proven: of the fastest way, else of the largest speedup, else of
    the first figure; "" where there is none."""
    won = {answer.fastest for answer in results.answers}
    timed = results.table[results.table["time_latency"].notna() & results.table["notebook"].notna()]
    if timed.empty:
        return ""
    best = timed[timed["key"].isin(won)]
    if best.empty and timed["speedup"].notna().any():
        best = timed.loc[[timed["speedup"].astype(float).idxmax()]]
    return str((timed if best.empty else best)["notebook"].iloc[0])
