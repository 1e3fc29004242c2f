"""The suite `issues`: names that stand for whole trials that once failed."""

import json

import pytest

from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.models import issues
from benchlib.plan.expand import expand
from benchlib.plan.issues import keep
from benchlib.plan.rules import refusal
from benchlib.plan.study import from_options, read
from benchlib.record import Record, scrap

TWO = """\
# what went wrong here
- name: first
  reason: the export does not end
  date: 2026-11-26
  trial: {model: explicit/mlp, exporter: script, batch_size: 4}
- name: second
  trial: {model: huggingface/BertForMaskedLM, exporter: eager, seq_length: 16}
"""


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    path = tmp_path / "issues.yaml"
    path.write_text(TWO)
    monkeypatch.setenv("BENCHLIB_ISSUES", str(path))
    return path


def planned(**options):
    trials = [p.trial for p in expand(from_options("x", {k: [v] for k, v in options.items()})).trials]
    return [t.asked() for t in trials]


def test_a_name_stands_for_its_trial():
    assert planned(model="issues/first") == [{"model": "explicit/mlp", "exporter": "script", "batch_size": 4}]
    assert [t["model"] for t in planned(model="issues/all")] == ["explicit/mlp", "huggingface/BertForMaskedLM"]
    assert planned(model="issues/1") == planned(model="issues/secon")


def test_what_stands_beside_it_overrides_it(tmp_path):
    assert planned(model="issues/first", exporter="eager", seed=3) == [
        {"model": "explicit/mlp", "exporter": "eager", "batch_size": 4, "seed": 3}
    ]
    study = tmp_path / "study.yaml"
    study.write_text("matrix: {model: [issues/all], exporter: [eager, script]}\n")
    assert len(expand(read(study)).trials) == 4


def test_issues_that_become_one_trial_are_run_once(file):
    file.write_text(TWO + "- {name: third, trial: {model: explicit/mlp, exporter: onnx_dynamo, batch_size: 4}}\n")
    assert len(planned(model="issues/all", exporter="eager")) == 2


def test_the_recorded_batch_is_that_of_the_stored_model():
    assert planned(model="issues/second", batch_size="recorded")[0]["batch_size"] == 32


def test_the_catalogue_says_what_failed():
    first = issues.catalogue()[0]
    assert first == {"name": "first", "alias_of": "explicit/mlp", "summary": "2026-11-26 the export does not end"}
    assert "stands for a whole trial" in refusal(make({"model": "issues/first", "exporter": "eager"}))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("- [", ":1: "),
        ("a: 1", "issues are a list"),
        ("- {name: x}\n- {trial: {model: a/b}}", "1: x: trial is a mapping of parameters"),
        ("- {name: x, trial: {model: explicit/mlp}}\n- {name: x, trial: {model: explicit/mlp}}", "2: a second entry"),
        ("- {name: x, trail: {}}", "unknown key 'trail'"),
        ("- {name: x, trial: {model: issues/x}}", "an issue itself"),
        ("- {name: x, trial: {model: explicit/mpl}}", "did you mean 'mlp'"),
        ("- {name: x, trial: {model: explicit/mlp, exportr: eager}}", "did you mean 'exporter'"),
        ("", "there is no issue in"),
    ],
)
def test_a_file_with_a_mistake_is_one_line(file, text, wanted):
    file.write_text(text)
    with pytest.raises(UserError) as error:
        planned(model="issues/all")
    assert wanted in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_one_line(file):
    file.unlink()
    with pytest.raises(UserError, match="BENCHLIB_ISSUES: there is no file"):
        planned(model="issues/all")


def notebook(folder, status, **parameters):
    trial = make({"model": "explicit/mlp", **parameters})
    record = Record("k", "n", status, trial.model_dump(), stage="export", reason="it: broke\nat line 3")
    path = folder / "mlp-script-12345678.ipynb"
    path.write_text(json.dumps({"cells": [{"outputs": [scrap.output(scrap.RECORD, record.to_json())]}]}))
    return path


def test_what_failed_is_kept_and_planned_again(file, tmp_path):
    trial = {"exporter": "script", "batch_size": 2, "reference": {"exporter": "eager", "rtopt": "off"}}
    assert keep(notebook(tmp_path, "failed", **trial)) == "mlp-script-12345678"
    assert file.read_text().startswith("# what went wrong here\n- name: first")
    assert planned(model="issues/mlp-script-12345678") == [{"model": "explicit/mlp", **trial}]
    assert issues.catalogue()[-1]["summary"].endswith("failed at export: it: broke")
    with pytest.raises(UserError, match="give it another --name"):
        keep(notebook(tmp_path, "failed"))
    assert keep(notebook(tmp_path, "inaccurate"), "by-hand") == "by-hand"


def test_what_went_well_is_not_kept(file, tmp_path):
    with pytest.raises(UserError, match="ended as ok"):
        keep(notebook(tmp_path, "ok"))
    file.unlink()
    assert keep(notebook(tmp_path, "oom"), "new") == "new"  # the first one makes the file
    assert len(issues.entries()) == 1


def test_a_stored_model_that_is_not_there_is_told_with_its_issue(file):
    file.write_text(TWO + "- {name: gone, trial: {model: explicit/nothing_like_it}}\n")
    with pytest.raises(UserError, match=r"issues\.yaml: issues/gone: model 'explicit/nothing_like_it'"):
        planned(model="issues/all")
