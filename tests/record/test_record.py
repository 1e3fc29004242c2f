"""The record is stored and read back whole; what is none is refused in a line."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import pytest

from benchlib.record import (
    NOT_RUN,
    SCHEMA,
    ContenderRecord,
    OutputComparison,
    Record,
    scrap,
)
from benchlib.record.metrics import Metrics
from tests.record.full import FULL


def given_all(value: Any) -> bool:
    """Whether no field of a dataclass, at any depth, is left at its default."""
    if isinstance(value, list | tuple):
        return bool(value) and any(map(given_all, value))
    if isinstance(value, dict):
        return bool(value) and any(map(given_all, value.values()))
    if not is_dataclass(value):
        return True
    own = {field.name: (getattr(value, field.name), _default(field)) for field in fields(value)}
    return all(name == "schema" or (given != usual and given_all(given)) for name, (given, usual) in own.items())


def _default(field) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def test_every_field_of_every_part_is_stored_and_read_back():
    assert given_all(FULL), "a field that was added is to be given here"
    stored = json.loads(json.dumps(scrap.plain(FULL.to_json()), allow_nan=False))
    assert Record.from_json(stored) == replace(FULL, metrics=Metrics(FULL.metrics | {"break_even": "inf"}))


def test_what_does_not_apply_is_not_stored():
    stored = Record("k", "n", "ok", {}, outputs=[OutputComparison(0, "y", [1], "int64")]).to_json()
    assert not {"error", "graph", "export_report", "energy"} & set(stored)
    assert set(stored["outputs"][0]) == {"output", "name", "shape", "dtype", "passes", "inputs"}


def test_what_a_later_version_adds_is_left_out():
    stored = FULL.to_json()
    stored |= {"schema": SCHEMA + 1, "mood": "good"}
    stored["contenders"][1]["session"]["colour"] = "green"
    stored["metrics"]["of_tomorrow"] = 1
    record = Record.from_json(stored)
    assert record.contenders == FULL.contenders and record.metrics["of_tomorrow"] == 1


BROKEN = {
    "no mapping": [1, 2],
    "without a key": {"name": "n", "status": "ok", "trial": {}},
    "without a name": {"key": "k", "status": "ok", "trial": {}},
    "another status": {"key": "k", "name": "n", "status": "splendid", "trial": {}},
    "a status that never ran": {"key": "k", "name": "n", "status": NOT_RUN, "trial": {}},
    "no parameters": {"key": "k", "name": "n", "status": "ok", "trial": "explicit/mlp"},
    "contenders by name": {"key": "k", "name": "n", "status": "ok", "trial": {}, "contenders": {"eager": 1}},
    "steps that are numbers": {"key": "k", "name": "n", "status": "ok", "trial": {}, "steps": {"load": 0.5}},
    "a fingerprint in one word": {"key": "k", "name": "n", "status": "ok", "trial": {}, "fingerprint": "abc"},
    "a schema in words": {"schema": "two", "key": "k", "name": "n", "status": "ok", "trial": {}},
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("schema", [1, SCHEMA])
def test_what_is_no_record_is_one_line_that_names_the_notebook(tmp_path, data, schema):
    if isinstance(data, dict):
        data = {"schema": schema, **data}
    notebook = tmp_path / "a.ipynb"
    notebook.write_text(json.dumps({"cells": [{"outputs": [scrap.output(scrap.RECORD, data)]}]}))
    with pytest.raises(scrap.NoRecord) as error:
        scrap.read_record(notebook)
    assert str(error.value).startswith("a.ipynb: its record ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("ways", "control"),
    [
        ([], False),
        ([("eager", {"exporter": "eager"})], False),
        ([("eager", {"exporter": "eager"})] * 2, True),
        ([("eager", {"exporter": "eager"}), ("eager", {"exporter": "eager", "rtopt": "off"})], False),
        ([("eager", {"exporter": "eager"}), ("script", {"exporter": "script"})], False),
    ],
)
def test_a_control_is_a_way_against_itself(ways, control):
    record = Record("k", "n", "ok", {}, contenders=[ContenderRecord(*way) for way in ways])
    assert record.is_control is control
