"""What is wrong with the parameters of a trial, in words that say what would be right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchlib.errors import UserError, suggestion
from benchlib.trial import Trial
from benchlib.trial_values import RECORDED

IN_FILES = ("sequence", "runtime", "exporter")  # parameters that may name a file of the user's


Problem = tuple[str, str]  # a parameter, and what is wrong with it


def make(values: Mapping[str, Any]) -> Trial:
    """A Trial. Raises UserError with a complaint for everything that is wrong with `values`."""
    trial, found = judged(values)
    if trial is None:
        raise UserError(*(message for _, message in found))
    return trial


def problems(values: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with `values`; empty when a Trial can be made."""
    return judged(values)[1]


def judged(values: Mapping[str, Any]) -> tuple[Trial | None, list[Problem]]:
    """The Trial of some values; None where something is wrong with them, and that."""
    try:
        return Trial(**values), []
    except ValidationError as error:
        return None, list(dict.fromkeys(_in_words(e) for e in error.errors()))
    except UserError as error:
        return None, [(_about(values, str(error)), str(error))]


def _about(values: Mapping[str, Any], text: str) -> str:
    """The parameter whose file a complaint names; `model` where it names none."""
    given = {name: str(values[name]).rpartition(":")[0] or values[name] for name in IN_FILES if values.get(name)}
    return next((name for name, file in given.items() if Path(file).name in text), "model")


def _in_words(error: Any) -> tuple[str, str]:
    name = str(error["loc"][0]) if error["loc"] else ""
    value, context = error.get("input"), error.get("ctx", {})
    if name == "shapes":  # a union: pydantic complains once for each of its members
        return name, "shapes: lists of whole numbers are wanted, by input name or in the graph's order"
    if name == "batch_size":
        return name, f"batch_size: a whole number above 0 or {RECORDED} is wanted, not {value!r}"
    match error["type"]:
        case "extra_forbidden":
            return name, f"unknown parameter '{name}'{suggestion(name, Trial.model_fields)}"
        case "missing":
            return name, f"{name} is missing"
        case "literal_error" if isinstance(value, str) and name not in ("warmup", "repeat", "warmup_time", "duration"):
            options = re.findall(r"'([^']+)'", context["expected"])
            return name, f"{name}: '{value}' is none of {', '.join(options)}{_did_you_mean(value, options)}"
        case "value_error":
            text = str(context["error"])
            found = re.match(r"(\w+): ", text)
            return (found[1], text) if not name and found else (name, f"{name}: {text}" if name not in text else text)
        case "string_pattern_mismatch" if name == "device":
            return name, f"device: '{value}' is none of cpu, cuda, cuda:N"
    return name, f"{name}: {error['msg'][0].lower()}{error['msg'][1:]}, not {value!r}"


def _did_you_mean(value: str, options: list[str]) -> str:
    text = suggestion(value, options)
    return text if "did you mean" in text else ""
