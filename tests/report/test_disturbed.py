"""What head and terminal say of a busy host."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fake_study import make_record, planned, write_plan, write_trial

from benchlib.measure import thresholds
from benchlib.report import collate, disturbed, summary
from benchlib.report.page import Report

WAYS = ("eager", "inductor", "script", "onnx_dynamo")


def study(folder: Path, change) -> Path:
    """MiniLM by four ways; `change(number, record)` says what became of each."""
    (folder / "trials").mkdir(parents=True)
    records = [make_record("all-MiniLM-L6-v2", way) for way in WAYS]
    for number, record in enumerate(records):
        change(number, record)
        write_trial(folder, record)
    write_plan(folder, {"name": folder.name, "trials": [planned(r) for r in records]})
    return folder


def lose(number, record):
    if number in (1, 3):
        record.metrics |= {"verdict": "disturbed", "disturbed_by": "time_lost, wide" if number == 1 else "time_lost"}


def move(number, record):
    if number >= 2:
        record.metrics["time_latency_reference"] *= 3


def test_a_quiet_study_says_nothing(tmp_path):
    results = collate(study(tmp_path / "s", lambda number, record: None))
    assert disturbed.sentences(results) == [] and disturbed.warning(results) == ""
    assert "disturbed" not in summary(results)


def test_head_and_terminal_count_disturbed_verdicts_and_say_what_to_do(tmp_path):
    folder = study(tmp_path / "s", lose)
    results = collate(folder)
    head = Report(folder).question()._repr_html_()
    for text in (head, summary(results)):
        assert "2 of 3 verdicts are disturbed and decide nothing" in text
        told = f"others took over {thresholds.LOST:.0%} of the threads&#39; time (2)"
        assert told in text.replace("'", "&#39;")
        assert "wait_for_quiet" in text


def test_a_study_whose_reference_moves_says_so_and_decides_nothing(tmp_path):
    folder = study(tmp_path / "s", move)
    results = collate(folder)
    assert set(results.table["verdict"]) == {"disturbed"}
    assert all(answer.kind == "open" for answer in results.answers)
    head = Report(folder).question()._repr_html_()
    for text in (head, summary(results)):
        assert "The reference of all-MiniLM-L6-v2 (eager) took 4.10 ms in one trial and 12.3 ms in another" in text
        assert "3 times as long" in text and "4 trials that compare with it" in text


def test_disturbed_comparisons_are_not_counted_among_the_discoveries(tmp_path):
    table = collate(study(tmp_path / "s", lose)).table
    assert list(table["q_value"].notna()) == [False, False, True, False]


@pytest.mark.parametrize("is_withheld", [True, False])
def test_the_verdict_cell_of_a_suspect_figure_says_why_there_is_none(tmp_path, is_withheld):
    """Whether or not the record itself withheld it."""
    words = "suspect: the figure failed littles_law"

    def suspect(number, record):
        if number == 3:
            record.suspect = ["littles_law"]
            if is_withheld:
                del record.metrics["verdict"]
                record.metrics["verdict_withheld"] = words

    folder = study(tmp_path / "s", suspect)
    html = Report(folder).overview()._repr_html_()
    assert words in html
    assert "1 has no verdict, being suspect" in Report(folder).speedup()._repr_html_()
    assert "suspect: littles_law" in summary(collate(folder))


def test_the_latency_of_the_reference_stands_beside_each_speedup(tmp_path):
    page = BeautifulSoup(Report(study(tmp_path / "s", lose)).overview()._repr_html_(), "html.parser")
    heads = [head.get_text(" ", strip=True).split()[0] for head in page.select("thead th")]
    place = heads.index("reference")
    assert heads[place - 1] == "speedup"
    assert [row.select("td")[place].text for row in page.select("tbody tr")] == ["4.10"] * len(WAYS)
