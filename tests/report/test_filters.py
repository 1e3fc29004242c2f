"""The bar over the results: what there is to choose by, and that every table of trials can follow it."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from fake_study import EVIL, EXPORTERS, make_record, make_samples, planned, write_plan, write_trial

from benchlib.record import Record
from benchlib.report import collate, columns, filters
from benchlib.report.page import Report

LABELS = {"label_author": "google", "label_test_group": "daily,monthly", "model_provenance": f"From {EVIL}, 2016."}


@pytest.fixture
def study_of(tmp_path):
    def make(records: list[Record]):
        (tmp_path / "s" / "trials").mkdir(parents=True)
        for record in records:
            write_trial(tmp_path / "s", record, make_samples(record))
        write_plan(tmp_path / "s", {"name": "s", "trials": [planned(r) for r in records]})
        return tmp_path / "s"

    return make


@pytest.fixture
def labelled(study_of):
    """Two models, of which one has labels; the other's one way failed before anything was known."""
    records = [make_record("resnet18", exporter) for exporter in EXPORTERS]
    for record in records:
        record.metrics |= LABELS | {"suite": "timm", "model_class": "ResNet"}
    return study_of([*records, make_record(EVIL, "onnx_dynamo")])


def parse(html: str):
    """The options of each select, and what the script chooses by."""
    soup = BeautifulSoup(html, "html.parser")
    selects = {s["name"]: [option["value"] for option in s.select("option")][1:] for s in soup.select("select")}
    return soup, selects, json.loads(soup.find(id="filter-trials").string)


def test_columns_of_few_values_can_be_chosen_by(study):
    table = collate(study).table
    soup, selects, trials = parse(filters.bar(table))
    assert list(selects) == ["status", "model_name", "way", "batch_size"], "one suite, no labels, no class"
    assert selects["model_name"] == list(table["model_name"].unique()) and selects["batch_size"] == ["1", "8"]
    assert "failed (2)" in [option.text for option in soup.select("select[name=status] option")]
    assert len(trials) == 28 and soup.output.text == "28 of 28 rows"
    assert soup.form.has_attr("hidden"), "without JavaScript there is nothing that does not work"


def test_columns_of_many_values_are_left_to_the_box(study):
    table = pd.concat([collate(study).table] * 2, ignore_index=True)
    table["model_name"] = [f"model {n % 31}" for n in range(len(table))]
    table["key"] = [f"{n:064x}"[::-1] for n in range(len(table))]
    _, selects, trials = parse(filters.bar(table))
    assert "model_name" not in selects and "way" in selects
    assert all(f"model {n % 31}" in trial["text"] for n, trial in enumerate(trials.values()))


def test_labels_stand_first_and_each_of_their_values_by_itself(labelled):
    soup, selects, trials = parse(filters.bar(collate(labelled).table))
    assert list(selects)[:2] == ["label_author", "label_test_group"]
    assert selects["label_author"] == ["google", "–"] and selects["label_test_group"] == ["daily", "monthly", "–"]
    assert "model_class" not in selects and "suite" not in selects, "not known of a trial is no class of its own"
    first, *_, last = trials.values()
    assert first["label_test_group"] == ["daily", "monthly"] and last["label_test_group"] == ["–"]
    assert "2016" in first["text"] and "invalid model" in last["text"]
    titles = {label.find(["select", "input"])["name"]: label["title"] for label in soup.select("label")}
    assert titles["label_author"] == columns.hover("label_author") == "label of the model's script or corpus"
    assert all(titles.values())


def test_labels_and_provenance_reach_the_stored_tables(labelled):
    collate(labelled)
    for stored in (pd.read_parquet(labelled / "results.parquet"), pd.read_csv(labelled / "results.csv")):
        assert {name: stored.loc[0, name] for name in LABELS} == LABELS
        assert stored.loc[len(EXPORTERS), list(LABELS)].isna().all()


def test_a_study_of_one_row_has_no_bar(study_of):
    report = Report(study_of([make_record("resnet18", "eager")]))
    assert filters.bar(report.table) == "" and "<form" not in report.overview().text


def test_names_do_not_end_the_script_they_stand_in(labelled):
    text = filters.bar(collate(labelled).table)
    assert EVIL not in text and text.count("<script") == text.count("</script") == 1
    assert EVIL in parse(text)[2].popitem()[1]["text"]


@pytest.mark.process
def test_every_row_of_a_trial_carries_its_handle_and_no_other_row_does(published):
    soup = BeautifulSoup((published / "report.html").read_text(), "html.parser")
    known = set(json.loads(soup.find(id="filter-trials").string))
    carried = {
        box["aria-label"]: {row.get("data-trial") for row in box.select("tbody tr")} for box in soup.select(".box")
    }
    assert carried["All planned trials"] == known and len(known) == 28
    followers = {name for name, handles in carried.items() if handles <= known}
    assert followers == {
        "All planned trials", "Accuracy of each trial", "How well each trial was measured", "Trials without a figure",
        "Phases before the first steady call", "Shares of the machine's peaks",
    }  # fmt: skip
    assert all(handles == {None} for name, handles in carried.items() if name not in followers)
