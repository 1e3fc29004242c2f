"""Notebooks of no planned trial: told in one line, and moved to `past/` by a sweep."""

import contextlib
import json
import os
from pathlib import Path

import pytest

from benchlib.execution import store
from benchlib.execution.contest import pair_parameters
from benchlib.execution.preview import preview
from benchlib.execution.resume import Work, held_against
from benchlib.mistakes import make
from benchlib.plan.expand import Plan, Planned
from benchlib.record import Record, scrap
from benchlib.stages.blank import record_without_run
from benchlib.trial import Trial

BASE = {"model": "planted/plain", "exporter": "planted", "reference": {"exporter": "planted"}}
OLD_KEY = "0123456789abcdef"


def planned(**parameters) -> Planned:
    trial = make({**BASE, **parameters})
    return Planned(trial, trial.key())


def write(folder: Path, name: str, record: object, room: str = store.TRIALS) -> Path:
    path = folder / room / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [{"outputs": [scrap.output(scrap.RECORD, record)]}]}))
    return path


def executed(folder: Path, trial: Trial, key: str = "", room: str = store.TRIALS) -> Path:
    key = key or trial.key()
    record = record_without_run(trial, key, "skipped", "not here")
    return write(folder, trial.file_stem(key), record.to_json(), room)


def moved(work: Work) -> set[Path]:
    return {*work.unplanned.earlier, *work.unplanned.others}


@pytest.fixture
def plan() -> Plan:
    return Plan("s", "s", [planned(), planned(runtime_args={"seconds": 0.002})])


def test_trials_of_the_plan_stay_whatever_their_names_and_whatever_is_chosen(plan, tmp_path):
    for one in plan.trials:
        executed(tmp_path, one.trial)
    write(tmp_path, "renamed", scrap.read_record(executed(tmp_path, plan.trials[0].trial)).to_json())
    for only in (None, frozenset(), frozenset([plan.trials[0].key])):
        assert moved(held_against(plan, tmp_path, only=only)) == set()


def test_those_of_no_planned_trial_are_told_and_moved(plan, tmp_path):
    executed(tmp_path, plan.trials[0].trial)
    strange = executed(tmp_path, make({**BASE, "batch_size": 8}))
    found = held_against(plan, tmp_path).unplanned
    assert found.others == (strange,) and not found.earlier
    assert found.words == ["1 notebook is of no planned trial: it goes to past/"]


def test_those_with_keys_of_an_earlier_version_are_told_in_one_line(plan, tmp_path):
    old = {executed(tmp_path, plan.trials[0].trial, f"{n:08x}" * 2) for n in range(28)}
    executed(tmp_path, make({**BASE, "batch_size": 8}))
    found = held_against(plan, tmp_path).unplanned
    assert set(found.earlier) == old
    assert found.words == [
        "28 notebooks are of trials with keys of an earlier version: they run again, the old ones go to past/",
        "1 notebook is of no planned trial: it goes to past/",
    ]


@pytest.mark.parametrize(
    "record",
    [
        {"key": OLD_KEY, "status": "strange", "trial": {}},
        {"key": OLD_KEY, "status": "ok", "trial": "none"},
        {"key": 7, "status": "ok", "trial": {}},
        {"status": "ok"},
    ],
)
def test_what_holds_no_record_of_ours_stays(plan, tmp_path, record):
    write(tmp_path, "strange", record)
    (tmp_path / store.TRIALS / "broken.ipynb").write_text("{")
    work = held_against(plan, tmp_path)
    assert moved(work) == set()
    assert any(line.startswith("broken.ipynb: not a readable notebook") for line in work.unreadable)


def test_of_the_run_off_the_pairs_of_planned_ways_stay(plan, tmp_path):
    plain, slow, gone = (
        Record(p.key, p.name, "ok", p.trial.model_dump())
        for p in (*plan.trials, planned(runtime_args={"seconds": 0.003}))
    )
    pairs = [pair_parameters(plain, slow), pair_parameters(slow, plain), pair_parameters(plain, slow, analysis=2)]
    for values in pairs:
        executed(tmp_path, make(values), room=store.RUNOFF)
    strange = [executed(tmp_path, make(v), room=store.RUNOFF) for v in (pair_parameters(plain, gone),)]
    strange += [executed(tmp_path, make(pair_parameters(gone, plain)), room=store.RUNOFF)]
    old = executed(tmp_path, make(pairs[0]), OLD_KEY, store.RUNOFF)
    changed = executed(tmp_path, make(pairs[0]), "f" * 20, store.RUNOFF)  # the model was another one then
    found = held_against(plan, tmp_path).unplanned
    assert set(found.others) == {*strange, changed}
    assert found.earlier == (old,)


def test_a_dry_run_tells_and_moves_nothing(plan, tmp_path):
    old = executed(tmp_path, plan.trials[0].trial, OLD_KEY)
    text = preview(plan, tmp_path, "", "")
    assert "1 notebook is of a trial with a key of an earlier version: it runs again, the old one goes to past/" in text
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [old]


def test_killed_at_any_moment_nothing_is_lost_and_the_next_sweep_goes_on(plan, tmp_path, monkeypatch):
    paths = [executed(tmp_path, make({**BASE, "batch_size": n})) for n in (2, 3)]
    for path in paths:
        path.with_suffix(".html").write_text("page")
        path.with_suffix(".py").write_text("proof")
    replace, left = os.replace, [0]

    def killed(*names):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        replace(*names)

    monkeypatch.setattr(os, "replace", killed)
    for sweep in range(6):  # each moves one file of six
        left[0] = 1
        assert moved(held_against(plan, tmp_path)), f"forgotten after {sweep}"
        with contextlib.suppress(KeyboardInterrupt):
            held_against(plan, tmp_path).unplanned.put_past(tmp_path)
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 6
    assert sorted(path.suffix for path in (tmp_path / "past").iterdir()) == [".html"] * 2 + [".ipynb"] * 2 + [".py"] * 2
    assert list((tmp_path / store.TRIALS).iterdir()) == []


@pytest.mark.process
def test_a_sweep_puts_them_past_and_a_report_leaves_keys_alone(study, monkeypatch):
    one = study("include: [{model: planted/plain, tag: a}, {model: planted/other, tag: b}]\n")
    one.sweep()
    trials = one.outputs / "trials"
    (plain,) = trials.glob("plain*.ipynb")
    text = plain.read_text().replace(scrap.read_record(plain).key, OLD_KEY)
    plain.unlink()
    (trials / f"plain-planted-{OLD_KEY[:8]}.ipynb").write_text(text)
    (trials / "mine.ipynb").write_text('{"cells": []}')
    dropped = study("include: [{model: planted/plain, tag: a}]\n")
    text = dropped.sweep()
    assert "1 notebook is of a trial with a key of an earlier version: it runs again, the old one goes to past/" in text
    assert "1 notebook is of no planned trial: it goes to past/" in text
    assert "skipped mine.ipynb: holds no benchlib.record" in text
    assert "1 trial, 1 to run" in text
    assert len(list(trials.glob("plain*.ipynb"))) == 1 and not list(trials.glob("other*.ipynb"))
    assert (trials / "mine.ipynb").exists()
    assert len(list((one.outputs / "past").glob("*.ipynb"))) == 2

    from benchlib.report import collate

    monkeypatch.setattr(Trial, "key", lambda self: pytest.fail("a report recomputes a key"))
    assert list(collate(one.outputs).table["status"]) == ["ok"]
    assert "0 to run, 1 done already" in dropped.sweep()
