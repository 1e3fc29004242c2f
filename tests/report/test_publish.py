from __future__ import annotations

import json
import os
import re
import shutil
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from fake_study import EVIL, make_record, make_study

from benchlib import template_files
from benchlib.errors import UserError
from benchlib.record import scrap
from benchlib.report import publish
from benchlib.report.publish import make_exporter, publish_trial


@pytest.fixture(scope="module")
def page(published):
    return BeautifulSoup((published / "report.html").read_text(), "html.parser")


@pytest.mark.process
def test_the_study_has_its_report_its_analysis_and_a_page_for_each_notebook(published):
    assert {p.name for p in published.iterdir()} == {
        "study.yaml", "trials", "results.parquet", "results.csv", "analysis.ipynb", "report.html",
    }  # fmt: skip
    notebooks = {p.stem for p in (published / "trials").glob("*.ipynb")}
    pages = {p.stem for p in (published / "trials").glob("*.html")}
    assert notebooks - pages == {make_record("all-MiniLM-L6-v2", "script", 8).name}, "the broken one has no page"
    assert not [p for p in (published / "trials").iterdir() if p.name.startswith(".")]


@pytest.mark.process
def test_the_report_shows_the_question_the_sum_and_the_machine(page):
    assert page.h1.text == f"Which exporter? {EVIL}"
    terms = [(int(t.b.text), t.get_text(" ").split(maxsplit=2)[-1]) for t in page.select(".equation .term")]
    planned, parts = terms[0][0], [n for n, _ in terms[1:]]
    assert planned == 28 == sum(parts)
    assert "AMD EPYC 9965" in page.select_one("dl.facts").text, "of the records, not of this machine"
    assert "notes.ipynb" in page.select_one(".warning").text


@pytest.mark.process
def test_sections_stand_in_the_contents(page):
    linked = [a["href"].removeprefix("#") for a in page.select("nav.contents a")]
    assert linked == [s["id"] for s in page.select("section.text[id]")]
    assert linked == [
        "results", "what-works", "which-way-is-fastest", "speedup", "latency",
        "how-well-it-was-measured", "the-machine", "where-it-ran", "cost-of-exporting", "accuracy", "failures",
        "how-to-read-this", "glossary",
    ]  # fmt: skip


@pytest.mark.process
def test_the_page_is_one_file_without_anything_from_elsewhere(published, page):
    text = (published / "report.html").read_text()
    assert not page.select("script[src], link[rel=stylesheet], iframe")
    assert not re.findall(r"""(?:src|href|srcset)=["'](?:https?:)?//""", text)
    assert "url(" not in text and "@import" not in text
    assert EVIL not in text


@pytest.mark.process
def test_code_is_folded_but_there(page):
    folded = page.select("details.code")
    assert folded and not any(d.has_attr("open") for d in folded)
    assert "report.speedup()" in " ".join(d.text for d in folded)
    assert 'study = "."' not in page.get_text(), "the parameter is of no interest to readers"


@pytest.mark.process
def test_the_kept_analysis_runs_again_where_it_stands(published):
    notebook = nbformat.read(published / "analysis.ipynb", as_version=4)
    code = [c.source for c in notebook.cells if c.cell_type == "code"]
    assert any('study = "."' in source for source in code)
    assert str(published) not in json.dumps(notebook), "no absolute path leaves the machine"


@pytest.mark.process
def test_a_trial_page_leads_back_and_shows_its_record_in_words(published):
    name = make_record("BertForMaskedLM", "inductor", 1).name
    text = (published / "trials" / f"{name}.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    assert page.select_one("a.home")["href"] == "../report.html"
    assert page.select_one(".card .badge").text == "failed"
    assert scrap.MIME not in text and '"contenders"' not in text
    folded = [d.summary.text for d in page.select("details.code") if not d.has_attr("open")]
    assert folded == ["every parameter, with its default"], "what was asked for stands open"
    timed = (published / "trials" / f"{make_record('resnet18', 'eager', 1).name}.html").read_text()
    assert "raw samples are kept in the notebook" in timed and len(timed) < 60_000


@pytest.mark.process
def test_only_pages_of_newer_notebooks_are_made_again(published, monkeypatch):
    made = []
    module = sys.modules["benchlib.report.publish"]  # the package's attribute of that name is the function
    monkeypatch.setattr(module, "_analyse", lambda *_: nbformat.v4.new_notebook())
    monkeypatch.setattr(module, "write_text", lambda path, text: made.append(path.name))
    notebook = published / "trials" / f"{make_record('resnet18', 'eager', 1).name}.ipynb"
    before = notebook.stat()
    later = notebook.with_suffix(".html").stat().st_mtime + 10
    try:
        os.utime(notebook, (later, later))
        publish(published)
    finally:
        os.utime(notebook, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert made == [notebook.with_suffix(".html").name, "report.html"]


def test_scraps_of_strangers_and_odd_outputs_do_not_stop_a_page(tmp_path):
    outputs = [
        nbformat.from_dict(scrap.output("somebody.else", {"x": 1})),
        nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": f"{EVIL}\n"}),
        nbformat.from_dict({"output_type": "error", "ename": "E", "evalue": EVIL, "traceback": [f"E: {EVIL}"]}),
        nbformat.from_dict({"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo="}}),
        nbformat.from_dict({"output_type": "display_data", "metadata": {}, "data": {"text/plain": EVIL}}),
    ]
    cell = nbformat.v4.new_code_cell("go()", outputs=outputs)
    heading = [nbformat.v4.new_markdown_cell("## The same"), nbformat.v4.new_markdown_cell("## The same")]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, *heading]), tmp_path / "odd.ipynb")
    text = publish_trial(tmp_path / "odd.ipynb", make_exporter(), EVIL).read_text()
    page = BeautifulSoup(text, "html.parser")
    assert EVIL not in text and page.get_text().count(EVIL) >= 4
    assert page.img["alt"]
    assert [a["href"] for a in page.select("nav.contents a")] == ["#the-same", "#the-same-2"]


def test_nothing_to_publish_is_said_in_one_line(tmp_path):
    with pytest.raises(UserError, match="no study"):
        publish(tmp_path / "nowhere")
    folder = make_study(tmp_path / "empty")
    shutil.rmtree(folder / "trials")
    with pytest.raises(UserError, match="no finished trials"):
        publish(folder)


def test_the_notebook_is_committed_clean_and_without_logic():
    notebook = nbformat.read(template_files.FOLDER / "analysis.ipynb", as_version=4)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(re.fullmatch(r"report\.\w+\(\)", c.source) for c in code[2:])
    assert not any(c.outputs or c.execution_count for c in code)
    assert [c.source.split(":")[0] for c in code if "parameters" in c.metadata.get("tags", ())] == ["study"]
    assert notebook.metadata.kernelspec.name == "python3"
    assert not re.search(r"^\s*(def|for|if|while|try|class|with)\b", "\n".join(c.source for c in code), re.MULTILINE)
