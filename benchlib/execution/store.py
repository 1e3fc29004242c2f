"""The folder of a study: executed notebooks come in whole, and what they replace is kept.

outputs/<study>/study.yaml  trials/*.ipynb  runoff/*.ipynb  past/*.ipynb  journal.jsonl  results.*  report.html
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchlib.errors import UserError

TRIALS, RUNOFF = "trials", "runoff"


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Makes the folder and holds it: two sweeps into one folder would overwrite each other. Raises UserError."""
    (folder / TRIALS).mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise UserError(f"another sweep is writing to {folder} (process {lock.read().strip()})") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def write_study(folder: Path, resolved: dict[str, Any]) -> None:
    """Stores the resolved study, atomically."""
    aside = folder / f".study.{os.getpid()}"
    yaml = YAML(typ="safe")
    yaml.sort_base_mapping_type_on_output = False
    with aside.open("w") as file:
        yaml.dump(resolved, file)
    os.replace(aside, folder / "study.yaml")


def install(notebook: Path, folder: Path, name: str, room: str = TRIALS) -> None:
    """Puts an executed notebook in its place in `room`; what stood there goes to `past/` first."""
    target = folder / room / f"{name}.ipynb"
    target.parent.mkdir(exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(notebook, aside)
    _put_past(folder, name, room)
    os.replace(aside, target)


def _put_past(folder: Path, name: str, room: str) -> None:
    past, stamp = folder / "past", time.strftime("%Y%m%d-%H%M%S")
    for suffix in (".ipynb", ".html", ".py"):
        old = folder / room / f"{name}{suffix}"
        if not old.exists():
            continue
        past.mkdir(exist_ok=True)
        new, n = past / f"{name}.{stamp}{suffix}", 2
        while new.exists():
            new, n = past / f"{name}.{stamp}-{n}{suffix}", n + 1
        os.replace(old, new)
