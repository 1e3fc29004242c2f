"""The labels of a model script: `# labels: key::v1,v2 key2::v3` on its first line."""

from __future__ import annotations

from pathlib import Path

from benchlib.errors import UserError

_MARK = "# labels:"


def of_file(path: str | Path) -> dict[str, list[str]]:
    """The labels by key; none without such a line, or for a file that is no text."""
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        line = file.readline().strip()
    return parsed(line.removeprefix(_MARK)) if line.startswith(_MARK) else {}


def fits(labels: dict[str, list[str]], wanted: str) -> bool:
    """Whether of each key in `author::google,meta task::text` one of the values is there."""
    return all(set(values) & set(labels.get(key, ())) for key, values in parsed(wanted).items())


def parsed(text: str) -> dict[str, list[str]]:
    found = {}
    for word in text.split():
        key, colons, values = word.partition("::")
        if not (key and colons and values):
            raise UserError(f"labels are written key::value1,value2, not '{word}'")
        found[key] = values.split(",")
    return found
