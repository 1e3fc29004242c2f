"""`benchlib choose MODEL`: which way to use here, in one command."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchlib.cli_answer import print_next
from benchlib.cli_options import use_cache
from benchlib.errors import UserError
from benchlib.plan.expand import Plan
from benchlib.plan.options import values_of

if TYPE_CHECKING:
    from benchlib.choosing import Choice

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600}


def seconds_of(text: str) -> float:
    """`90s`, `10m`, `1h` in seconds. Raises UserError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)?", text.strip())
    if not match or float(match[1]) <= 0:
        raise UserError(f"--budget: '{text}' is no time; one is written as 90s, 10m or 1h")
    return float(match[1]) * _UNITS[match[2] or "s"]


def choose(
    model: str,
    output: Path | None,
    maximize: str,
    where: str,
    budget: str,
    every: bool,
    quiet: bool,
    cache_dir: Path | None,
    **given: str | None,
) -> None:
    """Which way of running a model to use here: the ways that can run, checked and raced within a budget."""
    use_cache(cache_dir)
    from benchlib.choosing import Question
    from benchlib.choosing import choose as race
    from benchlib.choosing.question import LATENCY
    from benchlib.choosing.where import bounds_of
    from benchlib.execution.driver import Options, sweep

    one, several = _given(model, given)
    question = Question(one, bounds_of(where), seconds_of(budget), every, maximize or LATENCY, several)

    def run(plan: Plan, folder: Path, seconds: float, rivals: frozenset[str] | None) -> list[str]:
        outcome = sweep(plan, folder, Options(quiet=quiet, seconds=seconds, rivals=rivals))
        return [record.key for record in outcome.records]

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    folder = output or Path("outputs") / "choose"
    found = race(question, folder, run, say)
    console = Console(highlight=False, emoji=False, markup=False, soft_wrap=True)
    if sys.stdout.isatty():
        console.print(found.shown(), soft_wrap=False)
    else:
        print(found)
    print_next(_next(found, folder), console)


def _next(found: Choice, folder: Path) -> Iterator[tuple[list[str | Path], str]]:
    """Commands that are worth giving now, and what each is for."""
    from benchlib.choosing.race import FILE

    if found.use:
        yield ["script", folder / "trials" / f"{found.use.name}.ipynb"], "plain Python that proves this row"
    if found.results.folder == folder:
        yield ["report", folder], "plots, every check, a page for each trial"
        yield ["sweep", folder / FILE, "--output", folder], "the same once more; what is done is kept"


def _given(model: str, given: dict[str, str | None]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The parameters that all ways share, and those with several values. Raises UserError for several models."""
    one, several = {}, {}
    for name, text in {"model": model, **given}.items():
        if text is not None:
            values = values_of(name, text)
            one[name] = values[0]
            if len(values) > 1:
                several[name] = values
    return one, several
