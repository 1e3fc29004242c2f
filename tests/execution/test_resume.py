"""What runs again, and why: held against a copy of the library that is edited."""

import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parent.parent.parent
PLANTED = ROOT / "tests" / "planted"
WAYS = """
matrix:
  model: [planted/plain, planted/other]
"""


@pytest.fixture
def library(tmp_path):
    """A copy of the library and its notebooks, found before the installed one."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "benchlib", copy / "benchlib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "notebooks", copy / "notebooks")
    shutil.copytree(PLANTED, copy / "planted", ignore=shutil.ignore_patterns("__pycache__"))
    return copy, {"PYTHONPATH": f"{copy}:{copy / 'planted'}", "PYTHONDONTWRITEBYTECODE": "1"}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_comment_reruns_nothing_and_code_reruns_and_keeps_the_past(study, library):
    copy, env = library
    study = study(WAYS)
    study.sweep(env=env)
    edit(copy / "benchlib" / "measure" / "rounds.py", '"""One replicate', '"""A replicate')
    (copy / "benchlib" / "worker" / "verbs.py").open("a").write("\n# a remark\n")
    edit(copy / "benchlib" / "report" / "summary.py", "MOST = 16, 36", "MOST = 16, 37")
    edit(copy / "benchlib" / "execution" / "durations.py", '"smoke": 4.0', '"smoke": 5.0')
    assert "0 to run" in study.sweep(env=env)
    edit(copy / "planted" / "benchlib_planted" / "runtime.py", "result = {", "unused, result = 1, {")
    text = study.sweep(env=env)
    assert "2 to run" in text
    assert "changed: code: benchlib_planted/runtime.py changed" in text
    assert len(list((study.outputs / "past").glob("*.ipynb"))) == 2
    assert len(list((study.outputs / "trials").glob("*.ipynb"))) == 2


def test_editing_one_exporter_reruns_its_trials_alone(tmp_path, study, library):
    """With real exporters; the records of a first sweep are enough, so the dry run tells."""
    copy, env = library
    study = study(
        "matrix: {model: [explicit/mlp], exporter: [eager, script, onnx_dynamo], reference: [eager]}", timeout=120
    )
    text = study.sweep(env=env)
    assert "[3/3] ok" in text, text
    (copy / "benchlib" / "exporters" / "onnx_dynamo.py").open("a").write("\nADDED = 1\n")
    told = study.sweep("--dry-run", env=env)
    assert "1 to run + 2 done" in told
    (again,) = [line for line in told.splitlines() if "run, about" in line]
    assert again.startswith("mlp-onnx_dynamo")
    assert "changed: code: exporters/onnx_dynamo.py changed" in again


def test_rerun_failed_and_all_and_only(study):
    study = study(
        "include:\n  - {model: planted/plain, tag: good}\n"
        "  - {model: planted/other, tag: bad, exporter_args: {fault: raise}}\n"
    )
    study.sweep()
    assert "0 to run" in study.sweep()
    assert "1 to run" in study.sweep("--rerun", "failed")
    assert "2 to run" in study.sweep("--rerun", "all", "--dry-run").splitlines()[-1]
    assert "1 to run" in study.sweep("--rerun", "all", "--only", "model=plain")
    nothing = study.sweep("--rerun", "failed", "--only", "model=plain", expect=2)
    assert nothing == "benchlib: rerun failed: no trial in outputs/planted failed (1 ok)\n"
    assert "unknown parameter 'modle'" in study.sweep("--only", "modle=x", expect=2)
    assert "neither failed nor all" in study.sweep("--rerun", "some", expect=2)


def test_a_dry_run_starts_and_writes_nothing(study):
    study = study(WAYS)
    text = study.sweep("--dry-run")
    assert "2 planned = 2 to run + 0 done + 0 refused + 0 skipped" in text
    assert not study.outputs.exists()


def test_a_notebook_that_is_half_written_is_named_and_run_again(study):
    study = study(WAYS)
    study.sweep()
    victim = next((study.outputs / "trials").glob("plain*.ipynb"))
    victim.write_text(victim.read_text()[:500])
    text = study.sweep()
    assert f"skipped {victim.name}: not a readable notebook" in text
    assert "1 to run, 1 done already" in text


def test_an_artifact_is_exported_once_and_the_record_says_so(study):
    study = study(
        "include:\n  - {model: planted/plain, tag: one}\n  - {model: planted/plain, tag: two, num_cores: 1}\n"
    )
    study.sweep("--cache-dir", str(study.folder / "cache"))
    one, two = (study.records()[tag].metrics for tag in ("one", "two"))
    assert (one["artifact_cached"], two["artifact_cached"]) == (False, True)
    assert one["time_export"] == two["time_export"] > 0
    assert one["artifact"] == two["artifact"]
    assert sys.version_info  # the interpreter of the sweep is this one
