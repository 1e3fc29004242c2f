"""The figures of a package, beside the limits that the library keeps."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from radon.complexity import cc_rank, cc_visit

from tests.house import imports, source

LONG = 60  # lines of a function
RANKS = "DEF"  # of cyclomatic complexity: above 20


@dataclass(frozen=True)
class Figure:
    """One line of the table; `limit` is the most that `--check` lets pass."""

    name: str
    value: float
    note: str = ""
    limit: float | None = None

    @property
    def passes(self) -> bool:
        return self.limit is None or self.value <= self.limit


def figures(package: Path) -> list[Figure]:
    """All figures of the package in the folder `package`."""
    files = sorted(package.rglob("*.py"))
    lengths = [len(path.read_text().splitlines()) for path in files]
    total = sum((source.count(path, package.name) for path in files), source.Counts())
    edges = imports.import_edges(package)
    circles, upward = imports.circles(edges), imports.upward_arrows(edges)
    functions = [(path.relative_to(package.parent), f) for path in files for f in functions_of(path)]
    complex_ones = [f"{path}:{f.lineno} {f.fullname} {f.complexity}" for path, f in functions
                    if cc_rank(f.complexity) in RANKS]  # fmt: skip
    long = [f"{path.relative_to(package.parent)}:{line} {name} {length}"
            for path in files for name, line, length in source.long_functions(path, LONG)]  # fmt: skip
    share = 100 * total.dict_signatures / total.functions
    return [
        Figure("files", len(files)),
        Figure("lines", sum(lengths)),
        Figure("median lines of a file", statistics.median(lengths)),
        Figure("files under 50 lines", sum(length < 50 for length in lengths)),
        Figure("functions", total.functions),
        Figure("signatures with dict or Mapping[…, Any]", total.dict_signatures, f"{share:.0f} %", limit=199),
        Figure("string look-ups per 1,000 lines", round(1000 * total.look_ups / sum(lengths))),
        Figure("functions with more than 5 parameters", total.wide_functions),
        Figure("imports inside functions", total.local_imports),
        Figure("… of its own modules", total.own_local_imports),
        Figure("docstrings of functions", total.docstrings),
        Figure("… with Args, Returns or Raises", total.sections),
        Figure("comment lines ÷ lines, in %", round(100 * total.comments / sum(lengths), 1)),
        Figure("functions of complexity rank D or worse", len(complex_ones), "\n".join(complex_ones), limit=0),
        Figure(f"functions over {LONG} lines", len(long), "\n".join(long), limit=0),
        Figure("import circles", len(circles), "\n".join(" ".join(c) for c in circles), limit=0),
        Figure("arrows upward", len(upward), "\n".join(f"{a} → {b}" for a, b in upward), limit=4),
        Figure("rooms on no floor", len(rooms := imports.unplaced_rooms(edges)), " ".join(rooms), limit=0),
    ]


def functions_of(path: Path) -> list:
    """radon's blocks of a file: functions and methods, inner ones inside their own, classes left out."""
    return [block for block in cc_visit(path.read_text()) if block.letter in "FM"]
