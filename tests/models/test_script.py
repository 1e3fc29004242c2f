"""Model scripts as a source: which model, which identity, what reaches the script, and one whole run."""

import ast
import shutil
from pathlib import Path

import pytest

from benchlib import mistakes
from benchlib.discovery import Discovery, Found, NotCalled
from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.models import _script_arguments, parse, script
from benchlib.plan.rules import refusal
from benchlib.record import scrap
from benchlib.remembered import forget
from benchlib.trial import Trial

SCRIPTS = Path(script.__file__).parent / "scripts"
HELPED = """
import torch
import helper
from benchlib.parser import parse

(batch_size,) = parse(["batch_size"])
helper.Net()(torch.ones(batch_size, 3))
"""
HELPER = """
import torch

class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
"""


@pytest.fixture
def helped(tmp_path):
    (tmp_path / "helper.py").write_text(HELPER)
    path = tmp_path / "net.py"
    path.write_text(HELPED)
    return path


def found_in(name, **parameters):
    path = SCRIPTS / name
    return script.discovered(path, make({"model": str(path), **parameters})).models


@pytest.mark.process
def test_the_scripts_that_ship_call_what_they_say():
    (small,) = found_in("hello_world.py")
    first, second = found_in("two_models.py")
    assert (small.params_size, first.params_size, second.params_size) == (55, 55, 510)
    assert (first.hash == small.hash, second.hash == small.hash) == (True, False)
    whole, *parts = found_in("max_depth.py", max_depth=1)
    assert (whole.params_size, whole.executed) == (85, 1)
    assert [(p.name, p.params_size, p.executed, p.parent) for p in parts] == [
        ("fc", 55, 1, whole.hash),
        ("fc2", 30, 1, whole.hash),
    ]


@pytest.mark.process
def test_a_script_gets_the_parameters_that_a_trial_gives_and_no_others(helped):
    trial = make({"model": str(helped), "batch_size": 8})
    assert _script_arguments.command_line(trial) == ["--batch_size", "8"]
    assert _script_arguments.command_line(make({"model": str(helped)})) == []
    loaded = script.load(str(helped), trial)
    assert loaded.inputs["input"].shape == (8, 3)
    assert loaded.facts["params_size"] == 8 and loaded.axes == {"input": {0: "batch"}}
    image = make(
        {"model": "net.py", "seq_length": 64, "alpha": 1.5, "model_args": {"fast": True, "depth": 2, "no": None}}
    )
    assert _script_arguments.command_line(image) == [
        *("--max_seq_length", "64", "--alpha", "1.5", "--fast", "--depth", "2")
    ]


@pytest.mark.parametrize("given", [{"script_args": "--batch_size 8"}, {"model_args": {"batch_size": 8.0}}])
def test_a_standard_parameter_is_the_trials_own_wherever_it_is_given(helped, given):
    trial = make({"model": str(helped), **given})
    assert trial.batch_size == 8 and trial.asked()["batch_size"] == 8
    assert _script_arguments.command_line(trial) == ["--batch_size", "8"]
    assert make(trial.model_dump()) == trial


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"script_args": "--batch_size 8", "batch_size": 4}, "batch_size is 8 there, and batch_size is 4"),
        ({"script_args": "--max_seq_length 8", "seq_length": 4}, "max_seq_length is 8 there, and seq_length is 4"),
        ({"script_args": "--k 8", "model_args": {"k": 4}}, "model_args: k is 4 there, and k is 8"),
        ({"script_args": "--k 8 --k 9"}, "script_args: k is 8 and 9"),
        ({"script_args": "--k many"}, "script_args: k: 'many' is not a whole number"),
        ({"script_args": "--alpha nan"}, "script_args: alpha: 'nan' is not a number"),
        ({"model_args": {"batch_size": 2.7}}, "model_args: batch_size: 2.7 is not a whole number"),
        ({"model_args": {"k": True}}, "model_args: k: True is not a whole number"),
        ({"model_args": {"k": float("inf")}}, "model_args: k: inf is not a whole number"),
        ({"script_args": "--k '8"}, "cannot be read"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused_in_one_line(given, complaint):
    (problem,) = mistakes.problems({"model": "net.py", **given})
    assert complaint in problem[1]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"seq_length": 8}, "net.py takes no max_seq_length; it takes batch_size"),
        ({"with_loss": True}, "with_loss"),
        ({"shapes": [[1]]}, "shapes are for ONNX files"),
        ({"attn_implementation": "sdpa"}, "attn_implementation"),
    ],
)
def test_what_does_not_reach_the_script_is_refused(helped, given, complaint):
    assert complaint in refusal(Trial(model=str(helped), **given))


def test_a_script_without_a_command_line_takes_no_parameter(tmp_path):
    rule = refusal(Trial(model=str(SCRIPTS / "hello_world.py"), batch_size=8))
    assert rule.startswith("hello_world.py reads no command line")
    own = tmp_path / "own.py"
    own.write_text("import sys\nprint(sys.argv)\n")
    assert refusal(Trial(model=str(own), batch_size=8)) is None


@pytest.mark.process
def test_the_key_follows_the_model_that_is_made_and_the_one_picked(helped, tmp_path):
    def key(model=helped):
        forget()
        return Trial(model=str(model)).key()

    first = key()
    assert key(f"{helped}::abcd1234") != first
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for file in (helped, helped.with_name("helper.py")):
        shutil.copy(file, moved)
    assert key(moved / "net.py") == first
    (tmp_path / "stranger.py").write_text("")
    assert key() == first
    helped.with_name("helper.py").write_text(f"{HELPER}\n# edited\n")
    assert key() == first
    helped.with_name("helper.py").write_text(HELPER.replace("3, 2", "3, 4"))
    assert key() != first


def test_packages_beside_a_script_are_followed_by_their_relative_imports_too(tmp_path):
    files = {
        "net.py": "from parts import Net\nimport parts.deep.end",
        "parts/__init__.py": "from .layers import Net\nfrom . import more",
        "parts/layers.py": "",
        "parts/more.py": "",
        "parts/unused.py": "",
        "parts/deep/__init__.py": "from ..far import *",
        "parts/deep/end.py": "",
        "parts/far.py": "",
    }
    (tmp_path / "parts/deep").mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    found = _script_arguments.with_neighbours(tmp_path / "net.py")
    assert {str(file.relative_to(tmp_path)) for file in found} == files.keys() - {"parts/unused.py"}


def test_a_file_is_parsed_once_however_often_a_plan_asks(helped, monkeypatch):
    parsed, parse_text = [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda text, *rest: parsed.append(text) or parse_text(text, *rest))
    helped.write_text(f"{HELPED}\n# {helped}")  # what no other test has asked about
    for _ in range(3):
        assert _script_arguments.options_of(helped) == ["batch_size"]
    assert parsed.count(helped.read_bytes()) == 1


def test_an_import_from_above_all_folders_leads_nowhere(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(f"from {'.' * 99} import above")
    assert _script_arguments.with_neighbours(path) == [path]


@pytest.mark.process
def test_several_models_and_none_are_one_line_each(tmp_path):
    path = SCRIPTS / "two_models.py"
    first, second = (m.hash for m in found_in("two_models.py"))
    with pytest.raises(UserError, match=f"calls 2 models; name one: two_models.py::{first} .*::{second}"):
        script.load(str(path), make({"model": str(path)}))
    loaded = script.load(f"{path}::{second}", make({"model": f"{path}::{second}"}))
    assert loaded.facts["params_size"] == 510 and loaded.facts["model_class"] == "SmallModel"
    empty = tmp_path / "empty.py"
    empty.write_text("raise RuntimeError('no time')\n")
    with pytest.raises(UserError, match=r"empty.py calls no model: .*no time"):
        script.load(str(empty), make({"model": str(empty)}))


@pytest.mark.process
def test_a_script_module_is_loaded_like_any_other(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("import torch\nx = torch.ones(1, 3)\ntorch.jit.trace(torch.nn.Linear(3, 2), x)(x)\n")
    module = script.load(str(path), make({"model": str(path), "dtype": "bfloat16"})).module
    assert {(str(p.dtype), p.requires_grad) for p in module.parameters()} == {("torch.bfloat16", False)}


def test_how_scripts_are_named(helped, monkeypatch):
    monkeypatch.chdir(helped.parent)
    assert parse("net.py::ab") == ("script", f"{helped}::ab")
    packed = "package:benchlib/models/scripts/linear.py"
    assert parse(packed) == ("script", str(SCRIPTS / "linear.py"))
    assert [Trial(model=m).model_name for m in ("net.py", "./net.py::ab", packed)] == ["net", "net::ab", "linear"]
    with pytest.raises(UserError, match="no such file"):
        parse("nett.py")


@pytest.mark.process
def test_a_whole_run(command, tmp_path):
    done = command("run", str(SCRIPTS / "linear.py"), "--level", "smoke", "--batch-size", "4", "--exporter", "export")
    (record,) = scrap.read_all(tmp_path / "outputs/run/trials")[0].values()
    metrics = record.metrics
    assert (record.status, metrics["params_size"], metrics["label_name"]) == ("ok", 64 * 32 + 32, "linear")
    assert metrics["time_latency_mean"] * metrics["throughput"] == pytest.approx(4, rel=0.05)
    assert "items/s" in done.stderr and "2,080" in done.stderr


PAST_ITS_CALL = """
import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(10, 10), nn.Linear(10, width)

    def encode(self, x):
        return self.a(x)

    def forward(self, x):
        return self.b(self.encode(x).relu())


class Own(Net):
    def __call__(self, number):
        return self.forward(torch.full((2, 10), float(number)))


own, net, x = Own(1), Net(2), torch.ones(2, 10)
kept = net.forward
own("3")
kept(x)
net.encode(x)
"""


@pytest.mark.process
@pytest.mark.slow
def test_a_whole_run_of_models_that_are_called_past_their_call(command, tmp_path):
    (tmp_path / "net.py").write_text(PAST_ITS_CALL)
    done = command("run", "net.py", "--level", "smoke", "--exporter", "export")
    records = scrap.read_all(tmp_path / "outputs/run/trials")[0].values()
    ended = {r.metrics["params_size"]: (r.status, r.metrics["time_latency"] > 0, r.reason) for r in records}
    assert ended == dict.fromkeys((121, 132, 110), ("ok", True, ""))
    shown = [line.split(" (executed")[0] for line in done.stderr.splitlines() if " (executed 1x" in line]
    assert shown == ["    own", "    net", "    net.a"]
    assert "called in:  net.encode, a method of the model that holds it" in done.stderr


def test_a_script_that_calls_another_model_each_time_is_told_so(helped, monkeypatch):
    """What the plan found is not there when its model is taken."""
    found = Found("net", "11111111", "", "", "", 1, 0, "", 1, 4, "")
    monkeypatch.setattr(script, "discover", lambda *given: Discovery(str(helped), [], [found]))

    def take(*given):
        raise NotCalled("net.py calls no model with the hash '11111111'; known: 22222222")

    monkeypatch.setattr(script, "take", take)
    forget()
    trial = make({"model": str(helped)})
    with pytest.raises(UserError, match=r"net\.py is not repeatable: one run of it calls 11111111, another .*22222222"):
        script.load(f"{helped}::11111111", trial)
    with pytest.raises(NotCalled, match="no model"):
        script.load(f"{helped}::33333333", trial)


OUTSIDE = """
import os

import torch

{outside}


class Steps(torch.nn.Module):
    def forward(self, x):
        return x.float() * int(os.environ.get("BENCHLIB_TEST_STEPS", "1")) + torch.ones(3)


Steps()(torch.ones(2, 3))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("outside", "told"),
    [
        ("os.environ['BENCHLIB_TEST_STEPS'] = '5'", "4 apart, of at most 6"),
        ("torch.set_default_dtype(torch.float64)", "is float64 there, float32 here"),
    ],
)
def test_what_a_script_sets_outside_of_its_model_makes_another_one_and_is_told(tmp_path, outside, told):
    path = tmp_path / "steps.py"
    path.write_text(OUTSIDE.format(outside=outside))
    with pytest.raises(UserError, match="computes otherwise when it is opened again") as error:
        script.load(str(path), make({"model": str(path)}))
    assert told in str(error.value)
