"""The record is stored and read back whole, and what an earlier version stored becomes the same values."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from benchlib.record import NOT_RUN, SCHEMA, STATUSES, Failure, Record, scrap
from benchlib.record.metadata import PassStep, Session
from benchlib.record.metrics import Metrics
from benchlib.record.record import (
    ContenderEnergy,
    ContenderRecord,
    Decision,
    DeviceTimes,
    EnergyRecord,
    EnergyRepeat,
    ExportReport,
    Footprint,
    GraphSize,
    MemoryRecord,
    OperatorTime,
    OutputComparison,
    ProcessSettings,
    ProcessStability,
    SmallestFailure,
    StepTime,
    TrialFiles,
)

STORED = sorted((Path(__file__).parent.parent / "data" / "study-8922cd1").glob("*/*.ipynb"))

SESSION = Session(
    "CPUExecutionProvider", 2, 1, "input", "weights", ["cpu"], {"matmul": "ieee"}, ["x"], {"CPUExecutionProvider": 2},
    1.0, 0.5, 0.4, 0.1, "/bin/python", "cold", {"graph_optimization": "ORT_ENABLE_ALL"},
)  # fmt: skip
FULL = Record(
    key="k" * 64,
    name="mlp-script-kkkkkkkk",
    status="inaccurate",
    trial={"model": "explicit/mlp", "batch_size": 4, "reference": {"exporter": "eager"}},
    metrics=Metrics(time_latency=1e-3, verdict="faster", break_even=math.inf),
    details={"revision": "abc"},
    stage="check",
    reason="output 0: 3 elements beyond the tolerance",
    error=Failure("check", "Inaccurate", "output 0: 3 elements beyond the tolerance", "Inaccurate: ·", "Trace", "log"),
    reproduce="python -m benchlib run explicit/mlp",
    steps={"load": StepTime(0.6, "ok", 0.1)},
    contenders=[
        ContenderRecord("eager", {"exporter": "eager"}),
        ContenderRecord(
            "script", {"exporter": "script"}, SESSION, [DeviceTimes(9, 6e-4, 3e-4, 1e-4, 2e-4, 5e-4)],
            [ProcessSettings("a" * 64, "CUDA", 2, ["cuda:0"], {"matmul": "tf32"})],
        ),
    ],
    outputs=[
        OutputComparison(
            0, "y", [4, 10], "float32", "tolerance", "batch 7", 1e-6, 1e-5, 1e-7, 2e-6, 3e-6, 4e-6, 0.75, 0.99, 0.5, 3,
            1, 1e-4, 0.9, 0.8, "channel 5", 0.7,
        )
    ],
    decisions=[Decision("net.py", 3, "if x:", "bool", "True", "input", ["x"], "the outputs change", False, 2, [8])],
    phases={"own": {"export": [2.0], "first": [0.1, 0.2]}},
    stability=[ProcessStability(1, 2, ["bimodal"], [1e-3, 2e-3], [1e-3, 1.2e-3], 1.5)],
    profile=[OperatorTime("MatMul", "CPUExecutionProvider", 2.0, 1e-4)],
    passes=[PassStep("ort", 0.2, 9, 8, 3, 2, {"Add": 3}, {"Add": 2}, ["Gelu"], {"level": 1}, {"casts_added": 2})],
    operators={"MatMul": 2},
    graph=GraphSize(3, 4, 17, 900, 1, 2),
    export_report=ExportReport("E", "whole", SmallestFailure("a.b", "Layer", "E", "part", 7, False), "python again"),
    files=TrialFiles("/in.npz", "/m.onnx", "/out.npz"),
    fingerprint={"packages": {"numpy": "2"}},
    memory=[
        MemoryRecord(
            "eager", "none", {"MALLOC_ARENA_MAX": "1"}, [{"baseline": Footprint(9, 8, 7, 6, 5, 4, 3, 2, 1)}],
            [{"export": Footprint(1, 2, 3, 4, 5, 6, 7, 8, 9)}],
        )
    ],
    energy=EnergyRecord("rapl", "why", [ContenderEnergy("eager", "no", [EnergyRepeat(1.0, 2.0, 3.0, 4.0, 5)])]),
    checks={"phases": "passed"},
    suspect=["phases"],
    first_schema=1,
)  # fmt: skip


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
