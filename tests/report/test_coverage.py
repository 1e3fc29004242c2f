"""What works and what does not: rates, the matrix, the reasons by kind."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from fake_coverage import TROUBLES, WAYS, covered, make_coverage
from fake_study import EVIL, make_record, planned, write_plan, write_trial

from benchlib.record import Record
from benchlib.report import coverage
from benchlib.report.collate import read
from benchlib.report.columns import page_of
from benchlib.report.page import Report


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return read(make_coverage(tmp_path_factory.mktemp("coverage") / "s", models=12))


@pytest.fixture
def study_of(tmp_path):
    def make(records: list[Record], missing: tuple[Record, ...] = ()):
        (tmp_path / "s" / "trials").mkdir(parents=True)
        for record in records:
            write_trial(tmp_path / "s", record)
        plan = [planned(r) | r.trial for r in (*records, *missing)]
        write_plan(tmp_path / "s", {"name": "s", "trials": plan})
        return read(tmp_path / "s")

    return make


def cells(html: str) -> tuple[list[str], list[list[str]]]:
    soup = BeautifulSoup(html, "html.parser")
    heads = [th.get_text() for th in soup.select("thead th")]
    return heads, [[td.get_text(" ", strip=True) for td in tr.select("td")] for tr in soup.select("tbody tr")]


def test_a_row_of_rates_for_each_way_with_and_without_free_shapes(results):
    heads, rows = cells(coverage.rates_table(results.table))
    assert [row[:2] for row in rows] == [
        ["+".join(filter(None, way)), shapes] for way in WAYS for shapes in ("static", "dynamic")
    ]
    number = lambda text: 0 if text == "–" else int(text)  # noqa: E731
    for row in rows:
        counts = dict(zip(heads[4:], map(number, row[4:]), strict=True))
        assert sum(counts.values()) == 12 == int(row[3]), "planned is the sum of all outcomes"
        assert row[2] == coverage._percent(counts["ok"], 12)
    assert sum(number(row[4]) for row in rows) == (results.table["status"] == "ok").sum()


@pytest.mark.parametrize(
    ("ok", "n", "text"), [(0, 3, "0 %"), (3, 3, "100 %"), (999, 1000, "99 %"), (33, 40, "82 %"), (1, 1000, "0 %")]
)
def test_all_and_nothing_are_never_rounded_to(ok, n, text):
    assert coverage._percent(ok, n) == text


def test_every_cell_of_the_matrix_is_a_word_with_a_link_and_the_whole_of_it_to_be_read_out(results):
    soup = BeautifulSoup(coverage.matrix(results.table), "html.parser")
    marks = soup.select("td.mark .badge")
    assert len(marks) == 96 == len(soup.select("td.mark a"))
    found = Counter(mark["aria-label"].rpartition(": ")[0] for mark in marks)
    table = results.table
    assert found == Counter(
        f"{row['model_name']}, {row['way']}" + (": failed" if row["status"] == "failed" else "")
        for row in table.to_dict("records")
    )
    failed = next(mark for mark in marks if "failed" in mark["class"])
    assert failed.text.startswith("✗ ") and failed["title"].startswith("failed: ")
    assert {mark["href"] for mark in marks} == {page_of(n) for n in table["notebook"]}


def test_what_was_not_planned_is_no_failure_and_what_has_not_run_has_no_link(study_of):
    records = [
        covered("a", "script", "", False),
        covered("a", "onnx_dynamo", "", True),
        covered("b", "script", "", True),
    ]
    results = study_of(records, (covered("b", "onnx_dynamo", "", True),))
    heads, rows = cells(coverage.matrix(results.table))
    assert heads[1:] == ["script static", "script dynamic", "onnx_dynamo dynamic"]
    assert rows == [["a", "ok", "·", "ok"], ["b", "·", "ok", "not run"]]
    assert len(BeautifulSoup(coverage.matrix(results.table), "html.parser").select("td.mark a")) == 3


def test_conditions_have_rows_of_their_own(study_of):
    records = [covered("a", "script", "", False), covered("a", "script", "", False)]
    records[1] = replace(records[1], key="x", name="x", trial=records[1].trial | {"batch_size": 8})
    assert cells(coverage.matrix(study_of(records).table))[1] == [["a", "batch 1", "ok"], ["a", "batch 8", "ok"]]


def test_reasons_are_counted_by_kind_and_exports_by_their_root_cause(study_of):
    chance = random.Random(1)
    unsupported = [covered(f"m{n}", "onnx_dynamo", "", bool(n % 2), TROUBLES[0], chance) for n in range(4)]
    operator = [covered(f"m{n}", "script", "", False, TROUBLES[1], chance) for n in range(2)]
    refused = covered("m0", "script", "", True, TROUBLES[6], chance)
    results = study_of([*operator, *unsupported, refused])
    found = coverage.reasons(results)
    assert [(reason.outcome, len(reason.rows)) for reason in found] == [
        ("failed: export", 4), ("failed: export", 2), ("refused", 1),
    ]  # fmt: skip
    assert found[0].text == "Unsupported: Data-dependent branching on u·", "not the text that wraps all failures"
    _, rows = cells(coverage.reasons_table(results))
    assert rows[0][:3] == ["4", "4", "failed: export"]
    assert rows[0][4].replace("\xa0", " ") == "onnx_dynamo 2 + 2 dynamic"
    assert rows[2][3].startswith("dynamic: no dimension")


def test_a_small_study_that_is_all_ok_has_no_such_section(study_of):
    results = study_of([covered("a", e, "", False) for e in ("script", "onnx_dynamo")])
    assert not coverage.shown(results.table)
    assert Report(results.folder).coverage() is None


def test_many_models_have_it_although_all_are_ok(study_of):
    results = study_of([covered(f"m{n}", "script", "", False) for n in range(11)])
    assert coverage.shown(results.table)
    html = Report(results.folder).coverage()._repr_html_()
    assert "11 of 11 planned trials are ok (100 %)." in html and "The reasons" not in html


def test_one_way_of_which_some_fail_is_told_by_the_main_table(study_of):
    assert not coverage.shown(study_of([covered("a", "script", "", False, TROUBLES[0])]).table)


def test_a_study_of_the_old_kind_has_it_too(study):
    table = read(study).table
    _, rows = cells(coverage.matrix(table))
    assert [row[:2] for row in rows[:2]] == [["all-MiniLM-L6-v2", "batch 1"], ["all-MiniLM-L6-v2", "batch 8"]]
    assert EVIL not in coverage.matrix(table)
    name = make_record("BertForMaskedLM", "inductor", 1).name
    assert f"trials/{name}.html" in coverage.matrix(table)


def test_nothing_timed_of_many_trials_draws_nothing(results):
    report = Report(results.folder)
    for section in (report.speedup, report.latency, report.costs, report.accuracy, report.fastest):
        assert "<img" not in section()._repr_html_()
    assert len(report.coverage()._repr_html_()) > 1000
