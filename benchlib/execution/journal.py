"""The journal of a study's runs: one JSON line per event, appended, never rewritten."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NAME = "journal.jsonl"
Event = dict[str, Any]  # `time` and `event`, its kind; the rest are the facts of that kind


def note(folder: Path, event: str, **facts: Any) -> Event:
    """Appends an event and returns it."""
    line = {"time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    with (folder / NAME).open("a") as file:
        file.write(json.dumps(line) + "\n")
    return line


def digest(keys: Iterable[str]) -> str:
    """What tells the trials of a sweep from those of another."""
    return hashlib.sha256(" ".join(sorted(keys)).encode()).hexdigest()[:16]


def done_before_interrupt(folder: Path, keys: Iterable[str]) -> frozenset[str]:
    """The keys of what ran in the last sweep of a folder, where it was of just these trials and did not come to its
    end, and in those before it of which the same is true."""
    wanted, found, of_sweep = digest(keys), set[str](), set[str]()
    for event in reversed(events(folder)):
        kind = event.get("event")
        if kind == "end" or (kind == "sweep" and event.get("keys") != wanted):
            break
        if kind == "trial":
            of_sweep.add(str(event.get("key")))
        elif kind == "sweep":
            found, of_sweep = found | of_sweep, set()
    return frozenset(found)


def events(folder: Path) -> list[Event]:
    """All events; a last line that was cut off is left out."""
    try:
        lines = (folder / NAME).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
