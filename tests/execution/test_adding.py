"""`run`: a folder keeps what else was run there, and an interrupted run goes on where it was."""

import json

import pytest

from benchlib.execution import journal, store
from benchlib.record import scrap

A, B = "planted/plain", "planted/other"
WAY = ("--exporter", "planted", "--reference", "none", "--level", "smoke", "--timeout", "20")


def row(key, model=A, **more):
    return {"key": key, "name": key, "label": "m", "model": model, **more}


def test_what_a_folder_holds_stays_beside_what_is_added(tmp_path):
    held = {
        "name": "quick",
        "title": "Four models",
        "runoff": True,
        "trials": [row("1"), row("2", B), row("3", B, n=4)],
    }
    store.write_study(tmp_path, held)
    new = {"name": "run", "title": "run", "runoff": False, "trials": [row("2", B), row("4", n=2), row("5", B, n=4)]}
    found = store.added_to(tmp_path, new)
    assert [trial["key"] for trial in found.pop("trials")] == ["1", "2", "4", "5"], "3 is 5 of before"
    assert found == {"name": "quick", "title": "Four models", "runoff": True}, "it is the study that it was"


@pytest.mark.parametrize("text", ["", "trials: 3", "[", "trials: [{name: x}]", "\x00", "trials: []"])
def test_of_a_study_that_cannot_be_read_nothing_stays(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text)
    new = {"name": "run", "trials": [row("1")]}
    assert store.added_to(tmp_path, new) == new


def swept(folder, keys, ran, last=""):
    journal.note(folder, "sweep", keys=journal.digest(keys))
    for key in ran:
        journal.note(folder, "trial", key=key)
    if last:
        journal.note(folder, last)


@pytest.mark.parametrize(
    ("sweeps", "done"),
    [
        ([], ""),
        ([("abc", "abc", "end")], ""),
        ([("abc", "ab", "interrupted")], "ab"),
        ([("abc", "ab", "")], "ab"),  # killed
        ([("abc", "ab", "stopped")], "ab"),
        ([("abc", "ab", "interrupted"), ("abc", "", "interrupted")], "ab"),
        ([("abc", "a", "interrupted"), ("abc", "b", "")], "ab"),
        ([("abc", "ab", "interrupted"), ("abc", "c", "end")], ""),
        ([("abc", "ab", "interrupted"), ("xyz", "x", "interrupted")], ""),
        ([("abc", "ab", "end"), ("abc", "c", "interrupted")], "c"),
        ([("xyz", "xy", "interrupted"), ("abc", "c", "interrupted")], "c"),
    ],
)
def test_done_is_what_interrupted_sweeps_of_the_same_trials_ran(tmp_path, sweeps, done):
    for sweep in sweeps:
        swept(tmp_path, *sweep)
    assert journal.done_before_interrupt(tmp_path, "cba") == set(done)


def test_a_journal_of_before_says_nothing(tmp_path):
    (tmp_path / journal.NAME).write_text('{"event": "sweep"}\n{"event": "trial", "key": "a"}\n{"event"')
    assert journal.done_before_interrupt(tmp_path, "a") == set()


@pytest.mark.process
def test_run_adds_to_its_folder_and_goes_on_after_an_interrupt(command, tmp_path):
    folder = tmp_path / "outputs" / "run"

    def names():
        return {record.trial["model"] for record in scrap.read_all(folder / "trials")[0].values()}

    command("run", B, *WAY)
    said = command("run", A, *WAY)
    assert names() == {A, B} and not (folder / "past").exists()
    assert "status,ok" in said.stdout and said.stdout.count(":status,") == 1
    assert "other" not in said.stderr, "what was run before is not answered again"
    assert "2 planned = 2 ok" in command("status", "run").stdout
    assert (folder / "results.csv").read_text().count("\n") == 3

    both = ("run", f"{A},{B}", *WAY)
    assert "2 to run" in command(*both).stderr, "all runs, whatever is done"
    lines = (folder / journal.NAME).read_text().splitlines(keepends=True)
    ends = [n for n, line in enumerate(lines) if json.loads(line)["event"] == "trial"]
    (folder / journal.NAME).write_text("".join(lines[: ends[-2] + 1]))  # killed after the first
    assert "2 trials, 1 to run, 1 done already" in command(*both).stderr
    assert "2 to run" in command(*both).stderr, "nobody interrupted that one"
