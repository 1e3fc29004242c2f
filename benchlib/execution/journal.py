"""The journal of a study's runs: one JSON line per event, appended, never rewritten."""

from __future__ import annotations

import datetime
import json
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
