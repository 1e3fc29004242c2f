"""The labels of a model: `# labels: author::google test_group::daily,monthly` on the first line of its script.

    benchlib.labels(trial)          of an executed trial: its notebook or its record; or of a Trial
    of_file(path)                   {"author": ["google"], "test_group": ["daily", "monthly"]}
    fits(labels, "author::google,meta")

The room and the verb have one name, so this module can be called. In a record each label is a column, `label_author`,
with its values joined by commas; the script's docstring, which says where the model comes from, is `model_provenance`.
"""

from __future__ import annotations

import ast
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchlib.errors import UserError

COLUMN = "label_"
_LINE = re.compile(r"#\s*labels:(.*)")
_LABEL = re.compile(r"(\w+)::([^\s,:]+(?:,[^\s,:]+)*)")
Labels = dict[str, list[str]]


def of_file(path: str | Path) -> Labels:
    """The labels of a script; none where its first line is another. Raises UserError for a line that cannot be read."""
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        found = _LINE.match(file.readline())
    return _read(found[1], f"{path}:1") if found else {}


def fits(labels: Mapping[str, list[str]], asked: str) -> bool:
    """Whether every key that is asked for holds one of the values asked: `author::google,meta test_group::daily`."""
    return all(set(labels.get(key, ())) & set(values) for key, values in _read(asked, "labels").items())


def unreadable(path: str | Path) -> str | None:
    """What is wrong with the labels of a script; None where they can be read, or there are none."""
    try:
        of_file(path)
    except UserError as error:
        return str(error)
    return None


def asked_for(model: str, asked: str) -> bool:
    """Whether a model by name fits. So does a script whose labels cannot be read: what becomes of it says why."""
    from benchlib.models import script

    _read(asked, "labels")
    return bool(script.is_script(model) and unreadable(script.path_of(model))) or fits(of_model(model), asked)


def provenance(path: str | Path) -> str:
    """The docstring of a script, which says where the model comes from; "" where there is none."""
    try:
        return ast.get_docstring(ast.parse(Path(path).read_bytes())) or ""
    except (OSError, SyntaxError, ValueError):
        return ""


def of_model(model: str) -> Labels:
    """The labels of a model by name: of its script, or of its suite's catalogue."""
    from benchlib.models import row, script

    return of_file(script.path_of(model)) if script.is_script(model) else dict(row(model).get("labels") or {})


def columns(model: str) -> dict[str, str]:
    """What a record says of a model's labels and provenance. Of a script that is not there any more: nothing."""
    from benchlib.models import script

    try:
        found = {f"{COLUMN}{key}": ",".join(values) for key, values in of_model(model).items()}
        return found | ({"model_provenance": provenance(script.path_of(model))} if script.is_script(model) else {})
    except (UserError, OSError):
        return {}


def of_trial(trial: Any) -> Labels:
    """The labels of a trial: its executed notebook, its record, or a `benchlib.Trial`. Raises UserError."""
    if hasattr(trial, "model"):
        return of_model(trial.model)
    if not isinstance(trial, Mapping):
        from benchlib.record import scrap

        try:
            trial = scrap.read(Path(trial))
        except scrap.NoRecord as error:
            raise UserError(str(error)) from error
    metrics = trial["metrics"].items()
    return {name.removeprefix(COLUMN): value.split(",") for name, value in metrics if name.startswith(COLUMN)}


def _read(text: str, place: str) -> Labels:
    found: Labels = {}
    for word in text.split():
        label = _LABEL.fullmatch(word)
        if label is None or label[1] in found:
            what = f"'{word}' is no label" if label is None else f"the key {label[1]} stands twice"
            raise UserError(f"{place}: {what}; labels are written key::value1,value2 and parted by blanks")
        found[label[1]] = label[2].split(",")
    return found


class _Labels(types.ModuleType):
    def __call__(self, trial: Any) -> Labels:
        return of_trial(trial)


sys.modules[__name__].__class__ = _Labels
