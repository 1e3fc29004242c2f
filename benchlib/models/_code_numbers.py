"""The numbers that a model's own code holds: what it compares with, looks up, or keeps as a threshold.

A branch that no usual input takes is there for some number: `if x.abs().max() > 1000`, `if language in special`. Which
value is held against it cannot always be followed; that the code holds the number can. Code of packages is not looked
at: it holds many numbers, and others have tried it.
"""

from __future__ import annotations

import contextlib
import dis
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

MOST = 8  # numbers of a model
_COMPARES = ("COMPARE_OP", "CONTAINS_OP")
_USUAL = (-1, 0, 1)  # signs, axes and ends: held against everywhere, and tried by other moves
_SMALL = 3  # up to which whole numbers count for little: most are axes and sizes
_ENTRIES = 256  # of a table, up to which its keys are looked at


@contextlib.contextmanager
def code_that_runs() -> Iterator[set[CodeType]]:
    """Gathers the code outside packages that this thread runs in the block."""
    found, before = set[CodeType](), sys.getprofile()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and _is_own(frame.f_code.co_filename):
            found.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)


def numbers_of(codes: Iterable[CodeType], module: Any) -> tuple[float, ...]:
    """The numbers, those first that code compares with, then keys of the module's tables and its own settings.

    Args:
        codes: that ran.
        module: a torch.nn.Module, whose parts of classes outside packages are asked for what they keep.
    """
    every = [code for each in sorted(codes, key=lambda c: (c.co_filename, c.co_firstlineno)) for code in _nested(each)]
    compared = (number for code in every for number in _compared(code))
    kept = (number for part in module.modules() if _is_own(_file_of(type(part))) for number in _kept(part))
    others = (number for code in every if _has_branch(code) for number in _numbers(code.co_consts))
    found: dict[float, None] = {}
    for number in (*compared, *kept, *(n for n in others if not (isinstance(n, int) and abs(n) <= _SMALL))):
        if number not in _USUAL and abs(number) != float("inf") and number == number:
            found.setdefault(float(number))
    return tuple(found)[:MOST]


def _nested(code: CodeType) -> Iterator[CodeType]:
    """A piece of code, and what stands inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _compared(code: CodeType) -> Iterator[int | float]:
    """The constants on the right of a comparison."""
    before = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in _COMPARES and before is not None and before.opname == "LOAD_CONST":
            yield from _numbers((before.argval,))
        if instruction.opname != "CACHE":
            before = instruction


def _has_branch(code: CodeType) -> bool:
    return any(i.opname in _COMPARES or "JUMP" in i.opname for i in dis.get_instructions(code))


def _kept(part: Any) -> Iterator[int | float]:
    """Keys of tables that a part keeps, and numbers that are its own settings."""
    tables = [value for value in vars(part).values() if isinstance(value, dict | set | frozenset | list | tuple)]
    tables += [child for child in part.children() if hasattr(child, "keys")]
    for table in tables:
        if 0 < len(table) <= _ENTRIES:
            yield from _numbers(table.keys() if hasattr(table, "keys") else table)
    for name, value in vars(part).items():
        if not name.startswith("_") and name != "training":
            yield from _numbers((value,))


def _numbers(values: Iterable[Any]) -> Iterator[int | float]:
    """The numbers among values, those that are written out as texts too."""
    for value in values:
        if isinstance(value, tuple | frozenset):
            yield from _numbers(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value
        elif isinstance(value, str) and value.strip().lstrip("-").isdigit():
            yield int(value)


def _file_of(kind: type) -> str:
    """Where a class has its forward from: its module may be called `__main__` after another program."""
    code = getattr(getattr(kind, "forward", None), "__code__", None)
    return code.co_filename if code else "<frozen"


def _is_own(file: str) -> bool:
    """Whether a file is neither of the interpreter, of a package, nor of this library."""
    return not file.startswith(("<frozen", *_foreign())) and "-packages/" not in file


@cache
def _foreign() -> tuple[str, ...]:
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(f"{folder}/" for folder in (*folders, Path(__file__).parents[1]) if folder)
