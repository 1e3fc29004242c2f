"""What a report makes of trials that nobody could compare: shown, marked, counted, and never fastest."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from benchlib.record import NOT_RUN, STAGES, STATUSES
from benchlib.report import collate, coverage, findings, tables
from benchlib.report.failures import failures_table
from benchlib.report.page import Report
from benchlib.report.summary import summary

REASON = "the model draws random numbers: <dropout>"


@pytest.fixture
def results(study):
    """The made-up study with one row of a random model, whose speedup is large."""
    found = collate(study)
    table = found.table
    row = table.index[(table["status"] == "ok") & ~table["control"].astype(bool) & (table["speedup"] > 1)][0]
    table.loc[row, ["status", "stage", "reason"]] = "unverified", "check", REASON
    table.loc[row, ["verdict", "p_value"]] = None
    table.loc[row, ["ground_truth_is", "inputs_not_moved"]] = "random: dropout", "t"
    table.loc[row, ["speedup", "speedup_low", "speedup_high"]] = 987.0, 986.0, 988.0
    return found


def row_of(html: str) -> BeautifulSoup:
    rows = BeautifulSoup(html, "html.parser").select("tbody tr")
    return next(row for row in rows if row.select(".badge.unverified"))


def test_its_speedup_is_shown_and_marked(results):
    row = row_of(tables.main_table(results.table))
    assert "987" in row.text
    assert [span["title"] for span in row.select("span.quiet") if span.text == "unverified"] == [REASON]


def test_the_head_counts_it_and_decides_nothing_by_it(results):
    text = findings.verdicts(results.table)
    assert "1 trial could not be compared with what counts as right (unverified)" in text
    assert "987" not in text
    before = results.table[results.table["status"] != "unverified"]
    assert text.startswith(findings.verdicts(before))


def test_all_counts_have_it(results, monkeypatch):
    monkeypatch.setattr("benchlib.report.page.read", lambda study: results)
    report = Report(results.folder)
    assert results.counts()["unverified"] == 1
    assert " 1 unverified" in summary(results)
    assert "1 unverified" in report.failures().text and "(unverified)" in report.accuracy().text
    assert REASON.replace("<", "&lt;").replace(">", "&gt;") in failures_table(results)


def test_its_row_says_what_the_comparison_does_not_cover(results):
    row = row_of(tables.accuracy_table(results.table))
    assert "the model is random: dropout" in row.text and "checked for one value of t alone" in row.text
    others = results.table[results.table["status"] != "unverified"]
    assert "one value" not in tables.accuracy_table(others) and "the model is" not in tables.accuracy_table(others)


def test_what_proves_nothing_and_what_was_not_compared_is_told(results):
    row = results.table.index[results.table["status"] == "unverified"][0]
    told = {"outputs_not_compared": "loss", "outputs_constant": "anchors", "outputs_unproven": 0.4}
    for name, value in told.items():
        results.table[name] = results.table[name].astype(object)
        results.table.loc[row, name] = value
    text = row_of(tables.accuracy_table(results.table)).text
    for words in ("loss among the outputs: Python's own", "proves nothing: anchors", "40% of the elements prove"):
        assert words in text
    results.table.loc[row, list(told)] = "", "", 0.0
    assert "prove" not in row_of(tables.accuracy_table(results.table)).text


def test_every_outcome_has_a_place_in_the_order_of_the_coverage():
    plain = [pd.Series({"status": status, "stage": None}) for status in (*STATUSES, NOT_RUN) if status != "failed"]
    staged = [pd.Series({"status": "failed", "stage": stage}) for stage in STAGES]
    places = [coverage._ORDER[coverage.outcome(row)] for row in (*plain, *staged)]
    assert len(set(places)) == len(places) and None not in places
    assert coverage._ORDER["ok"] < coverage._ORDER["unverified"] < coverage._ORDER["inaccurate"]
    assert coverage._ORDER["inaccurate"] < coverage._ORDER["failed: load"] < coverage._ORDER["timeout"]
