"""What an earlier version stored becomes the same values."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchlib.record import (
    SCHEMA,
    STATUSES,
    ExportReport,
    Record,
    scrap,
)
from tests.record.full import FULL

STORED = sorted((Path(__file__).parent.parent / "data" / "study-8922cd1").glob("*/*.ipynb"))


def of_schema_1() -> dict[str, Any]:
    """The same trial as versions until November 2026 stored it."""
    record = json.loads(json.dumps(scrap.plain(FULL.to_json())))
    record["schema"] = 1
    (process,) = record.pop("stability")
    record["course"] = [{**process, "pair": process.pop("replicate")}]
    for contender in record["contenders"]:
        session = contender.pop("session", {})
        contender |= session.pop("details", {}) | session
        del contender["processes"]  # it kept those of the first process alone
        contender["device_times"] = [*contender["device_times"], None]
    for step in record["passes"]:
        step |= step.pop("details")
    smallest = record["export_report"]["smallest"]
    smallest["class"] = smallest.pop("class_name")
    return record


def test_what_an_earlier_version_stored_is_the_same_record():
    stored = json.loads(json.dumps(scrap.plain(FULL.to_json())))
    for contender in stored["contenders"]:
        contender["processes"] = []
    assert Record.from_json(of_schema_1()) == Record.from_json(stored)


def test_what_was_not_there_was_an_empty_mapping_in_schema_1():
    empty = {"error": {}, "graph": {}, "export_report": {}, "energy": {}, "course": [], "files": {}, "stage": None}
    record = Record.from_json({"schema": 1, "key": "k", "name": "n", "status": "ok", "trial": {}} | empty)
    assert record == Record("k", "n", "ok", {})
    report = {"exception": "E", "message": "m", "smallest": {}, "reproduce": "again"}
    record = Record.from_json({"key": "k", "name": "n", "status": "failed", "trial": {}, "export_report": report})
    assert record.export_report == ExportReport("E", "m", None, "again")


@pytest.mark.parametrize("notebook", STORED, ids=lambda path: path.stem)
def test_nothing_is_lost_of_a_record_that_the_code_of_8922cd1_stored(notebook):
    raw = scrap.read(notebook, scrap.RECORD)
    assert raw["schema"] == 1
    record = scrap.read_record(notebook)
    lost = _leaves({**raw, "schema": SCHEMA}) - _leaves(record.to_json())
    assert not lost
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert (record.status, dict(record.metrics)) == (raw["status"], raw["metrics"])


def _leaves(value: Any) -> Counter[str]:
    """How often each plain value stands in JSON, at any depth."""
    if isinstance(value, dict | list):
        return sum((_leaves(own) for own in (value.values() if isinstance(value, dict) else value)), Counter())
    return Counter() if value is None else Counter([repr(value)])


def test_the_stored_study_has_records_of_every_status():
    younger = {"unverified"}  # than the stored study
    assert {scrap.read_record(notebook).status for notebook in STORED} == set(STATUSES) - younger
