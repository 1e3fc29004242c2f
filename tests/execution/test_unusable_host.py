"""A lock that cannot be trusted ends a sweep at once, with one line and status 2: it would stop every trial alike."""

import json
import os
import subprocess
import sys

import pytest

from benchlib.fingerprint import TEMPLATE

pytestmark = pytest.mark.process


@pytest.fixture
def environment(tmp_path):
    """That of processes whose shared temporary folder is the test's own, with a link to a victim's file in it."""
    (tmp_path / "victim").write_text("ten years of work")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "benchlib-host.lock").symlink_to(tmp_path / "victim")
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(
        "from pathlib import Path\n"
        "from benchlib.measure import lock\n"
        f"lock.FOLDER = Path({str(tmp_path / 'shared')!r})\n"
    )
    yield {"PYTHONPATH": os.pathsep.join([str(tmp_path / "start"), os.environ["PYTHONPATH"]])}
    assert (tmp_path / "victim").read_text() == "ten years of work"


def test_a_sweep_stops_with_one_line_and_status_2(study, environment, left_running):
    two = study("matrix: {model: [planted/plain, planted/other]}\n")
    said = two.sweep("-q", env=environment, expect=2)
    lines = [line for line in said.splitlines() if line.startswith("benchlib: ")]
    assert len(lines) == 1 and "benchlib-host.lock is a symbolic link" in lines[0]
    assert "Traceback" not in said
    assert two.records() == {}, "no trial was measured, and none failed"
    events = [json.loads(line) for line in (two.outputs / "journal.jsonl").read_text().splitlines()]
    assert [e["event"] for e in events] == ["sweep", "start", "stopped"]
    assert left_running(two) == []


def test_run_ends_likewise(command, environment):
    words = ["planted/plain", "--exporter", "planted", "--reference", "{exporter: planted}", "--level", "smoke", "-q"]
    said = command("run", *words, expect=2, env={**os.environ, **environment}).stderr
    assert said.startswith("benchlib: ") and len(said.splitlines()) == 1


def test_the_notebook_says_it_in_one_line_too(environment, tmp_path):
    parameters = ["-p", "model", "planted/plain", "-p", "exporter", "planted", "-p", "level", "smoke"]
    words = [sys.executable, "-m", "papermill", str(TEMPLATE), "out.ipynb", *parameters]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode != 0
    cells = json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    (error,) = [o for c in cells for o in c.get("outputs", ()) if o["output_type"] == "error"]
    assert error["ename"] == "UnusableHost" and len(error["traceback"]) == 1
    assert "benchlib-host.lock is a symbolic link" in error["traceback"][0]
