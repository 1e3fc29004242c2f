import json
import math
from dataclasses import replace

import numpy as np
import pytest

from benchlib.record import Record, scrap
from benchlib.record.metrics import METRICS, Metrics

RECORD = Record("k", "n", "ok", {"model": "planted/plain"}, Metrics(speedup=math.inf))


def notebook(path, *outputs):
    cell = {"cell_type": "code", "source": "", "metadata": {}, "execution_count": None, "outputs": list(outputs)}
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_record_is_read_back(tmp_path):
    path = notebook(
        tmp_path / "a.ipynb", scrap.output(scrap.SAMPLES, {"x": 1}), scrap.output(scrap.RECORD, RECORD.to_json())
    )
    assert scrap.read_record(path) == replace(RECORD, metrics=Metrics(speedup="inf"))
    assert scrap.read(path, scrap.SAMPLES) == {"x": 1}


def test_the_payload_is_scrapbooks(tmp_path):
    bundle, metadata = scrap.payload("name", {"a": np.float32(1.5), "b": np.arange(2), "c": None})
    assert bundle == {
        "application/scrapbook.scrap.json+json": {
            "name": "name", "data": {"a": 1.5, "b": [0, 1], "c": None}, "encoder": "json", "version": 1,
        }
    }  # fmt: skip
    assert metadata == {"scrapbook": {"name": "name", "data": True, "display": False}}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('{"cells": [', "not a readable notebook"),
        ("[]", "not a readable notebook"),
        ('{"cells": []}', "holds no benchlib.record"),
        ("\x00\xff", "not a readable notebook"),
    ],
)
def test_what_cannot_be_read_is_skipped_by_name(tmp_path, content, word):
    (tmp_path / "bad.ipynb").write_text(content)
    notebook(tmp_path / "good.ipynb", scrap.output(scrap.RECORD, RECORD.to_json()))
    notebook(tmp_path / "foreign.ipynb", scrap.output(scrap.RECORD, {"other": 1}))
    records, skipped = scrap.read_all(tmp_path)
    assert [p.name for p in records] == ["good.ipynb"]
    assert len(skipped) == 2
    assert skipped[0].startswith("bad.ipynb: ")
    assert word in skipped[0]
    assert skipped[1].startswith("foreign.ipynb: ")


def test_what_is_stored_is_json_that_browsers_read():
    text = json.dumps(scrap.plain({"a": [math.nan, -math.inf], "b": {1, 2}, 3: np.bool_(True)}), allow_nan=False)
    assert json.loads(text) == {"a": ["nan", "-inf"], "b": [1, 2], "3": True}


def test_every_metric_is_declared_whole():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.formula
        assert metric.better in ("", "lower", "higher")
        if name.startswith("time_") and name not in ("time_start", "time_lost", "time_lost_reference"):
            assert metric.unit == "s", name
