"""The first screen of the report: every figure of it is one of the notebooks'."""

import re

import pytest
from bs4 import BeautifulSoup
from fake_study import EVIL, make_record

from benchlib.record import scrap
from benchlib.report import collate, units
from benchlib.report.page import Report


@pytest.fixture
def screen(study):
    return BeautifulSoup(Report(study).question()._repr_html_(), "html.parser")


def records(study):
    found, _ = scrap.read_all(study / "trials")
    return {(r.trial["label"], r.trial["batch_size"], r.trial["exporter"]): r for r in found.values()}


def test_every_cell_of_the_map_says_what_its_notebook_says(study, screen):
    table = screen.select_one(".heat table")
    ways = [head.get_text(strip=True) for head in table.select("thead th")][1:]
    assert ways == ["eager", "inductor", "script", "onnx_dynamo"]
    known, seen = records(study), 0
    for row in table.select("tbody tr"):
        title, *cells = row.select("td")
        model, _, batch = title.get_text(strip=True).partition(", batch ")
        for way, cell in zip(ways, cells, strict=True):
            record = known.get((model, int(batch or 1), way))
            figure, word = cell.b.text, cell.select_one(".word").text.split(maxsplit=1)[1]
            if record is None:
                assert (figure, word) == ("", "not run")
                continue
            seen += 1
            metrics = record.metrics
            if record.status != "ok":
                assert word == record.status
            elif record.suspect:
                assert word == "suspect"
            else:
                assert word == ("reference" if record.is_control else metrics["verdict"])
            if "speedup" in metrics:
                told = units.ratio(metrics["speedup"], metrics["speedup_low"], metrics["speedup_high"])[0]
                assert figure == f"{told} ×"
            elif "time_latency" in metrics:
                assert figure == units.duration(metrics["time_latency"])
            assert cell.a["href"].startswith("trials/") and cell.a["aria-label"].endswith(f": {figure} {word}")
    assert seen == 26


def test_a_stronger_colour_is_a_larger_speedup_and_what_decides_nothing_has_none(screen):
    heat = {}
    for cell in screen.select(".heat-cell"):
        heat.setdefault(cell.b.text, set()).add(int(re.search(r"--heat: (\d+)%", cell["style"])[1]))
    assert heat["1.000 ×"] == heat["1.020 ×"] == heat["0.959 ×"] == {0}
    assert 0 < min(heat["1.340 ×"]) < min(heat["2.21 ×"]) <= 45


def test_each_model_has_its_answer_with_the_figures_of_the_winner(study, screen):
    answers = [li.get_text(" ", strip=True) for li in screen.select("ul.answers li")]
    assert len(answers) == 7
    metrics = records(study)["resnet18", 1, "onnx_dynamo"].metrics
    value, interval = units.ratio(metrics["speedup"], metrics["speedup_low"], metrics["speedup_high"])
    share = units.number(100 * metrics["tolerance_share"], 2)
    assert (
        "resnet18, batch 1 fastest: onnx_dynamo; every other way is clearly slower; left out: script (suspect) "
        f"{value} × as fast as eager ({interval}); its largest error uses {share} % of what is allowed"
    ) in answers
    assert [li["class"] for li in screen.select("ul.answers li")].count(["decided"]) == 4
    assert any(EVIL in answer for answer in answers) and not screen.select("script")


def test_a_model_with_one_way_has_its_figures_for_an_answer_and_an_untitled_study_a_title(report_on):
    record = make_record("resnet18", "onnx_dynamo")
    page = BeautifulSoup(str(report_on([record]).question().text), "html.parser")
    assert page.h1.text == "s: resnet18 by onnx_dynamo"
    (answer,) = (li.get_text(" ", strip=True) for li in page.select("ul.answers li"))
    latency, speedup = record.metrics["time_latency"] * 1e3, record.metrics["speedup"]
    assert answer.startswith(f"resnet18 one way only onnx_dynamo takes {latency:.2f}"[:-1]), answer
    assert f"; {speedup:.2f} × as fast as eager (" in answer and "its largest error uses" in answer


def test_a_model_with_one_way_that_failed_has_no_figures(report_on):
    record = make_record("resnet18", "inductor", 8)
    page = BeautifulSoup(str(report_on([record]).question().text), "html.parser")
    assert not page.select("ul.answers li")


def test_the_light_has_a_reason_for_each_question(screen):
    light = screen.select_one(".light")
    assert light["class"] == ["light", "in-part"] and light.b.text == "in part"
    assert [li["class"][0] for li in light.select("li")] == ["good", "good", "bad", "bad"]
    assert light.select("li")[0].get_text(" ", strip=True) == "✓ yes: the host was quiet"


def test_the_sum_leaves_out_what_never_happened_and_counts_what_is_doubtful(study, screen):
    terms = [term.get_text(" ", strip=True) for term in screen.select(".equation .term")]
    counts = {status: n for status, n in collate(study).counts().items() if n}
    assert terms == ["28 planned", *(f"{'+' if i else '='} {n} {s}" for i, (s, n) in enumerate(counts.items()))]
    assert screen.select_one(".besides").text == "Among them 1 suspect."


def test_the_machine_of_the_records_stands_in_a_line(screen):
    line = screen.select_one("p.machine").text
    assert line.startswith("Measured on AMD EPYC 9965") and "2 cores, 15.6 GiB" in line and "torch 2.15.0" in line
    assert make_record("resnet18", "eager").metrics["processor_name"] in line
