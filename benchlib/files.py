"""Files that are there whole or not at all, and what they hold in a word."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

WHOLE = 64 << 20  # bytes; of larger files a quick digest reads a sample
_SAMPLES, _SAMPLE = 64, 64 << 10  # how many pieces, of how many bytes
_SETTLED = 0.05  # seconds; a file system's clock ticks every 1 to 10 ms, and a change within a tick does not show
_known: dict[tuple[Callable[[BufferedReader], str], tuple[int, ...]], str] = {}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which it becomes when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest_of(path: Path) -> str:
    """The sha256 of a file's content. Raises OSError where there is no file."""
    return _digested(path, _of_content)


def quick_digest_of(path: Path) -> str:
    """The same, of a file over 64 MB the sha256 of its size, its time and a sample."""
    return _digested(path, _of_sample if path.stat().st_size > WHOLE else _of_content)


def _digested(path: Path, digest: Callable[[BufferedReader], str]) -> str:
    """The digest of a file, read once per process as long as inode, size and times stay the same."""
    with path.open("rb") as file:
        seen = _seen(file)
        if (digest, seen) not in _known:
            found = digest(file)
            if _seen(file) != seen or time.time() - seen[-1] / 1e9 < _SETTLED:
                return found  # it may still be changing: not to be relied on
            _known[digest, seen] = found
        return _known[digest, seen]


def _seen(file: BufferedReader) -> tuple[int, ...]:
    stat = os.fstat(file.fileno())
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _of_content(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _of_sample(file: BufferedReader) -> str:
    stat = os.fstat(file.fileno())
    digest = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    for number in range(_SAMPLES + 1):
        file.seek((stat.st_size - _SAMPLE) * number // _SAMPLES)
        digest.update(file.read(_SAMPLE))
    return digest.hexdigest()
