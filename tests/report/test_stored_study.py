"""A study that was executed by the code of commit 8922cd1, read by today's: what was measured once keeps its meaning.

Its notebooks, its table and what that code said of them are in `tests/data/study-8922cd1`, with how they were made.
They are read here as plain JSON and CSV, so that nothing is held against itself.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import pytest

from benchlib.execution.reference_course import BESIDE
from benchlib.measure.samples import Samples
from benchlib.plan.in_words import CONDITION_WORDS
from benchlib.record import STATUSES, scrap
from benchlib.report import collate
from benchlib.report.collate import NOT_RUN, Results, read
from benchlib.report.page import Report

STORED = Path(__file__).parent.parent / "data" / "study-8922cd1"
SCRAP = "application/scrapbook.scrap.json+json"
RECORD, SAMPLES = "benchlib.record", "benchlib.samples"
NOTEBOOKS = sorted(path.relative_to(STORED).as_posix() for path in STORED.glob("*/*.ipynb"))
EXPECTED = json.loads((STORED / "expected.json").read_text())
YOUNGER = {"unverified"}  # statuses that came after the study
COUNTS = {**dict.fromkeys(YOUNGER, 0), **EXPECTED["counts"]}
LIMIT = 3_000_000  # bytes of the whole folder, which everybody clones


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A copy of the study with the files that say what it is, and none that was made from them."""
    copy = tmp_path_factory.mktemp("stored") / STORED.name
    shutil.copytree(STORED, copy, ignore=shutil.ignore_patterns("results.csv", "runoff.csv", "expected.json", "source"))
    return copy


@pytest.fixture(scope="module")
def results(folder) -> Results:
    return collate(folder)


def scraps(notebook: str) -> dict[str, dict]:
    """What a stored notebook keeps, by name."""
    cells = json.loads((STORED / notebook).read_text())["cells"]
    data = [out.get("data", {}) for cell in cells for out in cell.get("outputs", ())]
    return {kept[SCRAP]["name"]: kept[SCRAP]["data"] for kept in data if SCRAP in kept}


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def same(one: str, other: str) -> bool:
    """Whether two cells hold the same value: `5` and `5.0` do, two numbers that print alike when rounded do not."""
    if one == other:
        return True
    try:
        return float(one) == float(other) or (math.isnan(float(one)) and math.isnan(float(other)))
    except ValueError:
        return False


def differences(stored: list[dict[str, str]], now: list[dict[str, str]]) -> list[str]:
    """Each cell of `stored` that `now` has another value for. A column that is only there now is none."""
    return [
        f"{old['name']}: {column} was {value!r}, is {new.get(column)!r}"
        for old, new in zip(stored, now, strict=True)
        for column, value in old.items()
        if column not in new or not same(value, new[column])
    ]


# -- the table -------------------------------------------------------------------------------------


def test_the_table_has_the_stored_rows_in_their_order_and_each_value(results):
    stored, now = rows_of(STORED / "results.csv"), rows_of(results.folder / "results.csv")
    assert [row["key"] for row in now] == [row["key"] for row in stored]
    assert not differences(stored, now)


def test_the_direct_pairs_have_their_stored_values(results, tmp_path):
    results.runoff.to_csv(tmp_path / "runoff.csv", index=False)
    stored, now = rows_of(STORED / "runoff.csv"), rows_of(tmp_path / "runoff.csv")
    assert len(stored) >= 2 and [row["key"] for row in now] == [row["key"] for row in stored]
    assert not differences(stored, now)


def test_a_changed_a_lost_and_a_new_value_are_told_apart():
    stored = [{"name": "a", "speedup": "1.5", "words": "x"}]
    assert not differences(stored, [{"name": "a", "speedup": "1.50", "words": "x", "more": "1"}])
    assert len(differences(stored, [{"name": "a", "speedup": "1.5000000000000002", "words": "y"}])) == 2
    assert differences(stored, [{"name": "a", "speedup": "1.5"}]) == ["a: words was 'x', is None"]
    assert not same("", "0") and not same("", "nan") and same("nan", "NaN")


def test_every_status_and_every_verdict_is_in_the_study(results):
    assert results.counts() == COUNTS
    assert all(COUNTS[status] for status in (*STATUSES, NOT_RUN) if status not in YOUNGER)
    assert set(results.table["verdict"].dropna()) == {"faster", "slower", "same", "inconclusive"}


def test_a_record_keeps_its_own_status_verdict_and_key(results):
    rows = {row["notebook"]: row for row in [*results.table.to_dict("records"), *results.runoff.to_dict("records")]}
    for notebook in NOTEBOOKS:
        record = scraps(notebook)[RECORD]
        row, metrics = rows[notebook], record["metrics"]
        assert (row["key"], row["name"], row["status"]) == (record["key"], record["name"], record["status"])
        verdict = row["verdict"] if isinstance(row["verdict"], str) else None
        assert verdict == metrics.get("verdict"), notebook
    assert results.left_out == EXPECTED["left_out"] == []


def test_keys_are_those_of_the_notebooks_whatever_they_would_be_today(folder, tmp_path):
    """A report never computes a key anew: with other keys in plan and notebooks it is the same report."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    keys = [row["key"] for row in rows_of(STORED / "results.csv")]
    for file in [copy / "study.yaml", *copy.glob("*/*.ipynb")]:
        text = file.read_text()
        for key in keys:
            text = text.replace(key, key[::-1])
        file.write_text(text)
    found = read(copy)
    assert list(found.table["key"]) == [key[::-1] for key in keys]
    assert found.counts() == COUNTS and found.left_out == []


# -- what is made of it ----------------------------------------------------------------------------


def in_words_of_now(title: str) -> str:
    """A title with its conditions, which bore the names of their parameters then, and counted those beside timing."""
    return ", ".join(
        " ".join([CONDITION_WORDS.get(word, word), *rest])
        for part in title.split(", ")
        for word, *rest in [part.split(" ")]
        if word not in BESIDE
    )


def test_the_answers_are_those_of_then(results):
    stored = [{**answer, "title": in_words_of_now(answer["title"])} for answer in EXPECTED["answers"]]
    now = [{name: getattr(answer, name) for name in stored[0]} for answer in results.answers]
    assert [{**a, "pairs": [list(pair) for pair in a["pairs"]]} for a in now] == stored
    assert {a["kind"] for a in stored} == {"fastest", "tie", "open"}
    assert any(a["kind"] == "fastest" and a["pairs"] for a in stored)


@pytest.mark.parametrize("notebook", EXPECTED["samples"])
def test_every_sample_is_still_read(notebook):
    samples = Samples.decode(scrap.read(STORED / notebook, scrap.SAMPLES))
    taken = {
        "samples": sum(len(epoch.ns) for epoch in samples.blocks),
        "ns": sum(int(epoch.ns.sum()) for epoch in samples.blocks),
    }
    assert taken == EXPECTED["samples"][notebook]
    assert taken["samples"] == sum(scraps(notebook)[SAMPLES]["epochs"]["calls"])


def test_every_notebook_with_samples_is_among_them():
    assert [n for n in NOTEBOOKS if SAMPLES in scraps(n)] == list(EXPECTED["samples"])


def test_the_report_is_made_of_it(folder, results):
    """The sections without pictures: each trial has its row, and the planted name stays a text."""
    report = Report(folder)
    sections = (
        report.question, report.machine, report.overview, report.fastest, report.quality, report.placement,
        report.memory, report.coverage, report.passes, report.graphs, report.energy, report.failures,
        report.definitions, report.glossary,
    )  # fmt: skip
    html = {section.__name__: shown._repr_html_() for section in sections if (shown := section())}
    assert {"overview", "fastest", "memory", "passes", "failures"} <= set(html)
    assert html["overview"].count("<tr") > len(results.table)
    assert not any("<script>alert" in text for text in html.values())
    for answer in EXPECTED["answers"]:
        for _, notebook in answer["pairs"]:
            assert notebook.rpartition("-")[2].removesuffix(".ipynb") in html["fastest"]


# -- the files themselves --------------------------------------------------------------------------


def test_the_study_is_small_and_whole():
    assert sum(path.stat().st_size for path in STORED.rglob("*") if path.is_file()) < LIMIT
    planned = {row["notebook"] for row in rows_of(STORED / "results.csv")} - {""}
    assert {n for n in NOTEBOOKS if n.startswith("trials/")} == planned
    ran = [n for n in NOTEBOOKS if scraps(n)[RECORD]["status"] == "ok"]
    assert all(cell["execution_count"] for n in ran for cell in code_cells(n)), "a filter has stripped the outputs"


def code_cells(notebook: str) -> list[dict]:
    cells = json.loads((STORED / notebook).read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]
