"""Shares of the machine's peaks, as the report shows them."""

import pytest
from bs4 import BeautifulSoup
from fake_study import EVIL, make_record

from benchlib.report.collate import read
from benchlib.report.machine_share import share_table


@pytest.fixture
def table(study):
    return read(study).table


def test_every_way_whose_work_is_known_has_a_row(table):
    soup = BeautifulSoup(share_table(table), "html.parser")
    rows = [[td.text for td in tr.select("td")] for tr in soup.select("tbody tr")]
    timed = table[table["time_latency"].notna()]
    assert len(rows) == (timed["model_name"] != EVIL).sum() == timed["flops"].notna().sum()
    heads = [th.button.contents[0].strip() for th in soup.select("thead th")]
    row = next(r for r in rows if r[0] == "resnet18" and r[1].startswith("onnx_dynamo"))
    metrics = make_record("resnet18", "onnx_dynamo", 1).metrics
    assert row[heads.index("rate")].startswith(f"{metrics['flop_rate'] / 1e9:.0f}")
    assert row[heads.index("of the peak")] == f"{metrics['flop_rate'] / 4e12:.0%}".replace("%", " %")


def test_the_peaks_are_named_with_what_they_are_of(table):
    text = BeautifulSoup(share_table(table), "html.parser").p.text
    assert "4.00 TFLOP/s and 29.7 GB/s (float32, 2 threads)" in text


def test_a_study_that_knows_no_work_has_no_table(table):
    assert share_table(table[table["model_name"] == EVIL]) == ""


def test_a_peak_that_is_not_known_leaves_its_cells_empty(table):
    rows = table.copy()
    rows["peak_flop_rate"] = rows["peak_share"] = float("nan")
    soup = BeautifulSoup(share_table(rows), "html.parser")
    assert "FLOP/s" not in soup.p.text
    assert "29.7 GB/s" in soup.p.text
    assert {td.text for td in soup.select("tbody tr")[0].select("td")} >= {"–"}
