"""The files of an entry: their hashes and sizes, and the digest by which we know what we wrote ourselves."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, TypedDict

from benchlib.files import digest_of

_LOGS = (".log", ".txt")


class StoredFile(TypedDict):
    """What the state of an entry keeps of one of its files."""

    sha256: str
    size: int  # bytes


StoredFiles = dict[str, StoredFile]  # path in the entry's folder -> the file
Sealed = Mapping[str, Any]  # a JSON object as it was sealed: the state of an entry, a marker, who holds a lock


def listed(folder: Path, but: Container[str]) -> StoredFiles:
    """Hash and size of each file in a folder, by its path in there, without those called as in `but`."""
    found = {str(f.relative_to(folder)): f for f in sorted(folder.rglob("*")) if f.is_file()}
    kept = {name: file for name, file in found.items() if name not in but}
    return {name: {"sha256": digest_of(file), "size": file.stat().st_size} for name, file in kept.items()}


def disk_size(folder: Path) -> int:
    """Bytes of all files in a folder, as far as they are there: another process may be taking them away."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def is_log(name: str) -> bool:
    """Whether a file tells of a build instead of being its result: logs stay when the others go."""
    return name.endswith(_LOGS)


def seal(values: Mapping[str, object]) -> str:
    """Values as JSON with the hash of themselves; those that JSON has no word for become their text."""
    values = json.loads(json.dumps(values, default=str))
    return json.dumps({**values, "digest": _digest(values)})


def unseal(text: str) -> Sealed | None:
    """What `seal` was given; None for a text that it did not write, or not like that."""
    try:
        values = json.loads(text)
        return values if values.pop("digest") == _digest(values) else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


def read_sealed(file: Path) -> Sealed | None:
    """What was sealed into a file, which is not looked for behind a link; None where there is nothing of ours."""
    try:
        with open(file, opener=_open_itself) as stream:
            return unseal(stream.read())
    except (OSError, ValueError):
        return None


def _open_itself(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # nor does it wait where a FIFO stands


def _digest(values: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
