"""Plug-ins and build sequences in a file of the user's own."""

import re

import pytest

from benchlib import user_file
from benchlib.errors import UserError
from benchlib.mistakes import make, problems
from benchlib.registries import exporters, passes

SEQUENCE = """
from benchlib.registry import Exporter, Pass

def renamed(request):
    return {}

mine = Exporter(name="mine", summary="nothing", export=lambda request: {})

def sequence():
    return [mine, "default-Gelu", Pass(name="renamed", summary="renames", apply=renamed)]
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "mine.py").write_text(text)
        return str(tmp_path / "mine.py")

    return write


def test_a_sequence_decides_exporter_and_passes(written):
    path = written(SEQUENCE)
    trial = make({"model": "explicit/mlp", "sequence": path})
    assert trial.exporter == f"{path}:mine"
    assert trial.opt_patterns == f"default-Gelu+{path}:renamed"
    assert [p.name for p in trial.way.passes] == ["default", f"{path}:renamed"]
    assert trial.way.label == "mine+default-Gelu+renamed"
    assert exporters.get(trial.exporter).summary == "nothing"
    assert passes.get(f"{path}:renamed").apply.__name__ == "renamed"
    assert make(trial.model_dump()) == trial


def test_a_sequence_and_another_exporter_contradict_each_other(written):
    path = written(SEQUENCE)
    (_, message), *_ = problems({"model": "explicit/mlp", "sequence": path, "exporter": "script"})
    assert message == f"sequence: {path} decides exporter: leave exporter out"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1\n", "has no function sequence()"),
        ("def sequence():\n    return []\n", "sequence() names no exporter"),
        ("def sequence():\n    return [1]\n", "stage 1 is a int, not an exporter or its name"),
        ("def sequence():\n    return ['script', print]\n", "stage 2 is a builtin_function_or_method, not a pass"),
        ("def sequence():\n    return ['scirpt']\n", "did you mean 'script'"),
        ("x = 1\ndef sequence(:\n", "mine.py:2: SyntaxError"),
        ("\n\n1 / 0\n", "mine.py:3: ZeroDivisionError: division by zero"),
        ("def sequence():\n    raise ValueError('no')\n", "mine.py:2: no"),
    ],
)
def test_what_is_wrong_with_a_sequence_is_said_in_one_line(written, text, complaint):
    path = written(text)
    found = problems({"model": "explicit/mlp", "sequence": path})
    assert len(found) == 1
    assert complaint in found[0][1]
    assert "\n" not in found[0][1]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"there is no file .*gone\.py"):
        user_file.plugin("exporter", str(tmp_path / "gone.py:mine"))


def test_a_name_that_the_file_has_not_gets_the_nearest(written):
    path = written("engine = 1\n")
    with pytest.raises(UserError, match="has no 'engin'; did you mean 'engine'"):
        user_file.plugin("exporter", f"{path}:engin")
    with pytest.raises(UserError, match=re.escape("is a int, no Exporter of benchlib.registry")):
        user_file.plugin("exporter", f"{path}:engine")


def test_a_file_is_executed_once_and_anew_when_it_changes(written, tmp_path):
    count = f"open({str(tmp_path / 'count')!r}, 'a').write('x')\n"
    path = written(count + "a = 1\n")
    for _ in range(2):
        user_file.module(user_file.path_of(f"{path}:a"))
    assert (tmp_path / "count").read_text() == "x"
    written(count + "a = 2\n")
    assert user_file.module(user_file.path_of(f"{path}:a")).a == 2
