"""The report's answer to which way is fastest, from made-up notebooks of a matrix and its run-off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fake_study import EVIL, contenders_of, make_record, planned, write_plan, write_trial

from benchlib.execution.contest import pair_parameters
from benchlib.record import Record
from benchlib.report import collate, summary
from benchlib.report.page import Report


def near(model: str, exporter: str, speedup: float) -> Record:
    """A record of a way whose speedup over eager is not far from that of others."""
    record = make_record(model, exporter)
    record.suspect = []  # whose way would be no candidate
    record.metrics |= {"speedup": speedup, "speedup_low": speedup * 0.98, "speedup_high": speedup * 1.02}
    return record


def direct(way: Record, rival: Record, speedup: float, half: float) -> Record:
    trial = pair_parameters(way, rival)
    name = f"{way.name}-over-{rival.metrics['exporter']}"
    interval = {"speedup": speedup, "speedup_low": speedup * (1 - half), "speedup_high": speedup * (1 + half)}
    return replace(way, key=name, name=name, trial=trial, metrics=way.metrics | interval)


@pytest.fixture
def decided(tmp_path) -> Path:
    """Three models: one with a fastest way, one with two that are alike, one whose run-off was not run."""
    folder = tmp_path / "s"
    (folder / "trials").mkdir(parents=True)
    (folder / "runoff").mkdir()
    records, pairs = [], []
    for model, ratio in (("resnet18", 1.12), ("all-MiniLM-L6-v2", 1.02), ("BertForMaskedLM", None)):
        script, dynamo = near(model, "script", 1.5), near(model, "onnx_dynamo", 1.53)
        records += [script, dynamo]
        if ratio:
            pairs.append(direct(dynamo, script, ratio, 0.015 if ratio > 1.1 else 0.06))
    for record in records:
        if record.metrics["model_name"] == "all-MiniLM-L6-v2":
            record.metrics["model_name"] = EVIL
        record.contenders = contenders_of("eager", record.trial["exporter"])
        write_trial(folder, record)
    for record in pairs:
        write_trial(folder, record).rename(folder / "runoff" / f"{record.name}.ipynb")
    write_plan(folder, {"name": "s", "trials": [planned(r) for r in records]})
    return folder


def test_each_model_has_one_answer(decided):
    results = collate(decided)
    assert [a.kind for a in results.answers] == ["fastest", "tie", "open"]
    fastest, tie, open_ = (a.text for a in results.answers)
    assert fastest == "fastest: onnx_dynamo, 1.12 × (1.10–1.14) directly over script"
    assert tie.startswith("onnx_dynamo and script cannot be told apart here; about")
    assert open_ == "not decided (no run-off was run: `run --runoff` and `sweep` run them)"
    assert len(results.table) == 6 == sum(results.counts().values())
    assert len(results.runoff) == 2


def test_the_page_links_to_the_notebook_of_each_pair(decided):
    page = BeautifulSoup(Report(decided).fastest()._repr_html_(), "html.parser")
    assert page.p.text == (
        "3 models with several ways: for 1 one way won every direct pair it needed, "
        "for 1 the best ways cannot be told apart, for 1 nothing is decided."
    )
    rows = [[cell.get_text(" ") for cell in row.select("td")] for row in page.select("tbody tr")]
    assert [row[0] for row in rows] == ["resnet18", EVIL, "BertForMaskedLM"]
    assert [row[2] for row in rows] == ["onnx_dynamo against script", "onnx_dynamo against script", "–"]
    notebooks = {p.stem for p in (decided / "runoff").iterdir()}
    links = [a["href"] for a in page.select("tbody a")]
    assert len(links) == 2 and all(link.startswith("runoff/") for link in links)
    assert any(link == f"runoff/{stem}.html" for link in links for stem in notebooks)


def test_the_terminal_has_one_line_for_each_model(decided):
    text = summary(collate(decided))
    models = [block.splitlines() for block in text.split("\n\n")[:3]]
    assert [lines[0] for lines in models] == ["resnet18", EVIL, "BertForMaskedLM"]
    assert models[0][-2].startswith("  fastest: onnx_dynamo") and " × as fast as eager" in models[0][-1]
    assert models[1][-2].startswith("  onnx_dynamo and script cannot")
    assert models[1][-1] == "  1.53 and 1.50 × as fast as eager; their largest error uses 3.1 % of what is allowed"
    assert models[2][-1] == "  not decided (no run-off was run: `run --runoff` and `sweep` run them)"


def test_fastest_is_said_of_nothing_that_won_no_run_off(decided):
    for path in (decided / "runoff").iterdir():
        path.unlink()
    shown = [answer.text for answer in collate(decided).answers]
    assert shown == ["not decided (no run-off was run: `run --runoff` and `sweep` run them)"] * 3
    assert "fastest:" not in Report(decided).fastest()._repr_html_()


def test_a_notebook_of_the_run_off_that_cannot_be_read_is_named(decided):
    (decided / "runoff" / "broken.ipynb").write_text("{")
    assert any(line.startswith("runoff/broken.ipynb: not a readable") for line in collate(decided).left_out)
