"""Where a sweep stands, from its outputs alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchlib.errors import UserError
from benchlib.execution import journal
from benchlib.record import STATUSES, scrap


def status(folder: Path) -> dict[str, Any]:
    """{"planned", "counts": {status: n}, "missing": [names], "running": name or "", "unreadable": [lines]}.

    Raises UserError for a folder that holds no study.
    """
    try:
        study = YAML(typ="safe").load((folder / "study.yaml").read_text())
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no study (no study.yaml)") from error
    records, unreadable = scrap.read_all(folder / "trials")
    by_key = {record["key"]: record["status"] for record in records.values()}
    found = [by_key.get(trial["key"]) for trial in study["trials"]]
    last = journal.events(folder)[-1:]
    return {
        "planned": len(found),
        "counts": {s: found.count(s) for s in STATUSES if s in found},
        "missing": [t["name"] for t, s in zip(study["trials"], found, strict=True) if s is None],
        "running": last[0]["name"] if last and last[0]["event"] == "start" else "",
        "unreadable": unreadable,
    }


def as_text(folder: Path) -> str:
    """The same in a few lines."""
    found = status(folder)
    counts = " + ".join(f"{n} {s}" for s, n in found["counts"].items()) or "nothing yet"
    lines = [f"{folder}: {found['planned']} planned = {counts}"]
    if found["missing"]:
        lines[0] += f" + {len(found['missing'])} not run"
    if found["running"]:
        lines.append(f"last started: {found['running']}")
    return "\n".join([*lines, *(f"skipped {line}" for line in found["unreadable"])])
