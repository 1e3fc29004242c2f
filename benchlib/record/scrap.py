"""Records and samples in a notebook, in scrapbook's format, so that scrapbook reads our notebooks too.

A scrap is a `display_data` output with the MIME type below and scrapbook's v1 payload
(https://github.com/nteract/scrapbook, schemas/scrap.v1.json). The record is one scrap, the raw samples
another; reading records leaves the samples packed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchlib.record.record import STATUSES, Record

MIME = "application/scrapbook.scrap.json+json"
RECORD, SAMPLES = "benchlib.record", "benchlib.samples"


class NoRecord(Exception):
    """A notebook that holds no record that can be read; its text says which and why."""


def payload(name: str, data: Any) -> tuple[dict, dict]:
    """Data and metadata of the `display_data` output that holds `data` under `name`."""
    body = {"name": name, "data": plain(data), "encoder": "json", "version": 1}
    return {MIME: body}, {"scrapbook": {"name": name, "data": True, "display": False}}


def output(name: str, data: Any) -> dict:
    """The `display_data` output that holds `data` under `name`, for a cell of a notebook file."""
    bundle, metadata = payload(name, data)
    return {"output_type": "display_data", "data": bundle, "metadata": metadata}


def read_record(path: str | Path) -> Record:
    """The record in an executed notebook. Raises NoRecord."""
    data = read(path, RECORD)
    try:
        return record_of(data)
    except NoRecord as error:
        raise NoRecord(f"{Path(path).name}: {error}") from error


def record_of(data: Any) -> Record:
    """The record in the data of a scrap. Raises NoRecord."""
    if not (isinstance(data, dict) and {"key", "status", "trial"} <= set(data)):
        raise NoRecord("its record lacks key, status or trial")
    if data["status"] not in STATUSES or not isinstance(data["trial"], dict):
        raise NoRecord("its record is of another kind")
    try:
        return Record.from_json(data)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise NoRecord(f"its record cannot be read ({type(error).__name__}: {error})") from error


def read(path: str | Path, name: str) -> Any:
    """The data of the last scrap `name` in a notebook, as JSON has it. Raises NoRecord."""
    path = Path(path)
    try:
        notebook = json.loads(path.read_bytes())
        found = [scrap["data"] for scrap in _scraps(notebook) if scrap["name"] == name]
    except (ValueError, OSError, TypeError, KeyError, AttributeError) as error:
        raise NoRecord(f"{path.name}: not a readable notebook ({type(error).__name__}: {error})") from error
    if not found:
        raise NoRecord(f"{path.name}: holds no {name}: half written, or not a trial of this project")
    return found[-1]


def read_all(folder: Path) -> tuple[dict[Path, Record], list[str]]:
    """The records of all notebooks in `folder` by path, and one line for each notebook that was skipped."""
    records, skipped = {}, []
    for path in sorted(folder.glob("*.ipynb")):
        try:
            records[path] = read_record(path)
        except NoRecord as error:
            skipped.append(str(error))
    return records, skipped


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: numpy scalars and arrays, sets and paths become plain; a number that is
    not finite becomes the text `inf`, `-inf` or `nan` (JSON has none, and browsers refuse Python's)."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _scraps(notebook: dict) -> Iterator[dict]:
    for cell in notebook["cells"]:
        for out in cell.get("outputs", ()):
            if MIME in out.get("data", ()):
                yield out["data"][MIME]
