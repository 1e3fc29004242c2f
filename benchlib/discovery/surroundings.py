"""What a script leaves behind in the folders that it runs in."""

from __future__ import annotations

import os
from pathlib import Path

_MOST = 20_000  # files looked at: the current folder may be anything
_SHOWN = 20
_NO_FILES = {"/dev", "/proc", "/sys"}  # they change whatever a script does
Seen = dict[str, tuple[int, int]]


def seen(beside: Path, but: Path) -> Seen:
    """The files below the current folder, and those of the script's own (`beside`), with time and size; hidden ones
    and those of `but` left out."""
    found: Seen = {}
    for folder, deeper in ((Path.cwd(), True), (beside, False)):
        for place, inner, files in os.walk(folder):
            inner[:] = [d for d in inner if deeper and d[0] != "." and d != "__pycache__"]
            inner[:] = [d for d in inner if (path := os.path.join(place, d)) not in _NO_FILES and path != str(but)]
            for name in files:
                path = os.path.join(place, name)
                try:
                    stat = os.stat(path, follow_symlinks=False)
                except OSError:
                    continue
                found[path] = (stat.st_mtime_ns, stat.st_size)
            if len(found) > _MOST:
                return found
    return found


def left(before: Seen, after: Seen) -> list[str]:
    """What is new, and what was changed."""
    whole = len(before) <= _MOST  # otherwise what is not in `before` may just not have been looked at
    new = [path for path in after if path not in before] if whole else []
    changed = [f"{path} (changed)" for path in after if path in before and after[path] != before[path]]
    shown = sorted([*new, *changed])
    return shown if len(shown) <= _SHOWN else [*shown[:_SHOWN], f"and {len(shown) - _SHOWN} more"]
