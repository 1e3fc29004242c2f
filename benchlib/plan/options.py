"""Parameters as the command line spells them: `--exporter eager,script --batch-size 1,4`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from benchlib.errors import UserError
from benchlib.trial import Trial

WHOLE = (
    "label",
    "tag",
    "shapes",
    "inputs",
    "script_args",
    "exporter_args",
    "pass_args",
    "runtime_args",
    "model_args",
)  # commas never split these
_PAIRS = {"[": "]", "{": "}", "(": ")"}


def values_of(parameter: str, text: str) -> list[Any]:
    """The values that an option's text gives: several when it has commas outside brackets and quotes."""
    parts = [text] if parameter in WHOLE else split(text)
    parts = _with_hashes(parts) if parameter == "model" else parts
    return [_value(parameter, part) for part in parts]


def _with_hashes(parts: list[str]) -> list[str]:
    """Models with the further hashes of `net.py::479b1332,215ca1e3` put back: a bare word names nothing else."""
    found: list[str] = []
    for part in parts:
        if found and "::" in found[-1] and re.fullmatch(r"\w+", part) and not Path(part).is_dir():
            found[-1] += f",{part}"
        else:
            found.append(part)
    return found


def split(text: str) -> list[str]:
    """Splits at commas that stand outside brackets, braces and quotes."""
    parts, current, closing, quote = [], "", [], ""
    for c in text:
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in _PAIRS:
            closing.append(_PAIRS[c])
        elif closing and c == closing[-1]:
            closing.pop()
        elif c == "," and not closing:
            parts.append(current.strip())
            current = ""
            continue
        current += c
    return [*parts, current.strip()]


def _value(parameter: str, text: str) -> Any:
    """A text stays a text where the parameter is one; everything else is read as YAML."""
    kinds = {inspect.unwrap(k) for k in _kinds(Trial.model_fields[parameter].annotation)}
    if kinds <= {str, type(None)}:
        return text
    if parameter == "shapes" and text.startswith("[") and not text.startswith("[["):
        text = f"[{text}]"  # deepsparse's spelling: [1,3,224,224],[1]
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        raise UserError(
            f"--{parameter.replace('_', '-')}: '{text}' is not a value: {str(error).splitlines()[0]}"
        ) from error


def _kinds(annotation: Any) -> list[Any]:
    inner = get_args(annotation)
    if not inner:
        return [annotation]
    if all(isinstance(i, str) for i in inner):  # Literal["a", "b"]
        return [str]
    return (
        [k for i in inner for k in _kinds(i)]
        if annotation.__class__.__module__ in ("types", "typing")
        else [annotation]
    )
