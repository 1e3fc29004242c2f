"""The file of this host in the cache: `<cache>/hosts/<host name>-<hash8>.json`.

    {"host": {"name", "processor", "cores", "memory"},
     "peaks": {"<dtype> <device> <threads> threads": {…}},      see `benchlib.host.peaks`
     "calibrations": {"<level> <device>": {…}}}                 see `benchlib.host.calibration`

The hash is that of `host`, so that a cache shared between machines, or a machine that got other cores, has a
file for each. Writing is atomic, one writer at a time. A file that cannot be read counts as empty.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine


def identity() -> dict[str, Any]:
    """What makes a host another one."""
    return {
        "name": platform.node(),
        "processor": machine.processor_name(),
        "cores": machine.allowed_cores(),
        "memory": machine.ram_size(),
    }


def path() -> Path:
    host = identity()
    digest = hashlib.sha256(json.dumps(host, sort_keys=True).encode()).hexdigest()[:8]
    folder = artifacts.root() / "hosts"
    folder.mkdir(exist_ok=True)
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', host['name'])[:60]}-{digest}.json"


def read() -> dict[str, Any]:
    """What is kept of this host; `peaks` and `calibrations` are always there."""
    empty = {"host": identity(), "peaks": {}, "calibrations": {}}
    try:
        kept = json.loads(path().read_text())
    except (OSError, ValueError):
        return empty
    return empty | kept if isinstance(kept, dict) else empty


def update(change: Callable[[dict[str, Any]], None]) -> None:
    """Reads the file, lets `change` alter what it holds, and writes it."""
    file = path()
    descriptor = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        kept = read()
        change(kept)
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(json.dumps(kept, indent=1))
        os.replace(temporary, file)
    finally:
        os.close(descriptor)
