"""`benchlib discover`, as a user types it."""

import json

import pytest

pytestmark = pytest.mark.process

LINEAR = """{labels}import torch
model = torch.nn.Linear(10, {width})
model(torch.ones(1, 10))
print("said by the script")
"""


def test_scripts_of_a_folder_patterns_hashes_and_labels(command, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "one.py").write_text(LINEAR.format(labels="# labels: author::google\n", width=5))
    (folder / "two.py").write_text(LINEAR.format(labels="# labels: author::meta kind::b\n", width=3))
    (folder / "_no_script.py").write_text("raise SystemExit(5)\n")
    everything = command("discover", "--all", "--search-dir", "models", "--json", "-q")
    one, two = json.loads(everything.stdout)
    assert everything.stderr == ""
    assert [m["params_size"] for d in (one, two) for m in d["models"]] == [55, 33]
    assert one["labels"] == {"author": ["google"]} and one["output"] == "said by the script\n"
    shown = command("discover", "models/*.py", "--labels", "author::meta,other").stdout.splitlines()
    assert shown[0] == "two.py:  (author::meta kind::b)"
    assert shown[1].startswith("    model (executed 1x – ")
    assert [line.strip() for line in shown[2:]] == [
        "class:      torch.nn.modules.linear.Linear",
        "location:   models/two.py, line 4",
        "parameters: 33 (132 bytes)",
        f"hash:       {two['models'][0]['hash']}",
        "inputs:     input: float32[1×10]",
    ]
    picked = command("discover", f"one.py::{one['models'][0]['hash']}", "-s", "models").stdout
    assert "55 (220 bytes)" in picked
    refused = command("discover", "models/one.py::12345678", expect=2).stderr
    known = one["models"][0]["hash"]
    assert f"benchlib: one.py calls no model with the hash '12345678'; known: {known}" in refused


def test_scripts_that_call_nothing_or_go_wrong(command, tmp_path):
    (tmp_path / "calls_none.py").write_text("import sys\nprint(sys.argv[1:])\n")
    (tmp_path / "wrong.py").write_text("open('left.txt', 'w').close()\n1 / 0\n")
    assert command("discover", "calls_none.py").stdout.splitlines()[1:] == ["    no model was called"]
    done = command("discover", "calls_none.py", "-v", "--script-args", "--batch_size 8 'a b'")
    assert "| ['--batch_size', '8', 'a b']" in done.stdout
    done = command("discover", "wrong.py", expect=1)
    assert done.stdout.splitlines()[1:] == [
        "    no model was called until then",
        f"    left behind: {tmp_path}/left.txt",
        "    the script went wrong: wrong.py:2: ZeroDivisionError: division by zero",
    ]
    assert "Traceback" not in done.stderr
    refused = command("discover", "wrong.py::12345678", "-q", expect=2).stderr
    end = "wrong.py:2: ZeroDivisionError: division by zero"
    assert refused == f"benchlib: wrong.py::12345678 was not called before the script ended: {end}\n"


def test_what_a_user_can_mend(main, tmp_path):
    for words, message in {
        ("nowhere.py",): f"there is no script nowhere.py in {tmp_path}",
        (): "discover: give scripts, or --all",
        ("--all", "-s", "nowhere"): "--search-dir: there is no folder nowhere",
        ("x.py", "--script-args", "'a"): 'script_args: "\'a" cannot be read: no closing quotation',
    }.items():
        assert main("discover", *words, expect=2).stderr == f"benchlib: {message}\n"


def test_a_search_directory_is_no_pattern(command, tmp_path):
    (tmp_path / "nets[1]").mkdir()
    (tmp_path / "nets[1]" / "one.py").write_text("")
    assert command("discover", "--all", "-s", "nets[1]", "-q").stdout.startswith("one.py:\n")


def test_labels_that_cannot_be_read_stop_their_script_alone(command, tmp_path):
    (tmp_path / "one.py").write_text("# labels: a:b\n")
    (tmp_path / "two.py").write_text("# labels: a::b\n")
    lines = command("discover", "--all", "--labels", "a::b", "-q", expect=1).stdout.splitlines()
    assert lines[0] == "one.py:" and lines[3] == "two.py:  (a::b)"
    assert lines[2].startswith(f"    the script went wrong: {tmp_path}/one.py:1: 'a:b' is no label")
