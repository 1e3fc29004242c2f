"""`python -m benchlib list …`: what there is to run, as a table or as JSON."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections import Counter
from typing import Annotated, Any

import typer

from benchlib.cli_options import CacheDir, Quiet, use_cache

WIDTH = 120
_TIED = "\N{NO-BREAK SPACE}"
_NARROW = 24  # columns; with less left beside the names, shapes and remarks go to lines of their own


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
    from benchlib.plan import listing

    use_cache(cache_dir)

    def progress(name: str) -> None:
        if not quiet:
            print(f"details: {name}", file=sys.stderr, flush=True)

    if not wanted:
        rows = listing.overview()
        print(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else suites_as_text(rows))
        return
    tables = [listing.models(word, every, details, progress) for word in wanted]
    if as_json:
        print(json.dumps([row for table in tables for row in table], indent=1, ensure_ascii=False))
    else:
        print("\n\n".join(models_as_text(word, table) for word, table in zip(wanted, tables, strict=True)))


def suites_as_text(rows: list[dict[str, Any]]) -> str:
    """A line for each suite."""
    cells = [("suite", "models", "run here", "")]
    cells += [(r["suite"], f"{r['models']}{'+' if r['more'] else ''}", str(r["here"]), r["summary"]) for r in rows]
    note = ["+ takes more names than its catalogue has: list SUITE --all"] if any(r["more"] for r in rows) else []
    return "\n".join([*_aligned(cells, right=(1, 2), wrapped=(3,)), *note])


def models_as_text(wanted: str, rows: list[dict[str, Any]]) -> str:
    """The models of one suite under a line that says how many there are."""
    here = sum(row["missing"] is None for row in rows)
    head = f"{wanted}: {len(rows)} model{'' if len(rows) == 1 else 's'}, {here} can run here"
    if not rows:
        return head
    cells = [("index", "name", "task", "parameters", "batch", "shapes", "here")]
    for row in rows:
        cells.append(
            (
                "" if row["index"] is None else str(row["index"]),
                row["name"],
                row["task"],
                "" if row["params_size"] is None else _count(row["params_size"]),
                "" if row["batch_size"] is None else str(row["batch_size"]),
                _shapes(row),
                _remark(row),
            )
        )
    return "\n".join([head, *_aligned(cells, right=(0, 3, 4), wrapped=(5, 6))])


def _shapes(row: dict[str, Any]) -> str:
    """`3 × int64[1×512], float32[1×3×224×224]`, or the sizes that the suite tells."""
    if row["input_shapes"] is None:
        return ", ".join(f"{name} {value}" for name, value in row["sizes"].items())
    found = Counter(re.findall(r"\w+\[[^\]]*\]", row["input_shapes"]))
    return ", ".join(f"{n}{_TIED}×{_TIED}{shape}" if n > 1 else shape for shape, n in found.items())


def _remark(row: dict[str, Any]) -> str:
    parts = ["yes" if row["missing"] is None else f"no: {row['missing']}"]
    parts += [f"is {row['alias_of']}"] if row["alias_of"] else []
    parts += [f"details unknown: {row['unknown']}"] if row["unknown"] else []
    parts += [row["summary"]] if row["summary"] else []
    return "; ".join(parts)


def _aligned(cells: list[tuple[str, ...]], right: tuple[int, ...], wrapped: tuple[int, ...]) -> list[str]:
    """Lines of a table whose last columns, the `wrapped` ones, share what the others leave of the width. No name is
    cut; a column without a value is left out."""
    widths = [
        max(len(row[i]) for row in cells) if any(row[i] for row in cells[1:]) else 0 for i in range(len(cells[0]))
    ]
    firm = [i for i, width in enumerate(widths) if width and i not in wrapped]
    loose = [i for i in wrapped if widths[i]]
    indent = sum(widths[i] + 2 for i in firm)
    below = WIDTH - indent < _NARROW
    indent = 8 if below else indent
    left = WIDTH - indent - 2 * (len(loose) - 1)
    for number, i in enumerate(loose):
        rest = sum(min(widths[j], 20) for j in loose[number + 1 :])
        widths[i] = min(widths[i], left - rest)
        left -= widths[i]
    lines = []
    for row in cells:
        start = "".join((row[i].rjust if i in right else row[i].ljust)(widths[i]) + "  " for i in firm)
        parts = [textwrap.wrap(row[i], widths[i], break_on_hyphens=False) or [""] for i in loose]
        height = max(map(len, parts), default=1)
        beside = [
            "  ".join((c[k] if k < len(c) else "").ljust(widths[i]) for i, c in zip(loose, parts, strict=True))
            for k in range(height)
        ]
        if below:
            lines += [start.rstrip(), *(f"{'':8}{text}".rstrip() for text in beside if text.strip())]
        else:
            lines += [f"{start if k == 0 else ' ' * indent}{text}".rstrip() for k, text in enumerate(beside or [""])]
    return [line.replace(_TIED, " ") for line in lines]


def _count(parameters: int) -> str:
    from benchlib.plan.estimate import count

    return count(parameters)
