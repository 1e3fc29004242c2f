"""`python -m benchlib list …`: what there is to run, as a table or as JSON."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from benchlib.cli_options import CacheDir, Quiet, use_cache
from benchlib.errors import UserError
from benchlib.plan import listing
from benchlib.plan.in_words import count
from benchlib.plan.listing import ModelRow, SuiteRow

WIDTH = 120
_INDENT = 7  # columns: below the name


def list_(
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="[SUITE]…", help="suites, or selections such as huggingface/Bert")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="find parameters and input shapes, without loading any weights")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="the names beyond a suite's catalogue too")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for tools: a list of objects")] = False,
    quiet: Quiet = False,
    cache_dir: CacheDir = None,
) -> None:
    """The models of suites: index, task, parameters, shapes, what is missing here; or the suites."""
    use_cache(cache_dir)

    def progress(name: str) -> None:
        if not quiet:
            print(f"details: {name}", file=sys.stderr, flush=True)

    if not wanted:
        if every or details:
            raise UserError(f"list: {'--all' if every else '--details'} is about the models of a suite: name one")
        rows = listing.overview()
        print(_as_json(rows) if as_json else suites_as_text(rows))
        return
    tables = [listing.models(word, every, details, progress) for word in wanted]
    if as_json:
        print(_as_json([row for table in tables for row in table]))
    else:
        print("\n\n".join(models_as_text(word, table) for word, table in zip(wanted, tables, strict=True)))


def _as_json(rows: Sequence[SuiteRow | ModelRow]) -> str:
    return json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)


def suites_as_text(rows: list[SuiteRow]) -> str:
    """A line for each suite."""
    cells = [("suite", "models", "run here")]
    cells += [(r.suite, f"{r.models}{'+' if r.more else ''}", str(r.here)) for r in rows]
    note = ["+ takes more names than its catalogue has: list SUITE --all"] if any(r.more for r in rows) else []
    return "\n".join([*_aligned(cells, ["", *(r.summary for r in rows)], right=(1, 2)), *note])


def models_as_text(wanted: str, rows: list[ModelRow]) -> str:
    """The models of one suite under a line that says how many there are."""
    here = sum(row.missing is None for row in rows)
    head = f"{wanted}: {len(rows)} model{'' if len(rows) == 1 else 's'}, {here} can run here"
    if not rows:
        return head
    cells = [("index", "name", "task", "parameters", "batch", "shapes", "here")]
    cells += [
        (
            _or_blank(row.index),
            row.name,
            row.task,
            "" if row.params_size is None else count(row.params_size),
            _or_blank(row.batch_size),
            _shapes(row),
            "yes" if row.missing is None else "no",
        )
        for row in rows
    ]
    return "\n".join([head, *_aligned(cells, ["", *map(_remark, rows)], right=(0, 3, 4))])


def _or_blank(value: int | None) -> str:
    return "" if value is None else str(value)


def _shapes(row: ModelRow) -> str:
    """`3 × int64[1×512], float32[1×3×224×224]`, or the sizes that the suite tells."""
    if row.input_shapes is None:
        return ", ".join(f"{name} {value}" for name, value in row.sizes.items())
    found = Counter(re.findall(r"\w+\[[^\]]*\]", row.input_shapes))
    return ", ".join(f"{n} × {shape}" if n > 1 else shape for shape, n in found.items())


def _remark(row: ModelRow) -> str:
    parts = [row.missing.removeprefix(f"{row.name} ")] if row.missing else []
    parts += [f"is {row.alias_of}"] if row.alias_of else []
    parts += [f"details unknown: {row.unknown}"] if row.unknown else []
    parts += [row.summary] if row.summary else []
    return "; ".join(parts)


def _aligned(cells: Sequence[tuple[str, ...]], remarks: list[str], right: tuple[int, ...]) -> list[str]:
    """Lines of a table, each row with its remark: behind it where there is room, else below. Nothing is cut: a name
    that is too long has a line of its own. A column without a value is left out."""
    columns = [i for i in range(len(cells[0])) if any(row[i] for row in cells[1:])]
    widths = {i: max(len(row[i]) for row in cells) for i in columns}
    name = cells[0].index("name") if "name" in cells[0] else 0
    too_much = max(0, sum(widths.values()) + 2 * (len(columns) - 1) - WIDTH)
    widths[name] = max(len(cells[0][name]), widths[name] - too_much)
    below = " " * _INDENT

    def line_of(row: tuple[str, ...]) -> str:
        return "  ".join((row[i].rjust if i in right else row[i].ljust)(widths[i]) for i in columns)

    lines = []
    for row, remark in zip(cells, remarks, strict=True):
        if len(row[name]) > widths[name]:
            lines.append("  ".join(row[i].rjust(widths[i]) if i in right else row[i] for i in columns if i <= name))
            row = tuple("" if i <= name else cell for i, cell in enumerate(row))
        line = line_of(row)
        if len(line) + 2 + len(remark) <= WIDTH:
            lines.append(f"{line}  {remark}".rstrip())
        else:
            lines += [line.rstrip(), *textwrap.wrap(remark, WIDTH, initial_indent=below, subsequent_indent=below)]
    return lines
