"""`python -m tests.house [FOLDER] [--check]`: how the library reads, in figures.

FOLDER is a package or a checkout with `benchlib/` in it, this one unless said otherwise; with `--check` the exit
status is 1 where a figure is above its limit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.house.figures import Figure, figures

HERE = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.house", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, help="a package, or a checkout of benchlib")
    parser.add_argument("--check", action="store_true", help="exit status 1 where a figure is above its limit")
    parser.add_argument("-v", "--verbose", action="store_true", help="name what is counted, where that is a few")
    arguments = parser.parse_args()
    inner = arguments.folder / "benchlib"
    table = figures((inner if inner.is_dir() else arguments.folder).resolve())
    for figure in table:
        print(_line(figure))
        if "\n" in figure.note or arguments.verbose:
            print("".join(f"    {line}\n" for line in figure.note.splitlines()), end="")
    return int(arguments.check and not all(figure.passes for figure in table))


def _line(figure: Figure) -> str:
    limit = "" if figure.limit is None else f"at most {figure.limit}{'' if figure.passes else ': exceeded'}"
    note = f"({figure.note})" if figure.note and "\n" not in figure.note else ""
    return f"{figure.name:44} {figure.value:>8,}  {limit} {note}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
