"""The labels of scripts: read from the first line, asked for, and in records."""

import pytest

import benchlib
from benchlib import label_line
from benchlib.errors import UserError
from benchlib.plan.expand import Plan, Planned
from benchlib.plan.only import select
from benchlib.stages.blank import record_without_run
from benchlib.trial import Trial

TEXT = '# labels: author::google test_group::daily,monthly\n"""From the paper."""\n'
KEY = "k" * 20  # the script's own would need a run of it


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(TEXT)
    return path


def test_labels_come_from_the_first_line_alone(script, tmp_path):
    assert label_line.of_file(script) == {"author": ["google"], "test_group": ["daily", "monthly"]}
    other = tmp_path / "other.py"
    other.write_text(f"import torch\n{TEXT}")
    assert label_line.of_file(other) == {}


@pytest.mark.parametrize("line", ["author:google", "author::", "author::a, b", "a::b a::c", "::x", "a::b::c"])
def test_a_line_that_cannot_be_read_is_one_clear_line(tmp_path, line):
    path = tmp_path / "net.py"
    path.write_text(f"# labels: {line}\n")
    with pytest.raises(UserError) as error:
        label_line.of_file(path)
    assert str(error.value).startswith(f"{path}:1: ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ("author::google", True),
        ("author::google,meta", True),
        ("test_group::daily", True),
        ("author::google test_group::monthly", True),
        ("author::meta", False),
        ("author::google test_group::weekly", False),
        ("task::anything", False),
    ],
)
def test_every_asked_key_holds_one_of_the_asked_values(script, asked, fits):
    assert label_line.fits(label_line.of_file(script), asked) is fits


def test_labels_and_provenance_are_columns_of_the_record_whatever_becomes_of_the_trial(script):
    trial = Trial(model=str(script))
    record = record_without_run(trial, KEY, "refused", "a rule")
    wanted = {"label_author": "google", "label_test_group": "daily,monthly", "model_provenance": "From the paper."}
    assert wanted.items() <= record.metrics.items()
    assert benchlib.labels(record) == benchlib.labels(trial) == label_line.of_file(script)


def test_what_is_no_notebook_of_a_trial_is_one_line(script):
    with pytest.raises(UserError, match=r"net\.py: not a readable notebook"):
        benchlib.labels(script)


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [("label_author=google", True), ("label_test_group=weekly,monthly", True), ("label_author=goo", False),
     ("label_x=y", False)],
)  # fmt: skip
def test_only_chooses_by_label(script, expression, chosen):
    trial = Trial(model=str(script))
    plan = Plan("s", "s", [Planned(trial, KEY)])
    if chosen:
        assert select(plan, expression) == plan.trials
    else:
        with pytest.raises(UserError, match=f"only: no trial fits '{expression}'; label_"):
            select(plan, expression)
