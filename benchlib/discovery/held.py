"""The files that this process has mapped or open just now, as the kernel tells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files() -> Iterator[str]:
    """Their paths; not those that are gone, nor those that are open for writing alone."""
    for path in (*_mapped(), *_open_for_reading()):
        if path.startswith("/") and not path.endswith(" (deleted)"):
            yield path


def _mapped() -> Iterator[str]:
    for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
        if "/" in line:
            yield line[line.find("/") :]


def _open_for_reading() -> Iterator[str]:
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            flags = Path(f"/proc/self/fdinfo/{descriptor}").read_text().partition("flags:")[2].split()[0]
            path = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:  # that of the listing itself, which is closed by now
            continue
        if not int(flags, 8) & os.O_WRONLY:
            yield path
