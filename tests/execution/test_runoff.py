"""The run-off of a study: what it measures, what it says, what stops it and what does not."""

import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from ruamel.yaml import YAML

from benchlib.execution import durations, journal
from benchlib.execution.contest import contests, stored
from benchlib.execution.runoff import RunOff
from benchlib.measure.runoff import Fastest
from benchlib.mistakes import make
from benchlib.record import Record, scrap
from tests.execution.conftest import Study
from tests.execution.test_contest import pair, record
from tests.execution.test_interruption import wait_for

# Short trials: the reference is 10 % slower than the usual way, the fast way less than 10 % faster than the others, so
# that level quick does not decide between them by the matrix alone.
STUDY = """
matrix:
  model:
    - {model: planted/plain, level: quick, warmup: 2, repeat: 20,
       reference: {exporter: planted, runtime_args: {seconds: 0.0011}}}
  runtime_args: [{seconds: 0.001}, {seconds: 0.00101}, {seconds: 0.00093}]
"""
FAST = "planted seconds=0.00093"


@pytest.fixture
def before(swept, tmp_path):
    """The same study with its matrix done and its run-off not begun; `more` is added to its file."""

    def make(more: str = "") -> Study:
        shutil.copytree(swept[0].folder / "outputs", tmp_path / "outputs")
        shutil.rmtree(tmp_path / "outputs" / "planted" / "runoff")
        return Study(tmp_path, STUDY + more, timeout=60)

    return make


def direct_records(study) -> dict[Path, Record]:
    found, unreadable = scrap.read_all(study.outputs / "runoff")
    assert not unreadable
    return found


def said(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("plain: ")]
    return line.removeprefix("plain: ")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    study = Study(tmp_path_factory.mktemp("runoff"), STUDY, timeout=60)
    preview = study.sweep("--dry-run")
    return study, preview, study.sweep()


@pytest.mark.process
def test_the_dry_run_counts_the_run_off_by_itself(swept):
    _, preview, _ = swept
    assert "3 planned = 3 to run + 0 done" in preview
    assert preview.splitlines()[-1].startswith("+ up to 2 run-offs, about ")


@pytest.mark.process
def test_direct_pairs_are_ordinary_trials_beside_the_matrix(swept):
    study, _, text = swept
    direct = direct_records(study)
    assert len(direct) >= 2, text
    ways = {json.dumps({"seconds": s}) for s in (0.001, 0.00101, 0.00093)}
    for found in direct.values():
        assert found.status == "ok", found.reason
        trial, reference = found.trial, found.trial["reference"]
        assert {json.dumps(trial["runtime_args"]), json.dumps(reference["runtime_args"])} < ways
        assert (trial["level"], trial["repeat"], trial["warmup"]) == ("quick", 20, 2)
        assert found.metrics["processes"] == 6 and found.metrics["reference_way"].startswith("planted seconds")
    assert len(study.records()) == 1 and len(list((study.outputs / "trials").glob("*.ipynb"))) == 3
    assert "[run-off 1] ok" in text and "run-off of 1 model: up to 2 direct pairs" in text


@pytest.mark.process
def test_what_is_said_follows_from_the_notebooks(swept):
    """Whatever this machine makes of the planted latencies, the words are those of the stored figures."""
    study, _, text = swept
    records, _ = scrap.read_all(study.outputs / "trials")
    order = [t["key"] for t in YAML(typ="safe").load(study.outputs / "study.yaml")["trials"]]
    (contest,) = contests(sorted(records.values(), key=lambda r: order.index(r.key)))
    found = contest.settle(stored(direct_records(study).values()))
    assert said(text) == contest.in_words(found)
    if isinstance(found, Fastest):
        assert found.way == FAST


@pytest.mark.process
def test_a_second_sweep_has_nothing_to_do_and_says_the_same(swept):
    study, _, text = swept
    before = {p: p.stat().st_mtime_ns for p in direct_records(study)}
    again = study.sweep()
    assert {p: p.stat().st_mtime_ns for p in direct_records(study)} == before
    assert "[run-off" not in again and said(again) == said(text)
    assert "run-offs" not in study.sweep("--dry-run")


@pytest.mark.process
def test_the_report_says_the_same_and_links_to_each_pair(swept):
    from benchlib.report import collate, summary
    from benchlib.report.page import Report

    study, _, text = swept
    results = collate(study.outputs)
    assert len(results.table) == 3 == sum(results.counts().values())
    assert set(results.runoff["notebook"]) == {f"runoff/{p.name}" for p in direct_records(study)}
    assert f"  {said(text)}" in summary(results).splitlines()
    (answer,) = results.answers
    page = Report(study.outputs).fastest()._repr_html_()
    assert len(answer.pairs) >= 2
    for _, notebook in answer.pairs:
        assert (study.outputs / notebook).exists()
        assert f'href="{quote(notebook.removesuffix(".ipynb"))}.html"' in page


@pytest.mark.process
def test_an_interrupted_run_off_keeps_everything_and_goes_on(before):
    study = before()
    starts = lambda: sum(e["event"] == "start" for e in journal.events(study.outputs))  # noqa: E731
    done = starts()
    sweep = study.start()
    wait_for(lambda: starts() == done + 2, seconds=180)  # the second direct pair has begun
    sweep.send_signal(signal.SIGINT)
    text, _ = sweep.communicate(timeout=60)
    assert sweep.returncode == 130 and "Traceback" not in text
    assert "interrupted after 0 of 0 trials and 1 of the run-off; what has finished is kept" in text
    kept = {p: p.stat().st_mtime_ns for p in direct_records(study)}
    assert len(kept) == 1
    text = study.sweep()
    assert "0 to run, 3 done already" in text and "[run-off 1] ok" in text
    after = {p: p.stat().st_mtime_ns for p in direct_records(study)}
    assert len(after) >= 2 and {p: after[p] for p in kept} == kept


@pytest.mark.process
@pytest.mark.parametrize("how", ["key", "option", "only"])
def test_a_study_may_do_without(before, how):
    study = before("runoff: false\n" if how == "key" else "")
    words = {"key": (), "option": ("--no-runoff",), "only": ("--only", "planted")}[how]
    assert "run-off" not in study.sweep(*words, "--dry-run")
    text = study.sweep(*words)
    assert "run-off of" not in text and "[run-off" not in text
    assert not (study.outputs / "runoff").exists()
    from benchlib.report import collate

    (answer,) = collate(study.outputs).answers
    # Beside other tests a way may be left out as suspect, which is said behind it.
    assert answer.text.startswith("not decided (no run-off was run: `run --runoff` and `sweep` run them)")


# -- with pairs that are made up -------------------------------------------------------------------


def measured(outcomes):
    """A `measure` that answers with made-up records, one after the other, and what it was asked."""
    asked, outcomes = [], iter(outcomes)

    def measure(task):
        asked.append(task.planned)
        own = record(task.planned.trial.runtime_args["seconds"])
        rival = record(task.planned.trial.reference["runtime_args"]["seconds"])
        return replace(pair(own, rival, **next(outcomes)), key=task.planned.key), {"seconds": 1.0}

    return measure, asked


def test_a_pair_that_fails_is_told_and_stops_nothing(tmp_path):
    others = [record(s, seed=1) for s in (1.0, 1.02)]
    measure, asked = measured([{"speedup": 1.08, "status": "crashed"}, {"speedup": 1.08}])
    lines = []
    RunOff([record(1.0), record(1.02), *others], tmp_path).run(measure, lines.append)
    assert len(asked) == 2
    assert lines[0].startswith("run-off of 2 models: up to 2 direct pairs")
    assert "crashed" in lines[1] and "crashed at stage measure" in lines[2] and "cannot be told apart" in lines[2]
    assert lines[-1].startswith("plain, seed 1: fastest: planted seconds=1.0, 1.08 ×")


def test_nothing_is_measured_where_there_is_nothing_to_decide(tmp_path):
    smoke = [record(s, level="smoke") for s in (1.0, 1.02)]
    alone = [record(1.0, batch_size=8)]
    failed = [record(1.0, batch_size=4), record(1.02, batch_size=4, status="crashed")]
    clear = [record(s, batch_size=2) for s in (1.0, 1.5)]
    measure, asked = measured([])
    lines = []
    run_off = RunOff([*smoke, *alone, *failed, *clear], tmp_path)
    assert list(run_off.left()) == []
    run_off.run(measure, lines.append)
    assert not asked
    assert lines == ["plain, batch 2, level quick: fastest: planted seconds=1.0; every other way is clearly slower"]


def test_a_pair_is_expected_to_take_as_long_as_others_of_its_kind(tmp_path):
    ways = [record(1.0), record(1.02)]
    for way, seconds in zip(ways, (10.0, 20.0), strict=True):
        facts = vars(durations.kind(make(way.trial)))
        journal.note(tmp_path, "trial", key=way.key, status="ok", seconds=seconds, prepared=0.0, **facts)
    assert list(RunOff(ways, tmp_path).left()) == [15.0]
