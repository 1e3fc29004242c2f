"""What is found, how it is called, and that what was found can be taken."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchlib import discovery, tensors
from benchlib.discovery import identity
from benchlib.errors import UserError

pytestmark = pytest.mark.process

SCRIPTS = Path(__file__).parents[1] / "planted" / "scripts"
WIDTHS = {  # of the outputs in holders.py: each model that is called has one of its own
    "models[1]": 12, "named['a']": 13, "model": 14, "models[0]": 11, "Deep.inner.most.model": 2, "self.engine": 3,
    "local": 6, "Small()": 15, "threaded": 8, "compiled": 17, "in_compiled": 18, "parallel": 19, "traced": 21,
    "scripted": 20, "lazy": 22, "forwarded": 23, "half": 24, "inplace": 25, "own": 4, "recursive": 10, "mutating": 7,
}  # fmt: skip


@pytest.fixture(scope="module")
def holders() -> discovery.Discovery:
    return discovery.discover(SCRIPTS / "holders.py")


def test_every_called_module_is_found_once_and_no_other(holders):
    assert holders.ended == "" and "all called" in holders.output
    found = [m for m in holders.models if m.name != "twice"]
    assert {m.name: m.params_size for m in found} == {name: 11 * width for name, width in WIDTHS.items()}
    assert len(found) == len(WIDTHS)
    executed = {m.name: m.executed for m in found}
    assert executed == dict.fromkeys(WIDTHS, 1) | {"compiled": 2, "mutating": 2}
    assert holders.labels == {"author": ["planted"], "kind": ["holders", "places"]}


def test_classes_places_and_sizes(holders):
    models = {m.name: m for m in holders.models}
    lines = (SCRIPTS / "holders.py").read_text().splitlines()
    assert models["compiled"].model_class == "holders.Small"
    for name, call in {"local": "return local(x)", "own": "own(x)", "threaded": "threaded(x)"}.items():
        assert models[name].file == str(SCRIPTS / "holders.py")
        assert lines[models[name].line - 1].strip() == call
    assert models["half"].weights_size == 2 * models["half"].params_size
    assert models["local"].weights_size == 4 * models["local"].params_size
    assert all(m.seconds > 0 for m in holders.models)


def test_other_shapes_are_another_invocation(holders):
    twice = {m.inputs: m for m in holders.models if m.name == "twice"}
    assert {inputs: m.executed for inputs, m in twice.items()} == {
        "x: float32[1×10]": 2,
        "x: float32[3×10]": 1,
        "x: float32[1×10], scale: [float32[1×10], {k: int}]": 1,
    }
    assert len({m.hash for m in twice.values()}) == 3
    assert len({m.weights_hash for m in twice.values()}) == 1


def test_children_down_to_the_depth_each_once_per_call():
    found = discovery.discover(SCRIPTS / "children.py", ["2"], max_depth=1).models
    shown = [(m.name, m.depth, m.params_size, m.executed) for m in found]
    assert shown == [
        *(("model", 0, 85, 2), ("fc", 1, 55, 2), ("blocks.0", 1, 30, 2)),
        *(("other", 0, 85, 1), ("fc", 1, 55, 1), ("blocks.0", 1, 30, 1)),
    ]
    assert [m.parent for m in found] == ["", *[found[0].hash] * 2, "", *[found[3].hash] * 2]
    assert found[0].hash != found[3].hash and found[0].weights_hash != found[3].weights_hash


def test_children_are_seen_in_what_is_compiled_and_told_where_they_are_hidden(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n\n"
        "def made():\n"
        "    return torch.nn.Sequential(torch.nn.Linear(2, 3))\n\n"
        "x, plain, inplace, alone = torch.ones(1, 2), made(), made(), torch.nn.Linear(2, 3)\n"
        "inplace.compile(backend='eager')\n"
        "around, alone = torch.compile(made(), backend='eager'), torch.compile(alone, backend='eager')\n"
        "scripted = torch.jit.script(made())\n"
        "for model in (plain, inplace, around, alone, scripted):\n"
        "    model(x)\n"
    )
    assert discovery.discover(script).remarks == []
    run = discovery.discover(script, max_depth=1)
    assert [m.name for m in run.models] == ["plain", "0", "inplace", "0", "around", "0", "alone", "scripted"]
    assert run.remarks == ["scripted runs as compiled code: its children are not seen"]


def test_what_is_kept_depends_on_the_script_and_on_what_it_imports(tmp_path):
    """The time tells a run from one that is read back."""
    script, helper = tmp_path / "script.py", tmp_path / "beside.py"
    helper.write_text("import time\nnumber = time.time() % 1\n")
    script.write_text("import beside\nprint(beside.number)\n")
    first = discovery.discover(script)
    assert first.models == [] and first.left_behind == [] and float(first.output) < 1
    assert discovery.discover(script) == first
    assert discovery.discover(script, ["x"]).output != first.output
    helper.write_text("import time\nnumber = time.time() % 1 + 1\n")
    assert float(discovery.discover(script).output) > 1
    script.write_text("import beside\nprint(beside.number + 1)\n")
    assert float(discovery.discover(script).output) > 2
    script.unlink()
    with pytest.raises(UserError, match="there is no script"):
        discovery.discover(script)


def test_what_is_kept_depends_on_the_folder_that_the_script_runs_in(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    script.write_text("print(open('size.txt').read())\n")
    for size in ("2", "3"):
        folder = tmp_path / size
        folder.mkdir()
        (folder / "size.txt").write_text(size)
        monkeypatch.chdir(folder)
        assert discovery.discover(script).output == f"{size}\n"


def test_taking(holders, tmp_path):
    """As it was before its first call, its class and its inputs with it, and for a process that knows no script."""
    wanted = next(m for m in holders.models if m.name == "mutating")
    discovery.take(SCRIPTS / "holders.py", [], 0, wanted.hash, tmp_path, 60)
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert (meta["class_name"], meta["positional"], str(SCRIPTS) in meta["paths"]) == ("Mutating", ["x"], True)
    arrays, structure = tensors.load(tmp_path / "inputs.npz")
    assert structure.tree == ["dict", [["x", ["leaf", "x"]]]] and arrays["x"].shape == (1, 10)
    code = (
        "import torch; from benchlib.models._facts import weights_hash\n"
        f"m = torch.load({str(tmp_path / 'model.pt')!r}, weights_only=False)\n"
        "print(m.calls, m(torch.ones(1, 10)).shape[1], weights_hash(m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "7", wanted.weights_hash]


HELD = """
import torch

inner = torch.nn.Linear(3, 3)

class Holds(torch.nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def forward(self, x):
        return sum(part(x) for part in self.parts)

def made():
    return lambda x: inner.forward(x)

def nested(x):
    return [inner.forward(y) for y in x][0]

held = Holds(made(), lambda x: inner.forward(x), nested, (lambda x: inner.forward(x) + 1))
held(torch.ones(1, 3))
"""


def test_functions_that_a_model_holds_are_taken_as_they_were_written(tmp_path):
    script = tmp_path / "held.py"
    script.write_text(HELD)
    (model,) = discovery.discover(script).models
    discovery.take(script, [], 0, model.hash, tmp_path, 60)
    opens = f"import torch; torch.load({str(tmp_path / 'model.pt')!r}, weights_only=False)(torch.ones(1, 3))"
    subprocess.run([sys.executable, "-c", opens], check=True)


def test_taking_what_is_not_there(tmp_path):
    said = r"children.py calls no model with the hash 'ffffffff'; known: [0-9a-f]{8}, [0-9a-f]{8}$"
    with pytest.raises(UserError, match=said):
        discovery.take(SCRIPTS / "children.py", ["1"], 0, "ffffffff", tmp_path, 60)


def test_a_script_that_asks_for_torch_before_it_imports_it_is_watched_too(tmp_path):
    script = tmp_path / "asks.py"
    script.write_text(
        "import importlib.util\n"
        "if importlib.util.find_spec('torch'):\n    import torch\n"
        "torch.nn.Linear(3, 2)(torch.ones(1, 3))\n"
    )
    assert [m.params_size for m in discovery.discover(script).models] == [8]


def test_what_makes_instances_alike_knows_no_addresses():
    class Shows(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.act = lambda x: x

        def extra_repr(self):
            return f"act={self.act}"

    one, other = (identity.likeness(Shows(), lambda function: function) for _ in range(2))
    assert "0x" in repr(Shows()) and one == other


def test_a_forward_whose_inputs_are_called_like_ours_is_seen(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, module, owner):\n"
        "        return module\n\n"
        "Net().forward(module=torch.ones(2), owner=torch.ones(1))\n"
    )
    run = discovery.discover(script)
    assert run.ended == "" and [m.inputs for m in run.models] == ["module: float32[2], owner: float32[1]"]


def test_an_object_that_answers_no_questions_hides_no_model(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n\n"
        "class Proxy:\n"
        "    @property\n"
        "    def __class__(self):\n"
        "        raise RuntimeError('outside of a request')\n\n"
        "request = Proxy()\n"
        "held = {'model': torch.nn.Linear(2, 3)}\n"
        "held['model'](torch.ones(1, 2))\n"
    )
    assert [m.name for m in discovery.discover(script).models] == ["held['model']"]
