"""Studies out of the ordinary: every section has something to say about each of them."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
from fake_study import ENDINGS, EXPORTERS, make_record

from benchlib.report.page import Report

pytestmark = pytest.mark.slow

SECTIONS = (
    "question", "machine", "overview", "fastest", "speedup", "latency", "quality", "placement", "costs", "accuracy",
    "failures", "definitions", "glossary",
)  # fmt: skip


def texts(report: Report) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # matplotlib says so when a label has no glyph or no room
        return {name: getattr(report, name)()._repr_html_() for name in SECTIONS}


def test_a_study_in_which_nothing_was_timed(report_on):
    ended = [case for case, (status, *_) in ENDINGS.items() if status != "inaccurate"]
    shown = texts(report_on([make_record(*case) for case in ended]))
    assert "0 trials of 7 have a latency" in shown["overview"]
    assert "No way was compared with a reference" in shown["speedup"] and "<img" in shown["speedup"]
    assert "No trial got far enough to compare" in shown["accuracy"]
    assert "7 of 7 trials are not ok" in shown["failures"]


def test_a_study_of_one_control(report_on):
    shown = texts(report_on([make_record("resnet18", "eager")]))
    assert "1 model, 1 way of running it" in shown["question"]
    assert "1 trial of 1 has a latency" in shown["overview"]
    assert "Nothing was exported" in shown["costs"]
    assert "every planned trial ran" in shown["failures"]


def test_a_study_without_references(report_on):
    records = [make_record("resnet18", exporter) for exporter in EXPORTERS]
    for record in records:
        record.contenders = record.contenders[-1:]
        for name in ("speedup", "speedup_low", "speedup_high", "verdict", "break_even"):
            del record.metrics[name]
    report = report_on(records)
    assert not report.table["control"].any()
    assert "No way was compared with a reference" in texts(report)["speedup"]


def of_all_exporters() -> list:
    """A record of each exporter, of which none is suspect."""
    return [replace(make_record("resnet18", exporter), suspect=[], checks={}) for exporter in EXPORTERS]


def test_speedups_without_intervals_and_errors_that_are_no_numbers(report_on):
    records = of_all_exporters()
    for record, error in zip(records, ("nan", "inf", 0.0, None), strict=True):
        record.metrics |= {
            "speedup_low": None,
            "speedup_high": None,
            "verdict": "inconclusive",
            "discrepancies_abs": error,
            "tolerance_share": error,
        }
    shown = texts(report_on(records))
    assert "3 are inconclusive" in shown["speedup"]
    assert "∞" in shown["accuracy"]


def test_findings_are_computed_from_the_records(report_on):
    records = of_all_exporters()
    records[3].metrics |= {"speedup": 7.77, "speedup_low": 7.5, "speedup_high": 8.0}
    records[2].metrics |= {"speedup": 0.5, "speedup_low": 0.49, "speedup_high": 0.51, "verdict": "slower"}
    shown = texts(report_on(records))
    assert "Of 3 trials compared with a reference, 2 are faster and 1 is slower" in shown["speedup"]
    assert "The largest speedup is 7.77 (7.50–8.00): resnet18, onnx_dynamo" in shown["speedup"]
    assert "1 A/A control shows how far noise alone reaches" in shown["speedup"]


def test_the_head_says_what_the_host_can_tell_and_the_latencies_what_it_can_do(report_on):
    shown = texts(report_on(of_all_exporters()))
    assert "no verdict claims one under 10 %" in shown["question"]
    assert "The interval of the study&#39;s own A/A control is 0.996 to 1.004 (resnet18)" in shown["question"]
    assert "3 comparisons were made; of the 2 verdicts of faster or slower, 1 stands at a false" in shown["speedup"]
    assert "Shares of the machine&#39;s peaks" in shown["latency"]


def test_a_host_without_calibration_is_told_what_to_run(report_on):
    records = [make_record("resnet18", exporter) for exporter in EXPORTERS]
    for record in records:
        record.metrics |= {"smallest_effect": None, "calibration": ""}
    assert "<code>benchlib doctor</code>" in texts(report_on(records))["question"]


def test_two_machines_are_both_named(report_on):
    records = [make_record("resnet18", exporter) for exporter in EXPORTERS]
    records[0].metrics["processor_name"] = "Another CPU"
    text = texts(report_on(records))["machine"]
    assert "AMD EPYC 9965 192-Core Processor (3 trials), Another CPU (1 trial)" in text


def test_contenders_of_another_precision_have_no_speedup_and_the_text_says_why(report_on):
    records = [make_record("resnet18", exporter) for exporter in EXPORTERS]
    reason = "what is computed in: float32 (eager), float16 (onnx_dynamo)"
    without = dict.fromkeys(("speedup", "speedup_low", "speedup_high", "verdict", "p_value"))
    records[3].metrics |= {"computes": "float16", "not_comparable": reason, **without}
    report = report_on(records)
    shown = texts(report)
    assert "1 trial whose contenders do not compute in the same" in shown["speedup"] and reason in shown["speedup"]
    assert f'title="{reason}">not comparable</span>' in shown["overview"]
    assert "The largest speedup is 1.3 (" in shown["speedup"], "not that of the row which does not compare"
    assert "not_comparable" in shown["definitions"] and "discrepancies_dynamic_abs" not in shown["definitions"]
