from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from fake_study import EVIL, SUSPECT, make_record

from benchlib.record.metrics import METRICS
from benchlib.report import columns, tables
from benchlib.report.collate import read
from benchlib.report.failures import failures_table


@pytest.fixture
def results(study):
    return read(study)


def parse(html: str):
    """Heads and rows of a table: {head: (text, sort key)} for each row."""
    soup = BeautifulSoup(html, "html.parser")
    heads = [th.button.contents[0].strip() for th in soup.select("thead th")]
    rows = [
        dict(zip(heads, [(td.get_text(" "), td["data-sort"]) for td in tr.select("td")], strict=True))
        for tr in soup.select("tbody tr")
    ]
    return soup, heads, rows


def test_the_main_table_shows_every_trial_with_the_figures_of_its_record(results):
    _, _, rows = parse(tables.main_table(results.table))
    assert len(rows) == 28
    metrics = make_record("resnet18", "onnx_dynamo", 1).metrics
    row = next(r for r in rows if r["model"][1] == "resnet18" and r["way"][1] == "onnx_dynamo" and r["batch"][0] == "1")
    assert float(row["latency"][1]) == metrics["time_latency"] and row["latency"][0].startswith("5.61")
    assert float(row["speedup"][1]) == metrics["speedup"] and "2.16–2.26" in row["speedup"][0]
    assert float(row["export"][1]) == metrics["time_export"]
    assert row["verdict"][0] == "faster"
    wrong = next(r for r in rows if r["status"][0] == "inaccurate")
    assert wrong["speedup"] == ("–", "") and wrong["verdict"] == ("–", "")


def test_heads_carry_units_and_declared_definitions(results):
    soup, _, _ = parse(tables.main_table(results.table))
    head = next(b for b in soup.select("thead button") if b.contents[0].strip() == "latency")
    assert head.select_one(".unit").text == "ms"
    assert METRICS["time_latency"].formula in head["title"] and METRICS["time_latency"].method in head["title"]
    assert "unit: s" in head["title"] and "lower is better" in head["title"]


def test_rows_link_to_the_page_of_their_notebook_when_there_is_one(results):
    soup, _, _ = parse(tables.main_table(results.table))
    links = {a["href"] for a in soup.select("tbody a")}
    assert len(links) == 26
    assert f"trials/{make_record('resnet18', 'eager', 1).name}.html" in links


def test_suspect_rows_say_which_check_failed(results):
    soup, _, _ = parse(tables.main_table(results.table))
    assert [b["title"] for b in soup.select(".badge.suspect")] == ["failed checks: threads_mismatch"]


def test_the_failures_table_has_stage_message_and_command(results):
    soup, heads, rows = parse(failures_table(results))
    assert [r["status"][0] for r in rows] == [s for s in results.table["status"] if s != "ok"]
    failed = next(r for r in rows if r["model"][1] == "BertForMaskedLM" and r["way"][1] == "inductor")
    assert failed["stage"][0] == "export"
    assert "RuntimeError: Unsupported" in failed[heads[-1]][0]
    commands = {c.text for c in soup.select("code.command")}
    assert make_record("BertForMaskedLM", "inductor", 1).reproduce in commands
    assert soup.select("details summary"), "a long message is folded"


def test_the_accuracy_table_has_the_trials_that_were_compared(results):
    _, _, rows = parse(tables.accuracy_table(results.table))
    assert len(rows) == 19
    wrong = next(r for r in rows if r["status"][0] == "inaccurate")
    assert wrong["max error"] == ("0.820", "0.82") and wrong["beyond tolerance"][0] == "412"
    assert wrong["error ÷ eager's own"][1] == "40000.0" and wrong["÷ tolerance"][1] == "820.0"
    assert wrong["judged by"][0] == "eager, float64"
    assert not {"first class agrees", "why another tolerance"} & set(wrong)


def test_another_tolerance_prints_its_reason_and_another_judge_why(results):
    table = results.table.astype({"top1_agreement": "float64"})
    compared = table.index[table["tolerance_abs"].notna()]
    table.loc[compared[0], ["tolerance_reason", "judge_fallback"]] = f"the sensor {EVIL}", "RuntimeError: no float64"
    table.loc[compared, "judge_fallback"] = table.loc[compared, "judge_fallback"].fillna("")
    table.loc[compared[1], "top1_agreement"] = 0.75
    soup, _, rows = parse(tables.accuracy_table(table))
    assert rows[0]["why another tolerance"][0] == f"the sensor {EVIL}" and rows[1]["why another tolerance"][0] == "–"
    assert rows[1]["first class agrees"][0] == "0.750"
    notes = [span["title"] for span in soup.select("td .quiet") if span.text == "not float64"]
    assert notes == ["RuntimeError: no float64"]


@pytest.mark.parametrize(
    "make",
    [lambda r: tables.main_table(r.table), failures_table, lambda r: tables.accuracy_table(r.table)],
)
def test_everything_is_escaped(results, make):
    html = make(results)
    assert "<script" not in html
    assert EVIL in BeautifulSoup(html, "html.parser").get_text()
    assert not re.search(r'="[^"]*<', html), "a raw < inside an attribute"


def test_conditions_are_the_parameters_that_vary(results):
    assert columns.conditions(results.table) == ["batch_size"]
    table = results.table.copy()
    table["seq_length"] = [64, None] * 14
    table["num_cores"] = [2, None] * 14  # a metric: unknown where the trial did not come so far
    table.loc[5, "dtype"] = "float16"
    assert columns.conditions(table) == ["dtype", "batch_size", "seq_length"]


def test_a_record_card_shows_the_outcome_and_every_metric():
    record = make_record(EVIL, "onnx_dynamo", 1)
    html = tables.record_card(record)
    soup = BeautifulSoup(html, "html.parser")
    assert "<script" not in html and EVIL in soup.get_text()
    assert soup.select_one(".badge").text == "failed"
    assert record.reproduce in soup.get_text()
    assert len(soup.select("table.facts tr")) == len(record.metrics)


def test_a_record_card_tells_which_check_failed_and_lists_all():
    record = make_record("resnet18", "script", 1)
    soup = BeautifulSoup(tables.record_card(record), "html.parser")
    assert soup.select_one("p.warning").text == f"suspect: threads_mismatch failed: {SUSPECT}"
    shown = {dt.text: dt.find_next_sibling("dd").text for dt in soup.select("details dl.words dt")}
    assert shown == record.checks
    assert not BeautifulSoup(tables.record_card(make_record(EVIL, "inductor", 1)), "html.parser").select("dl.words")


def test_what_does_not_compare_says_so_where_its_speedup_would_stand(results):
    reason = f"what is computed in: float32 (eager), float16 {EVIL}"
    table = results.table.copy()
    chosen = table.index[(table["model_name"] == "resnet18") & (table["way"] == "onnx_dynamo")][0]
    table.loc[chosen, ["speedup", "speedup_low", "speedup_high"]] = float("nan")
    table["not_comparable"] = ""
    table.loc[chosen, "not_comparable"] = reason
    soup, _, rows = parse(tables.main_table(table))
    assert rows[chosen]["speedup"] == ("not comparable", "")
    assert [span["title"] for span in soup.select(".incomparable")] == [reason]
    assert sum(row["speedup"][0] == "–" for row in rows) > 0, "what has no speedup for another reason has a dash"


def test_shapes_that_an_export_had_not_seen_have_columns_of_their_own(results):
    table = results.table.copy()
    _, heads, _ = parse(tables.accuracy_table(table))
    assert not [h for h in heads if "other shapes" in h]
    first = table.index[table["tolerance_abs"].notna()][0]
    table["discrepancies_dynamic_abs"], table["dynamic_shapes"] = float("nan"), None
    table.loc[first, ["discrepancies_dynamic_abs", "dynamic_shapes"]] = [3e-6, "batch 7, seq_length 5"]
    _, heads, rows = parse(tables.accuracy_table(table))
    assert rows[0]["max error at other shapes"] == ("3.0e−6", "3e-06")
    assert rows[0]["other shapes"][0] == "batch 7, seq_length 5" and rows[1]["other shapes"][0] == "–"


def test_flags_among_the_conditions_are_words(results):
    table = results.table.copy()
    table["with_loss"] = [True, False] * 14
    assert columns.conditions(table) == ["batch_size", "with_loss"]
    _, _, rows = parse(tables.main_table(table))
    assert [row["loss"][0] for row in rows[:2]] == ["yes", "no"]
    assert columns.condition_text("with_loss", True) == "with loss" and columns.condition_text("with_loss", False) == ""


def test_what_was_decided_for_the_recorded_input_has_a_column_where_something_was(results):
    table = results.table.copy()
    _, heads, _ = parse(tables.accuracy_table(table))
    assert "decided for the recorded input" not in heads
    first = table["tolerance_abs"].first_valid_index()
    told = "net.py:12: `if x.sum() > 0` is True (the outputs change)"
    table["decisions"] = None
    table.loc[first, "decisions"] = told
    _, _, rows = parse(tables.accuracy_table(table))
    assert [row["decided for the recorded input"][0] for row in rows].count(told) == 1
