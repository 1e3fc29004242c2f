"""A reviewer recomputes a row of the report from its executed notebook alone, to the digits that are printed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup

from benchlib.record import scrap

SCRIPT = Path(__file__).with_name("reviewer.py")
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
NUMBER = re.compile(r"[\d,]*\.?\d+(?:e[−-]?\d+)?")


# Both ways of sampling in one study and one report; three processes of each are enough to recompute an interval.
STUDY = """\
name: reviewed
title: reviewed
defaults: {model: planted/plain, exporter: planted, level: quick, processes: 3, batch_size: 4, warmup: 3, repeat: 40}
include:
"""
TRIAL = """\
  - {{tag: {tag}, runtime_args: {{seconds: {seconds}}},
      reference: {{exporter: planted, runtime_args: {{seconds: {reference}}}}}}}
"""
SECONDS = {"single calls": 0.002, "blocks": 0.00003}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """By tag the row of the report, {head: (unit, text)}, and what the reviewer's script prints."""
    folder = tmp_path_factory.mktemp("reviewed")
    trials = [TRIAL.format(tag=tag, seconds=s, reference=1.3 * s) for tag, s in SECONDS.items()]
    (folder / "study.yaml").write_text(STUDY + "".join(trials))
    for words in (["sweep", "study.yaml"], ["report", "outputs/reviewed"]):
        done = subprocess.run([sys.executable, "-m", "benchlib", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    page = BeautifulSoup((folder / "outputs" / "reviewed" / "report.html").read_text(), "html.parser")
    table = page.find(attrs={"aria-label": "All planned trials"}).find("table")
    heads = [(h.find(class_="unit").text if h.find(class_="unit") else "", h.text) for h in table.find_all("th")]
    lines = table.find("tbody").find_all("tr")
    assert len(lines) == len(SECONDS)
    found = {}
    for notebook in (folder / "outputs" / "reviewed" / "trials").glob("*.ipynb"):
        (line,) = [line for line in lines if quote(notebook.stem) in str(line)]
        shown = {
            text.removesuffix(unit).strip(): (unit.strip(" []"), cell)
            for (unit, text), cell in zip(heads, line.find_all("td"), strict=True)
        }
        done = subprocess.run([sys.executable, SCRIPT, notebook], capture_output=True, text=True, check=True)
        found[scrap.read_record(notebook).trial["tag"]] = shown, json.loads(done.stdout)
    return found


def test_the_script_knows_nothing_of_this_project():
    text = SCRIPT.read_text()
    assert not re.search(r"^\s*(import|from) benchlib", text, re.MULTILINE)
    code = [line for line in text.split('"""')[2].splitlines() if line.strip()]
    assert len(code) <= 26  # twenty lines and the imports


@pytest.mark.process
@pytest.mark.parametrize("head", ["latency", "speedup", "throughput", "export", "max error"])
@pytest.mark.parametrize("tag", SECONDS)
def test_every_figure_comes_out_to_the_printed_digits(rows, tag, head):
    shown, found = rows[tag]
    unit, cell = shown[head]
    printed = NUMBER.findall(cell.get_text(" "))
    wanted = found[head] if isinstance(found[head], list) else [found[head]]
    assert len(printed) == len(wanted), cell
    for text, value in zip(printed, wanted, strict=True):
        plain = text.replace(",", "").replace("−", "-")
        decimals = len(plain.partition("e")[0].partition(".")[2]) - int(plain.partition("e")[2] or 0)
        assert float(plain) == pytest.approx(round(value / UNITS.get(unit, 1.0), decimals), rel=1e-9), (head, text)
