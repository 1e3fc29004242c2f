"""The sections on graphs and passes: what they show, and that studies without either have neither."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from fake_coverage import covered, make_coverage
from fake_study import EVIL, make_record, planned, write_plan, write_trial

from benchlib.record import OperatorTime, Record
from benchlib.record.metadata import PassStep
from benchlib.report import passes
from benchlib.report.page import Report

SLOW = {"MatMul": (24, 2.2e-3), "Erf": (12, 0.6e-3)}
FAST = {"MatMul": (12, 1.0e-3), "FusedMatMul": (12, 0.1e-3)}


def with_profile(record: Record, times: dict[str, tuple[float, float]]) -> Record:
    return replace(record, profile=[OperatorTime(name, "CPU", calls, s) for name, (calls, s) in times.items()])


@pytest.fixture
def report_on(tmp_path):
    def make(*records: Record) -> Report:
        (tmp_path / "s" / "trials").mkdir(parents=True)
        for record in records:
            write_trial(tmp_path / "s", record)
        write_plan(tmp_path / "s", {"name": "s", "trials": [planned(r) for r in records]})
        return Report(tmp_path / "s")

    return make


def tables_of(html: str) -> list[dict[str, list[str]]]:
    found = []
    for table in BeautifulSoup(html, "html.parser").select("table"):
        heads = [th.button.get_text() for th in table.select("thead th")]
        rows = {}
        for first, *others in (tr.select("td") for tr in table.select("tbody tr")):
            rows[first.get_text()] = [td.get_text(" ", strip=True) for td in others]
        found.append({"heads": heads, **rows})
    return found


def test_a_study_without_graphs_and_passes_has_neither_section(report_on):
    report = report_on(make_record("resnet18", "eager"), make_record("resnet18", "inductor"))
    assert report.graphs() is None and report.passes() is None


def test_one_graph_of_a_model_is_compared_with_nothing(report_on):
    assert report_on(covered("a", "script", "", False), covered("b", "script", "", False)).graphs() is None


def test_the_table_has_the_facts_and_the_operators_that_differ(report_on):
    html = report_on(*(covered("a", *way, False) for way in (("script", ""), ("onnx_dynamo", "ort")))).graphs().text
    (table,) = tables_of(html)
    assert table["heads"] == ["operator", "script", "onnx_dynamo+ort"]
    assert table["nodes"] == ["708", "396 −312"] and table["fused nodes"] == ["0", "12 +12"]
    assert table["initializers"] == ["199", "199"] and table["opset"] == ["20", "20"]
    assert table["size"] == ["53.0 MiB", "52.4 MiB"]
    assert table["Erf"] == ["12", "0 −12"] and table["com.microsoft.Gelu"] == ["0", "12 +12"]
    assert "MatMul" not in table and "more kinds of operator are equally frequent" in html


def test_graphs_that_do_not_differ_share_a_column_or_a_sentence(report_on):
    ways = (("script", "", False), ("script", "", True), ("onnx_dynamo", "", False))
    (table,) = tables_of(report_on(*(covered("a", *way) for way in ways)).graphs().text)
    assert table["heads"][1:] == ["script, script dynamic", "onnx_dynamo"]


def test_alike_graphs_have_no_table(report_on):
    html = report_on(*(covered("a", "script", "", dynamic) for dynamic in (False, True))).graphs().text
    assert "script, script dynamic do not differ" in html and "<table" not in html


def test_the_time_of_each_operator_stands_beside_with_a_sentence_that_explains_the_gap(report_on):
    slow = with_profile(covered("a", "script", "", False), SLOW)
    fast = with_profile(covered("a", "onnx_dynamo", "", False), FAST)
    html = report_on(slow, fast).graphs().text
    assert "1.20 ms is MatMul: 24 calls against 12" in BeautifulSoup(html, "html.parser").li.text
    times = tables_of(html)[1]
    assert list(times)[1:] == ["MatMul", "Erf", "FusedMatMul", "all operators"], "the largest difference first"
    assert times["MatMul"] == ["2.20 24 calls", "1.00 −1.20 12 calls"]
    assert times["Erf"][1].startswith("– ")


def test_many_models_are_folded_and_two_are_not(report_on):
    ways = (("script", ""), ("onnx_dynamo", ""))
    html = report_on(*(covered(m, *way, False) for m in ("a", "b", EVIL) for way in ways)).graphs().text
    cases = BeautifulSoup(html, "html.parser").select("details.case")
    assert len(cases) == 3 and not any(case.has_attr("open") for case in cases)
    assert EVIL not in html and EVIL in cases[2].summary.text


def test_each_pass_has_a_row(report_on):
    record = covered("a", "onnx_dynamo", "ort", False)
    (ort,) = record.passes
    fp16 = PassStep(
        "fp16", 0.2, size_before=40 << 20, size_after=20 << 20, nodes_before=396, nodes_after=440,
        operators_before={"Add": 4}, operators_after={"Add": 4, "Cast": 44},
        without=["Cast"], options={"keep_io_types": True}, details={"kept": ["Softmax"]},
    )  # fmt: skip
    html = report_on(replace(record, passes=[ort, fp16]), covered("b", "script", "", False)).passes().text
    soup = BeautifulSoup(html, "html.parser")
    heads = [th.button.contents[0].strip() for th in soup.select("thead th")]
    rows = [
        dict(zip(heads, (td.get_text(" ") for td in tr.select("td")), strict=True)) for tr in soup.select("tbody tr")
    ]
    assert [row["pass"] for row in rows] == ["ort", "fp16 without Cast; keep_io_types True"]
    assert rows[1]["size"].split() == ["40.0", "→", "20.0", "MiB", "×", "0.500"]
    assert rows[1]["nodes"].startswith("396 → 440") and rows[1]["operators"] == "Cast +44"
    assert (rows[0]["casts added"], rows[1]["casts added"]) == ("0", "+44")
    assert rows[0]["operators"] == "Add −48, Erf −12, com.microsoft.Gelu +12"
    assert rows[1]["it says"] == "kept ['Softmax']"


def test_many_passes_are_summed_up_by_way(tmp_path):
    report = Report(make_coverage(tmp_path / "s", models=16, trouble=0))
    soup = BeautifulSoup(report.passes().text, "html.parser")
    rows = [[td.get_text() for td in tr.select("td")] for tr in soup.select("table")[0].select("tbody tr")]
    assert [row[:3] for row in rows] == [
        [f"onnx_dynamo+{name}{shapes}", name, "16"] for name in ("ir", "ort") for shapes in ("", " dynamic")
    ]
    assert rows[2][6].startswith("Add −768, Erf −192")
    assert soup.select_one("details summary").text == "every one of the 64 passes"


def test_operators_that_became_less_count_too():
    step = PassStep(
        "ort", 0.1, size_before=2, size_after=2, nodes_before=6, nodes_after=6,
        operators_before={"Add": 4, "Erf": 2}, operators_after={"Add": 4, "Gelu": 2},
    )  # fmt: skip
    assert passes.operator_changes(step) == {"Erf": -2, "Gelu": 2}
    assert passes.operator_changes(replace(step, operators_before={}, operators_after={})) == {}
