"""What a kept discovery depends on."""

import json
from pathlib import Path

from benchlib import artifacts
from benchlib.discovery import runs
from benchlib.discovery.dependencies import Dependencies


def dependencies(script: Path) -> Dependencies:
    (entry,) = [e for e in artifacts.entries() if e.kind == runs.KIND and _script_of(e) == str(script)]
    return runs._read(entry).dependencies


def _script_of(entry: artifacts.Entry) -> str:
    return json.loads((entry.path / runs.FILE).read_text())["discovery"]["script"]
