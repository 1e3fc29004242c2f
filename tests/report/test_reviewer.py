"""A reviewer recomputes a row of the report from its executed notebook alone, to the digits that are printed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

SCRIPT = Path(__file__).with_name("reviewer.py")
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
NUMBER = re.compile(r"[\d,]*\.?\d+(?:e[−-]?\d+)?")


@pytest.fixture(scope="module", params=[0.002, 0.00003], ids=["single calls", "blocks"])
def row(request, tmp_path_factory):
    """The row of the report, {head: (unit, text)}, and what the reviewer's script prints."""
    folder = tmp_path_factory.mktemp("reviewed")
    options = {
        "--exporter": "planted",
        "--level": "quick",
        "--batch-size": "4",
        "--warmup": "3",
        "--repeat": "40",
        "--reference": json.dumps({"exporter": "planted", "runtime_args": {"seconds": 1.3 * request.param}}),
        "--runtime-args": json.dumps({"seconds": request.param}),
    }
    for words in (["run", "planted/plain", *(w for o in options.items() for w in o)], ["report", "outputs/run"]):
        done = subprocess.run([sys.executable, "-m", "benchlib", *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    page = BeautifulSoup((folder / "outputs" / "run" / "report.html").read_text(), "html.parser")
    table = page.find(attrs={"aria-label": "All planned trials"}).find("table")
    heads = [(h.find(class_="unit").text if h.find(class_="unit") else "", h.text) for h in table.find_all("th")]
    cells = table.find("tbody").find("tr").find_all("td")
    shown = {
        text.removesuffix(unit).strip(): (unit.strip(" []"), cell)
        for (unit, text), cell in zip(heads, cells, strict=True)
    }
    (notebook,) = (folder / "outputs" / "run" / "trials").glob("*.ipynb")
    done = subprocess.run([sys.executable, SCRIPT, notebook], capture_output=True, text=True, check=True)
    return shown, json.loads(done.stdout)


def test_the_script_knows_nothing_of_this_project():
    text = SCRIPT.read_text()
    assert not re.search(r"^\s*(import|from) benchlib", text, re.MULTILINE)
    code = [line for line in text.split('"""')[2].splitlines() if line.strip()]
    assert len(code) <= 26  # twenty lines and the imports


@pytest.mark.parametrize("head", ["latency", "speedup", "throughput", "export", "max error"])
def test_every_figure_comes_out_to_the_printed_digits(row, head):
    shown, found = row
    unit, cell = shown[head]
    printed = NUMBER.findall(cell.get_text(" "))
    wanted = found[head] if isinstance(found[head], list) else [found[head]]
    assert len(printed) == len(wanted), cell
    for text, value in zip(printed, wanted, strict=True):
        plain = text.replace(",", "").replace("−", "-")
        decimals = len(plain.partition("e")[0].partition(".")[2]) - int(plain.partition("e")[2] or 0)
        assert float(plain) == pytest.approx(round(value / UNITS.get(unit, 1.0), decimals), rel=1e-9), (head, text)
