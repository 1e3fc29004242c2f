"""The folder of a study: executed notebooks come in whole, and what they replace is kept.

outputs/<study>/study.yaml  trials/*.ipynb  runoff/*.ipynb  past/*.ipynb  journal.jsonl  results.*  report.html
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from benchlib.errors import UserError
from benchlib.record import Record
from benchlib.way import canonical

TRIALS, RUNOFF, PAST = "trials", "runoff", "past"


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[None]:
    """Makes the folder and holds it: two sweeps into one folder would overwrite each other. Raises UserError."""
    try:
        (folder / TRIALS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be made ({error.strerror})") from error
    try:  # following no link, which somebody else may have put into a folder that is not ours alone
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise UserError(f"{folder / '.lock'} cannot be written ({error.strerror})") from error
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise UserError(f"another sweep is writing to {folder} (process {lock.read().strip()})") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def by_key(records: Mapping[Path, Record], names: Mapping[str, str]) -> dict[str, Record]:
    """Of several notebooks of one trial (a label is in the name and not in the key) the one that is called as planned.

    Args:
        records: those of the executed notebooks, by path.
        names: how the notebook of each planned trial is called, by key.
    """
    planned_last = sorted(records.items(), key=lambda item: names.get(item[1].key) == item[0].stem)
    return {record.key: record for _, record in planned_last}


def added_to(folder: Path, resolved: dict[str, Any]) -> dict[str, Any]:
    """The study that a folder holds, with the trials of a resolved one besides.

    Left out are those that it holds already, and what had the same parameters and was of a model that has changed
    since. Where no study can be read, or nothing of it stays, it is the resolved one.
    """
    try:
        held = YAML(typ="safe").load((folder / "study.yaml").read_text())
        found = {str(trial["key"]): {**trial} for trial in held["trials"]}
    except (OSError, UnicodeDecodeError, YAMLError, LookupError, TypeError):
        return resolved
    asked = {trial["key"] for trial in resolved["trials"]} | {_asked(trial) for trial in resolved["trials"]}
    stays = [trial for key, trial in found.items() if not {key, _asked(trial)} & asked]
    return {**held, "trials": [*stays, *resolved["trials"]]} if stays else resolved


def _asked(trial: Mapping[str, Any]) -> str:
    return canonical(parameters_of(trial))


def parameters_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a trial as a study is stored."""
    return {name: value for name, value in stored.items() if name not in ("name", "key", "label")}


def write_study(folder: Path, resolved: Mapping[str, Any]) -> None:
    """Stores the resolved study, atomically."""
    aside = folder / f".study.{os.getpid()}"
    yaml = YAML(typ="safe")
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # theirs is declared by its default, None
    with aside.open("w") as file:
        yaml.dump(resolved, file)
    os.replace(aside, folder / "study.yaml")


def install(notebook: Path, folder: Path, name: str, room: str = TRIALS) -> None:
    """Puts an executed notebook in its place in `room`; what stood there goes to `past/` first."""
    target = folder / room / f"{name}.ipynb"
    target.parent.mkdir(exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(notebook, aside)
    put_past(folder, name, room)
    os.replace(aside, target)


def put_past(folder: Path, name: str, room: str) -> None:
    """Moves a notebook of `room` to `past/`, under a name of its own there, behind the page and the proof made of it:
    whoever is killed between them leaves the notebook, which goes the next time."""
    past, stamp = folder / PAST, time.strftime("%Y%m%d-%H%M%S")
    for suffix in (".html", ".py", ".ipynb"):
        old = folder / room / f"{name}{suffix}"
        if not old.exists():
            continue
        past.mkdir(exist_ok=True)
        new, n = past / f"{name}.{stamp}{suffix}", 2
        while new.exists():
            new, n = past / f"{name}.{stamp}-{n}{suffix}", n + 1
        os.replace(old, new)
