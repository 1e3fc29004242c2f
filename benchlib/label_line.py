"""The first line of a model script: `# labels: author::google test_group::daily,monthly`, and its docstring.

    of_file(path)                   {"author": ["google"], "test_group": ["daily", "monthly"]}
    fits(labels, "author::google,meta")

In a record each label is a column, `label_author`, with its values joined by commas; the script's docstring, which says
where the model comes from, is `model_provenance`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from benchlib.errors import UserError

COLUMN = "label_"
_LINE = re.compile(r"#\s*labels:(.*)")
_LABEL = re.compile(r"(\w+)::([^\s,:]+(?:,[^\s,:]+)*)")
Labels = dict[str, list[str]]


def of_file(path: str | Path) -> Labels:
    """The labels of a script; none where its first line is another. Raises UserError for a line that cannot be read."""
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        found = _LINE.match(file.readline())
    return parse(found[1], f"{path}:1") if found else {}


def fits(labels: Mapping[str, list[str]], asked: str) -> bool:
    """Whether every key that is asked for holds one of the values asked: `author::google,meta test_group::daily`."""
    return all(set(labels.get(key, ())) & set(values) for key, values in parse(asked, "labels").items())


def unreadable(path: str | Path) -> str | None:
    """What is wrong with the labels of a script; None where they can be read, or there are none."""
    try:
        of_file(path)
    except UserError as error:
        return str(error)
    return None


def provenance(path: str | Path) -> str:
    """The docstring of a script, which says where the model comes from; "" where there is none."""
    try:
        return ast.get_docstring(ast.parse(Path(path).read_bytes())) or ""
    except (OSError, SyntaxError, ValueError):
        return ""


def parse(text: str, place: str) -> Labels:
    """The labels in a text. Raises UserError, which names `place`, for one that cannot be read."""
    found: Labels = {}
    for word in text.split():
        label = _LABEL.fullmatch(word)
        if label is None or label[1] in found:
            what = f"'{word}' is no label" if label is None else f"the key {label[1]} stands twice"
            raise UserError(f"{place}: {what}; labels are written key::value1,value2 and parted by blanks")
        found[label[1]] = label[2].split(",")
    return found
