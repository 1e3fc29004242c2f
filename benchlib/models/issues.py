"""A user's own file of models that once failed, each with the whole trial that failed: `run issues/all`.

    - name: bert-at-length-512
      reason: "the export does not end"
      date: 2026-11-26
      trial: {model: huggingface/BertForMaskedLM, seq_length: 512, exporter: onnx_dynamo}

It is `params/issues.yaml`, or what BENCHLIB_ISSUES names. A name of it stands for its trial: a plan puts the trial's
parameters in its place (`benchlib.plan.issues`), so nothing is ever loaded under the name itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Required, TypedDict

from benchlib import yaml_file
from benchlib.errors import UserError
from benchlib.registry import CatalogueRow, Parameters, Source

KEYS = ("name", "reason", "date", "trial")


class Issue(TypedDict, total=False):
    """An entry of the file, as YAML has it: its comments stay when another one is added."""

    name: Required[str]
    reason: str
    date: Any  # as it was written: a date, or a text
    trial: Required[Parameters]  # those that differ from their defaults, the model among them


def path() -> Path:
    """The file, whether it is there or not."""
    return Path(os.environ.get("BENCHLIB_ISSUES") or Path("params") / "issues.yaml").expanduser()


def entries() -> list[Issue]:
    """What the file holds; nothing where there is none. Raises UserError with the first mistake and its line."""
    try:
        document = yaml_file.read(path())
    except FileNotFoundError as error:
        if os.environ.get("BENCHLIB_ISSUES"):
            raise UserError(f"BENCHLIB_ISSUES: there is no file {path()}") from error
        return []
    if document is None:
        return []
    if not isinstance(document, list):
        raise UserError(f"{path()}:1: issues are a list of entries with {', '.join(KEYS)}")
    taken: set[str] = set()
    lines: Any = document  # ruamel's list knows where its entries stand
    for index, entry in enumerate(document):
        if problem := _problem(entry, taken):
            raise UserError(f"{path()}:{lines.lc.data[index][0] + 1}: {problem}")
        taken.add(entry["name"])
    return document


def _problem(entry: Any, taken: set[str]) -> str | None:
    if not isinstance(entry, dict):
        return f"an entry with {', '.join(KEYS)} is wanted here"
    if unknown := [key for key in entry if key not in KEYS]:
        return f"unknown key '{unknown[0]}'; an entry has {', '.join(KEYS)}"
    if not isinstance(entry.get("name"), str) or not entry["name"]:
        return "the entry has no name"
    if entry["name"] in taken:
        return f"a second entry is called '{entry['name']}'"
    if not isinstance(entry.get("trial"), dict) or not isinstance(entry["trial"].get("model"), str):
        return f"{entry['name']}: trial is a mapping of parameters, with its model"
    if entry["trial"]["model"].startswith(f"{source.name}/"):
        return f"{entry['name']}: its model is an issue itself"
    return None


def catalogue() -> list[CatalogueRow]:
    return [
        {
            "name": entry["name"],
            "alias_of": entry["trial"]["model"],
            "summary": " ".join([str(entry.get("date") or ""), str(entry.get("reason") or "")]).strip(),
        }
        for entry in entries()
    ]


def load(name: str, trial: Any) -> Any:
    raise UserError(_standing(name))


def refuse(trial: Any) -> str | None:
    return _standing(trial.model.partition("/")[2])


def _standing(name: str) -> str:
    return f"{source.name}/{name} stands for a whole trial: run it from a study or the command line"


source = Source(
    name="issues",
    summary="models that once failed, each with its trial: your own file, params/issues.yaml",
    load=load,
    catalogue=catalogue,
    refuse=refuse,
)
