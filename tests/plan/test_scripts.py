"""Scripts in a plan and on the command line: one trial for each model that they call."""

import json
import re
from pathlib import Path

import pytest

from benchlib import cli_discover, cli_scripts
from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.models import parse, script
from benchlib.plan.expand import expand
from benchlib.plan.only import select
from benchlib.plan.selections import select as select_models
from benchlib.plan.study import from_options, read
from benchlib.record import Record
from benchlib.stages.blank import identity_metrics

SCRIPTS = Path(cli_scripts.__file__).parent / "models" / "scripts"
CALLS_THEN_FAILS = """
import torch

torch.nn.Linear(3, 2)(torch.ones(1, 3))
raise RuntimeError("later")
"""


def models(**options):
    return [p.trial.model for p in expand(from_options("run", {k: [v] for k, v in options.items()})).trials]


@pytest.mark.process
def test_a_script_is_a_selection_of_what_it_calls():
    path = SCRIPTS / "two_models.py"
    opened = models(model=str(path))
    assert len(opened) == 2 and all(m.startswith(f"{path}::") for m in opened)
    assert models(model=opened[1]) == [opened[1]]
    deeper = models(model=str(SCRIPTS / "max_depth.py"), max_depth=1)
    assert len(deeper) == 3 and deeper[:1] == models(model=str(SCRIPTS / "max_depth.py"))


@pytest.mark.process
def test_a_pattern_in_a_study_is_a_selection_too(tmp_path):
    study = tmp_path / "s.yaml"
    study.write_text(f"matrix: {{model: ['{SCRIPTS}/*_mod*.py'], exporter: [eager, export]}}\n")
    assert len(expand(read(study)).trials) == 4
    study.write_text(f"matrix: {{model: ['{SCRIPTS}/nothing*.py']}}\n")
    with pytest.raises(UserError, match=r"s\.yaml:1: .*no file has such a name"):
        expand(read(study))


@pytest.mark.process
def test_a_script_that_fails_keeps_what_it_called_and_one_that_calls_nothing_keeps_its_row(tmp_path):
    (tmp_path / "fails.py").write_text(CALLS_THEN_FAILS)
    (tmp_path / "nothing.py").write_text("")
    first, second = models(model=f"{tmp_path}/*.py")
    assert first.startswith(f"{tmp_path}/fails.py::") and second == f"{tmp_path}/nothing.py"


@pytest.mark.process
def test_a_script_that_failed_runs_again_for_the_next_plan_of_a_session(tmp_path):
    (tmp_path / "net.py").write_text(f"open({str(tmp_path / 'sizes.txt')!r})\n{CALLS_THEN_FAILS}")
    assert models(model=str(tmp_path / "net.py")) == [str(tmp_path / "net.py")]
    (tmp_path / "sizes.txt").write_text("")
    assert models(model=str(tmp_path / "net.py"))[0].startswith(f"{tmp_path}/net.py::")


def test_a_folder_that_is_called_like_a_script_is_none(tmp_path):
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "script.py").write_text("")
    assert cli_scripts.gathered([], tmp_path, True, "") == [str(tmp_path / "script.py")]


def test_a_folder_that_is_called_like_a_pattern_is_none(tmp_path):
    for name in ("net[1]", "net1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "script.py").write_text("")
    there = f"{tmp_path}/net[1]/script.py"
    for given in (([], True), (["script.py"], False), (["*.py"], False)):
        asked = cli_scripts.gathered(given[0], tmp_path / "net[1]", given[1], "")
        assert [model for name in asked for model in select_models(name)] == [there]
    assert select_models(f"{there}::12345678") == [f"{there}::12345678"]


def test_scripts_are_gathered_from_a_folder_and_by_label():
    everything = cli_scripts.gathered([], SCRIPTS, True, "")
    assert {p.rpartition("/")[2] for p in everything} == {p.name for p in SCRIPTS.glob("*.py")}
    assert cli_scripts.gathered(["linear.py"], SCRIPTS, False, "") == [str(SCRIPTS / "linear.py")]
    assert cli_scripts.gathered([], SCRIPTS, True, "author::torchvision,meta") == [str(SCRIPTS / "alexnet.py")]


@pytest.mark.process
def test_labels_that_cannot_be_read_refuse_their_script_alone(tmp_path):
    for name, label in {"good": "author::google", "wrong": "author:google", "other": "author::meta"}.items():
        (tmp_path / f"{name}.py").write_text(f"# labels: {label}\n{CALLS_THEN_FAILS}")
    asked = cli_scripts.gathered([], tmp_path, True, "author::google")
    assert [Path(model).name for model in asked] == ["good.py", "wrong.py"]
    plan = expand(from_options("run", {"model": asked}))
    assert [p.status for p in plan.trials] == ["", "refused"]
    assert plan.trials[1].reason == (
        f"{tmp_path}/wrong.py:1: 'author:google' is no label; "
        "labels are written key::value1,value2 and parted by blanks"
    )
    assert select(plan, "label_author=google") == plan.trials[:1]


@pytest.mark.process
def test_a_copy_of_a_script_is_told_with_what_it_is_a_copy_of(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "net.py").write_text("")
    with pytest.raises(UserError, match=r"twice: model: \S+/b/net\.py; \S+/a/net\.py has the same name and content"):
        models(model=f"{tmp_path}/*/net.py")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([], None, False, ""), "give a model"),
        ((["x.py"], SCRIPTS, True, ""), "give a model"),
        ((["x.py"], SCRIPTS / "none", False, ""), "no folder"),
        (([], SCRIPTS.parent.parent / "standins", True, ""), "no script"),
        (([], SCRIPTS, True, "author::nobody"), "no model has the labels"),
    ],
)
def test_what_cannot_be_gathered_is_one_line(arguments, complaint):
    with pytest.raises(UserError, match=complaint):
        cli_scripts.gathered(*arguments)


@pytest.mark.process
def test_every_trial_of_a_model_has_its_row():
    options = {"model": [str(SCRIPTS / "linear.py")], "exporter": ["eager"], "num_cores": [None, 1], "level": ["smoke"]}
    trials = [p.trial for p in expand(from_options("run", options)).trials]
    records = [
        Record("key", "name", "failed", t.model_dump(), identity_metrics(t), stage="check", reason="for a test")
        for t in trials
    ]
    rows = [line.split(":")[0].strip() for line in cli_scripts.listed(records) if "for a test" in line]
    assert rows == ["eager, num_cores default", "eager, num_cores 1"]


@pytest.mark.process
def test_looking_alone_runs_nothing(command, tmp_path):
    done = command("run", "two_models.py", "-s", str(SCRIPTS), "--analyze-only")
    assert "parameters: 55" in done.stdout and "parameters: 510" in done.stdout
    assert not (tmp_path / "outputs").exists()
    done = command("run", "linear.py::ffffffff", "-s", str(SCRIPTS), "--analyze-only", expect=2)
    assert "linear.py calls no model with the hash 'ffffffff'; known: " in done.stderr


def planned(*models, **options):
    return expand(from_options("run", {"model": list(models), **options})).trials


SHALLOW_AND_DEEP = """
import torch

class Cfg:
    def __init__(self, depth):
        self.depth = depth

class Deep(torch.nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.fc, self.cfg = torch.nn.Linear(10, 10), cfg

    def forward(self, x):
        for _ in range(self.cfg.depth):
            x = self.fc(x)
        return x

y = torch.ones(2, 10)
shallow, deep = Deep(Cfg(1)), Deep(Cfg(200))
twin, copy = torch.nn.Linear(10, 3), torch.nn.Linear(10, 3)
copy.load_state_dict(twin.state_dict())
for model in (shallow, deep, twin, copy):
    model(y)
for depth in (2, 3):
    looped = Deep(Cfg(depth))
    looped(y)
for fold in range(3):
    folded = torch.nn.Linear(10, 4)
    folded(y)
"""


@pytest.mark.process
def test_models_that_look_alike_are_trials_of_their_own_and_equal_ones_are_one(tmp_path):
    """They differ in a field of a configuration; what differs in weights alone, under one name, is called again."""
    net = tmp_path / "net.py"
    net.write_text(SHALLOW_AND_DEEP)
    found = script.discovered(net, make({"model": str(net)})).models
    by_name = {m.name: m.hash for m in found}
    assert [m.name for m in found] == ["shallow", "deep", "twin", "copy", "looped", "looped", "folded"]
    assert found[-1].executed == 3 and by_name["twin"] == by_name["copy"]
    trials = planned(str(net))
    assert len(trials) == len({p.key for p in trials}) == 6
    assert [p.trial.model for p in planned(f"{net}::deep")] == [f"{net}::{by_name['deep']}"]
    with pytest.raises(UserError, match=r"net.py calls no model with the hash 'ffffffff'"):
        planned(f"{net}::ffffffff")
    shown = "\n".join(cli_discover.shown(script.discovered(net, make({"model": str(net)}))))
    assert f"{by_name['copy']}, the same as twin" in shown


READS_CONFIGURATION = """
import json, pathlib, torch
width = json.loads((pathlib.Path(__file__).parent / "cfg.json").read_text())["width"]
net = torch.nn.Linear(10, width)
net(torch.ones(2, 10))
"""


@pytest.mark.process
def test_a_file_that_a_script_reads_makes_other_keys_and_its_old_content_the_old_ones(tmp_path):
    net, cfg = tmp_path / "net.py", tmp_path / "cfg.json"
    net.write_text(READS_CONFIGURATION)
    trials, sizes = [], []
    for width in (4, 9, 4):
        cfg.write_text(json.dumps({"width": width}))
        trials += planned(str(net))
        trial = trials[-1].trial
        sizes.append(script.load(parse(trial.model)[1], trial).facts["params_size"])
    assert trials[0].key == trials[2].key != trials[1].key
    assert sizes == [44, 99, 44]
    assert script.changed(trials[0].trial) is None
    said = r"the script made another model: net.py calls no model with the hash '\w{8}'"
    assert re.match(said, script.changed(trials[1].trial))


@pytest.mark.process
def test_a_script_that_never_sets_a_seed_has_the_same_keys_in_each_plan(tmp_path):
    net = tmp_path / "net.py"
    net.write_text("import torch\ntorch.nn.Linear(3, 2)(torch.randn(4, 3))\n")
    first = planned(str(net))[0].key
    net.write_text(f"# a remark\n{net.read_text()}")
    assert planned(str(net))[0].key == first
