"""What the report says of how well a trial was measured: nothing is found below what finding it takes."""

import pytest
from bs4 import BeautifulSoup

from benchlib.report import columns, discoveries, findings, quality, units
from benchlib.report.collate import read
from benchlib.report.summary import summary


@pytest.fixture
def results(study):
    return read(study)


@pytest.fixture
def table(results):
    """The trials that were timed, with figures of their quality."""
    timed = results.table[results.table["time_latency"].notna()].copy()
    return timed.assign(
        course="", processes=5, repeat=500, half_width=0.01, converged=True, epochs=200, epochs_disturbed=3,
        disturbances="steal 3", rounds_retried=0, cpu_utilisation=1.9, num_cores=2, processes_differ=None,
        process_spread=None,
    )  # fmt: skip


def courses(table) -> set[str]:
    soup = BeautifulSoup(quality.quality_table(table), "html.parser")
    return {row.select("td")[-1].get_text(" ") for row in soup.select("tbody tr")}


def test_a_course_is_steady_where_all_processes_had_samples_enough(table):
    assert courses(table) == {"steady"}
    assert courses(table.assign(course="not_steady 1/5, slowing_down 1/5")) == {"not steady 1/5, slowing down 1/5"}


@pytest.mark.parametrize(("repeat", "processes"), [(2, 1), (10, 5), (39 * 5, 5), (500, 1)])
def test_a_record_of_an_earlier_version_with_too_few_samples_is_not_called_steady(table, repeat, processes):
    assert courses(table.assign(repeat=repeat, processes=processes)) == {"too few to tell"}


def test_too_few_to_tell_is_what_the_record_says(table):
    assert courses(table.assign(course="too few to tell 2/5")) == {"too few to tell 2/5"}


def test_processes_that_differ_are_told_in_the_row_and_in_the_sentence(table):
    differ = table.assign(processes_differ=True, process_spread=0.104)
    assert courses(differ) == {"steady, processes differ by up to 10 %"}
    assert f"In {len(table)} trials the processes differ among themselves by over 5 %" in quality.findings(differ)
    one = table.assign(processes_differ=[True, *[False] * (len(table) - 1)])
    assert "In one trial the processes differ among themselves" in quality.findings(one)
    assert "differ among" not in quality.findings(table)


def test_a_latency_of_processes_that_differ_is_marked(table):
    row = table.to_dict("records")[0]
    plain = columns.latency_column(table).cell(row)
    assert plain == columns.interval_column(table, "latency", "time_latency").cell(row)
    marked = columns.latency_column(table).cell(row | {"processes_differ": True})
    assert marked.startswith(plain) and "≠" in marked and "only the processes that were run" in marked


# -- a ratio that decides nothing -----------------------------------------------------------------


def test_a_ratio_without_an_interval_has_two_digits():
    assert units.ratio(1.23456, None, None) == ("1.2", "")
    assert units.ratio(1234.56, None, float("nan")) == ("1,200", "")
    assert units.ratio(536218.4, None, None) == ("540,000", "") and units.ratio(None, None, None) == ("–", "")
    assert units.ratio(1.23456, 1.2, 1.27) == units.with_interval(1.23456, 1.2, 1.27)


@pytest.fixture
def smoke(results):
    """The study as level smoke would have left it."""
    names = ["speedup_low", "speedup_high"]
    results.table[names] = float("nan")
    results.table["level"] = "smoke"
    compared = results.table["speedup"].notna()
    results.table.loc[compared, "verdict"] = "inconclusive"
    return results


def test_smoke_prints_two_digits_and_no_verdict(smoke):
    lines = summary(smoke).splitlines()
    table = lines[lines.index("resnet18, batch 1") :]
    line = next(text for text in table if "onnx_dynamo" in text)
    assert " 2.2 " in line and "inconclusive" not in "\n".join(lines)


def test_a_smoke_figure_that_the_host_disturbed_is_marked_all_the_same(smoke):
    smoke.table.loc[smoke.table["model_name"] == "resnet18", "disturbed_by"] = "reference_moved"
    lines = summary(smoke).splitlines()
    assert "right, disturbed" in next(text for text in lines[lines.index("resnet18, batch 1") :] if "inductor" in text)
    row = next(r for r in smoke.table.to_dict("records") if r["disturbed_by"] == "reference_moved" and not r["control"])
    assert ">disturbed<" in columns.verdict_cell(row)


def test_the_verdict_of_smoke_is_a_dash_in_the_report(smoke):
    row = next(r for r in smoke.table.to_dict("records") if r["verdict"] == "inconclusive" and not r["control"])
    cell = columns.verdict_cell(row)
    assert "inconclusive" not in cell and ">–<" in cell and "level smoke decides nothing" in cell
    shown = columns.speedup_column(smoke.table).cell(row)
    assert shown == units.number(row["speedup"], 2)


def test_the_answer_of_smoke_counts_what_decides_nothing(smoke):
    text = findings.verdicts(smoke.table)
    assert "of level smoke decide nothing" in text and "inconclusive" not in text and "largest" not in text


def test_only_decided_speedups_break_even(results):
    table = results.table
    decided = discoveries.decided_break_even(table)
    inside = table["verdict"].isin(["faster", "slower"])
    assert decided.loc[inside, "break_even"].equals(table.loc[inside, "break_even"])
    assert decided.loc[~inside, "break_even"].isna().all() and table.loc[~inside, "break_even"].notna().any()
