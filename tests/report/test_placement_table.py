"""Where it ran: a sentence always, a table only where a study has something to put into it."""

import pytest
from bs4 import BeautifulSoup
from fake_study import make_record, make_samples, planned, write_plan, write_trial

from benchlib.report.page import Report

CUDA = {
    "device": "cuda", "io": "host", "providers": "CUDAExecutionProvider", "node_share": 1.0,
    "time_device": 3.1e-3, "time_back_to_back": 2.9e-3, "time_copy_in": 0.4e-3, "time_compute": 2.5e-3,
    "time_copy_out": 0.2e-3, "time_overhead": -0.1e-3,
}  # fmt: skip


@pytest.fixture
def report_on(tmp_path):
    def make(*changes: dict) -> Report:
        records = [make_record("resnet18", e) for e in ("eager", "script", "onnx_dynamo")[: len(changes)]]
        (tmp_path / "s" / "trials").mkdir(parents=True)
        for record, metrics in zip(records, changes, strict=True):
            record.metrics |= metrics
            write_trial(tmp_path / "s", record, make_samples(record))
        write_plan(tmp_path / "s", {"name": "s", "trials": [planned(r) for r in records]})
        return Report(tmp_path / "s")

    return make


def shown(report: Report) -> tuple[str, list[str], list[list[str]]]:
    soup = BeautifulSoup(report.placement()._repr_html_(), "html.parser")
    heads = [th.button.contents[0].strip() for th in soup.select("thead th")]
    return soup.p.get_text(), heads, [[td.get_text() for td in tr.select("td")] for tr in soup.select("tbody tr")]


def test_whole_graphs_on_the_cpu_are_a_sentence(report_on):
    report = report_on({"providers": "CPU"}, {"providers": "CPUExecutionProvider", "node_share": 1.0})
    assert shown(report) == ("1 of 1 graphs ran whole on the provider that was asked for.", [], [])
    assert "time_device" not in report.definitions()._repr_html_()


def test_nothing_is_known_of_a_study_without_graphs(report_on):
    assert shown(report_on({"providers": "CPU"}))[0].startswith("No runtime of this study says")


def test_a_gpu_has_the_split_of_its_calls(report_on):
    report = report_on(CUDA | {"node_share": None}, CUDA)
    text, heads, rows = shown(report)
    assert text == "1 of 1 graphs ran whole on the provider that was asked for."
    assert heads[-8:] == [
        "share of nodes", "latency", "device", "back to back", "copy in", "compute", "copy out", "overhead",
    ]  # fmt: skip
    assert rows[1][-6:] == ["3.10", "2.90", "400", "2.50", "200", "−100"]
    assert len(rows) == 2 and "share of time" not in heads
    assert "time_device" in report.definitions()._repr_html_()


def test_work_left_elsewhere_shows_without_a_gpu_too(report_on):
    text, heads, _ = shown(report_on({"providers": "CPU"}, {"providers": "X", "node_share": 0.75}))
    assert text.startswith("0 of 1 graphs ran whole on the provider that was asked for; the others left work")
    assert "share of nodes" in heads and "device" not in heads


def test_a_profile_has_its_columns(report_on):
    profile = {"node_share": 1.0, "node_time_share": 0.9, "n_memcpy": 2.0, "time_memcpy": 30e-6, "providers": "X"}
    _, heads, rows = shown(report_on({"providers": "CPU"}, profile))
    assert heads[-5:] == ["share of nodes", "share of time", "copies between providers", "time in them", "latency"]
    assert rows[1][-4:-1] == ["0.900", "2", "30.0"]
