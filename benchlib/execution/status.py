"""Where a sweep stands, from its outputs alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from benchlib.errors import UserError
from benchlib.execution import journal, store
from benchlib.record import STATUSES, scrap


@dataclass(frozen=True)
class Status:
    """How far a sweep has come."""

    planned: int
    counts: Counter[str]  # how many trials ended as what
    missing: list[str]  # names of the trials without a record
    running: str  # the trial that was begun and has not ended; "" where there is none
    unreadable: list[str]  # a line for each notebook that cannot be read


def status(folder: Path) -> Status:
    """Where the sweep into a folder stands. Raises UserError for a folder that holds no study."""
    try:
        study = YAML(typ="safe").load((folder / "study.yaml").read_text())
    except FileNotFoundError as error:
        raise UserError(f"{folder} holds no study (no study.yaml)") from error
    records, unreadable = scrap.read_all(folder / "trials")
    planned = study["trials"]
    held = store.by_key(records, {trial["key"]: trial["name"] for trial in planned})
    by_key = {key: record.status for key, record in held.items()}
    last = journal.events(folder)[-1:]
    return Status(
        planned=len(planned),
        counts=Counter(by_key[trial["key"]] for trial in planned if trial["key"] in by_key),
        missing=[trial["name"] for trial in planned if trial["key"] not in by_key],
        running=last[0]["name"] if last and last[0]["event"] == "start" else "",
        unreadable=unreadable,
    )


def as_text(folder: Path) -> str:
    """Where the sweep into a folder stands, in a few lines. Raises UserError."""
    stands = status(folder)
    counts = " + ".join(f"{stands.counts[s]} {s}" for s in STATUSES if s in stands.counts) or "nothing yet"
    lines = [f"{folder}: {stands.planned} planned = {counts}"]
    if stands.missing:
        lines[0] += f" + {len(stands.missing)} not run"
    if stands.running:
        lines.append(f"last started: {stands.running}")
    return "\n".join([*lines, *(f"skipped {line}" for line in stands.unreadable)])
