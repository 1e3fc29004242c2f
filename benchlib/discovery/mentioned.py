"""The paths that a script's code mentions, whether Python opens them or not: texts in its code, the paths it makes."""

from __future__ import annotations

import functools
import os
import pathlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

_LONGEST = 4096  # characters of a path


def paths_in(code: types.CodeType) -> Iterator[str]:
    """The texts in a code that may be paths."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from paths_in(constant)
        elif isinstance(constant, str) and os.sep in constant and "\n" not in constant and len(constant) < _LONGEST:
            yield constant


def hear_paths(is_users: Callable[[str], bool], mentioned: Callable[[str], None]) -> None:
    """Calls `mentioned` with each path that becomes a text from now on, and each that a file of the user's joins
    (`is_users`), once."""
    text_of, join, known = pathlib.PurePath.__str__, os.path.join, set[str]()

    @functools.wraps(text_of)
    def text(self: pathlib.PurePath) -> str:
        told = text_of(self)
        if told not in known:
            known.add(told)
            mentioned(told)
        return told

    @functools.wraps(join)
    def joined(*parts: Any) -> Any:
        told = join(*parts)
        if told not in known and isinstance(told, str) and is_users(sys._getframe(1).f_code.co_filename):
            known.add(told)
            mentioned(told)
        return told

    setattr(pathlib.PurePath, "__str__", text)  # noqa: B010
    os.path.join = joined  # type: ignore[assignment]
