"""What a failed export says of itself, next to its row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from fake_coverage import TROUBLES, covered
from fake_study import EVIL, planned, write_plan, write_trial

from benchlib.record import ExportReport, SmallestFailure
from benchlib.report import export_report
from benchlib.report.page import Report
from benchlib.report.tables import record_card

SMALLEST = SmallestFailure("encoder.layer.0", "Layer", "Unsupported", "no u0", tried=14, complete=True)
WHOLE = ExportReport("TorchExportError", "Failed to export\x1b[0m")


def text(**changes) -> str:
    report = replace(WHOLE, smallest=replace(SMALLEST, **changes))
    return BeautifulSoup(export_report.describe_smallest(report), "html.parser").get_text()


def test_the_smallest_part_is_named_with_its_class_and_what_it_says():
    assert text() == (
        "smallest part that fails: encoder.layer.0 (Layer): Unsupported: no u0 (14 parts exported by themselves)"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"complete": False}, "the search was not finished, smaller ones may fail too"),
        ({"path": ""}, "smallest part that fails: the model itself (Layer)"),
        ({"message": "x" * 999}, "x" * 100),
        ({"message": EVIL}, EVIL),
        ({"message": "\x1b[96mblue\x1b[0m"}, "Unsupported: blue"),
        ({"tried": 1}, "(1 part exported by itself)"),
    ],
)
def test_it_says_so(changes, words):
    assert words in text(**changes)
    assert len(text(**changes)) < 500


@pytest.mark.parametrize("report", [None, WHOLE])
def test_nothing_is_said_of_a_part_that_was_not_found(report):
    assert export_report.describe_smallest(report) == ""


def test_the_cause_is_that_of_the_smallest_part_and_else_of_the_whole():
    assert export_report.root_cause(replace(WHOLE, smallest=SMALLEST)) == ("Unsupported", "no u0")
    assert export_report.root_cause(WHOLE) == ("TorchExportError", "Failed to export")
    assert export_report.root_cause(None) is None


def test_the_row_of_a_failed_export_has_the_part_and_both_commands(tmp_path):
    record = covered("a", "onnx_dynamo", "", False, TROUBLES[0])
    (tmp_path / "s" / "trials").mkdir(parents=True)
    write_trial(tmp_path / "s", record)
    write_plan(tmp_path / "s", {"name": "s", "trials": [planned(record)]})
    soup = BeautifulSoup(Report(tmp_path / "s").failures().text, "html.parser")
    assert "(Attention): Unsupported: Data-dependent branching" in soup.select_one("p.smallest").text
    commands = [code.text for code in soup.select("code.command")]
    assert commands == [record.reproduce, record.export_report.reproduce]
    assert "\x1b" not in soup.get_text() and "[96m" not in soup.get_text()


def test_the_card_of_the_trial_names_the_part_too():
    assert "encoder.layer." in record_card(covered("a", "onnx_dynamo", "", False, TROUBLES[0]))
    assert "smallest part" not in record_card(covered("a", "onnx_dynamo", "", False))
