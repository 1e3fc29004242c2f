"""Modules given from Python: stored by content, opened by another process, edited ones under another name."""

import importlib
import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from benchlib import mistakes
from benchlib.errors import UserError
from benchlib.models import python
from benchlib.models._saved import META, StoredModule

HELPER = """
import torch
from torch import nn

FACTOR = 2.0

def scaled(x):
    return x * FACTOR

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.new = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))
        self.old = nn.utils.weight_norm(nn.Linear(8, 8))

    def forward(self, x):
        return scaled(self.old(self.new(x)))
"""
SCRIPT = """
import sys
from pathlib import Path

import torch
from torch import nn

import helper

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = helper.Block()
        self.shift = 3

    def forward(self, x, *more):
        return helper.scaled(self.block(x)) + sum(more) + self.shift

if __name__ == "__main__":
    from benchlib.models import python

    torch.manual_seed(0)
    net, inputs = Net(), (torch.ones(2, 8), torch.full((1,), 0.5))
    out = net(*inputs)
    print(python.store(net, inputs, Path(sys.argv[1])), float(out.sum()))
"""
OPEN = """
import json, sys
from pathlib import Path
from benchlib import mistakes
from benchlib.exporters import ExportRequest, script, onnx_dynamo
from benchlib.models import python
from benchlib.runtimes import OpenRequest, onnxruntime

model = python.load(sys.argv[1].partition(":")[2], mistakes.make({"model": sys.argv[1]}))
sums = [float(model.call().sum())]
for exporter in (script, onnx_dynamo):
    file = exporter.export(ExportRequest(model, Path(sys.argv[2]) / exporter.__name__))["file"]
    arrays = {name: tensor.numpy() for name, tensor in model.inputs.items()}
    session = onnxruntime.open(OpenRequest(file, "script"))
    sums.append(float(session.bind(arrays, arrays)()[0].sum()))
print(json.dumps(sums))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def execute(*command, cwd):
    run = subprocess.run([sys.executable, "-W", "ignore", *map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip().splitlines()[-1]


def loaded(name, **parameters):
    return python.load(name.partition(":")[2], mistakes.make({"model": name, **parameters}))


@pytest.mark.process
def test_a_scripts_class_with_a_helper_module_beside_it(tmp_path, cache):
    """Stored by one process, opened and exported by another that never saw the script."""
    place = tmp_path / "script"
    place.mkdir()
    (place / "helper.py").write_text(HELPER)
    (place / "main.py").write_text(SCRIPT)
    name, expected = execute(place / "main.py", cache, cwd=tmp_path).split()
    assert execute(place / "main.py", cache, cwd=tmp_path) == f"{name} {expected}", "another session, the same name"
    sums = json.loads(execute("-c", OPEN, name, tmp_path, cwd=cache))
    assert sums == pytest.approx([float(expected)] * 3, rel=1e-5)
    (place / "helper.py").write_text(HELPER.replace("2.0", "3.0"))
    assert execute(place / "main.py", cache, cwd=tmp_path).split()[0] != name, "an edited helper is another model"


@pytest.mark.process
def test_a_class_without_a_file(tmp_path, cache):
    """As in a notebook's cell: defined in __main__, of which there is no file."""
    code = (
        SCRIPT.replace("import helper\n", "").replace("helper.Block()", "nn.Linear(8, 8)").replace("helper.scaled", "")
    )
    name, expected = execute("-c", code, cache, cwd=tmp_path).split()
    assert name.startswith("python:Net-")
    assert execute("-c", code, cache, cwd=tmp_path).split()[0] == name
    assert execute("-c", code.replace("self.shift\n", "self.shift - 1\n"), cache, cwd=tmp_path).split()[0] != name
    sums = json.loads(execute("-c", OPEN, name, tmp_path, cwd=cache))
    assert sums == pytest.approx([float(expected)] * 3, rel=1e-5)


@pytest.mark.process
def test_a_notebooks_cell_is_read_through_linecache(cache, tmp_path):
    """Comments in a cell do not make another model, code does."""
    code = """
        import sys
        from pathlib import Path
        from IPython.core.interactiveshell import InteractiveShell

        shell = InteractiveShell.instance()
        shell.run_cell("import torch\\nfrom torch import nn")
        shell.run_cell(
            "class Cell(nn.Module):\\n"
            "    def forward(self, x):\\n"
            "        return x + 1  # COMMENT"
        )
        from benchlib.models import python
        print(python.store(shell.user_ns["Cell"](), __import__("torch").ones(2), Path(sys.argv[1])))
    """
    code = textwrap.dedent(code)
    names = [
        execute("-c", c, cache, cwd=tmp_path)
        for c in (code, code.replace("COMMENT", "other"), code.replace("x + 1", "x + 2"))
    ]
    assert names[0] == names[1] != names[2]


class Edited(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(4, 4)
        self.factor = 2.0

    def forward(self, x, scale=None):
        return self.factor * self.mix(x if scale is None else x * scale)


def test_every_edit_makes_another_name(cache):
    torch.manual_seed(0)
    module, x = Edited(), torch.ones(2, 4)
    names = [python.store(module, x)]
    assert python.store(module, x) == names[0]
    module.factor = 3.0
    names.append(python.store(module, x))
    with torch.no_grad():
        module.mix.weight[0, 0] += 1
    names.append(python.store(module, x))
    names.append(python.store(module, x + 1))
    names.append(python.store(module, {"x": x + 1}))
    module.forward = lambda x: module.mix(-x)
    names.append(python.store(module, x))
    assert len(set(names)) == len(names)


class AsksForItsScale(nn.Module):
    def forward(self, x):
        return x * float(os.environ.get("SCALE", "1"))


def test_of_a_module_that_may_read_what_nobody_watches_nothing_is_reused(cache):
    inputs = torch.ones(2, 3)
    names = [python.store(AsksForItsScale(), inputs) for _ in range(2)]
    assert names[0] != names[1]
    (told,) = StoredModule.read(python.folder() / names[0].partition(":")[2] / META).told
    assert "no earlier record or export of it is reused" in told
    plain = nn.Linear(3, 3)
    assert python.store(plain, inputs) == python.store(plain, inputs)


def test_a_class_whose_file_was_edited_since_it_was_imported_is_refused(cache, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "edited_since.py"
    text = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x * 2.0\n"
    file.write_text(text)
    module = importlib.import_module("edited_since")
    monkeypatch.setitem(sys.modules, "edited_since", module)
    net, inputs = module.Net(), torch.ones(2, 3)
    first = python.store(net, inputs)
    file.write_text(f"# a remark\n{text}")
    assert python.store(net, inputs) == first
    file.write_text(text.replace("2.0", "3.0"))
    with pytest.raises(UserError, match=r"^edited_since.py was edited since it was imported: restart the kernel"):
        python.store(net, inputs)


def test_storing_leaves_the_module_as_it_was(cache):
    module = Edited().train()
    python.store(module, torch.ones(2, 4))
    assert module.training and module.mix.weight.requires_grad


def test_inputs_by_position_and_by_name(cache):
    module, x, scale = Edited(), torch.ones(2, 4), torch.full((4,), 2.0)
    expected = module.eval()(x, scale)
    for inputs in ((x, scale), [x, scale], {"scale": scale, "x": x}):
        model = loaded(python.store(module, inputs))
        torch.testing.assert_close(model.call(), expected)
    half = loaded(python.store(module, (x, scale)), dtype="float16")
    assert half.call().dtype == torch.float16
    with pytest.raises(UserError, match="takes 2 inputs by position, 3 were given"):
        python.store(module, (x, x, x))
    with pytest.raises(UserError, match="needs inputs="):
        python.store(module)
    with pytest.raises(UserError, match="is no model"):
        python.store([1, 2], x)
    with pytest.raises(UserError, match=r"Linear is a class, not a model: give Linear\(…\)"):
        python.store(nn.Linear, x)
    with pytest.raises(UserError, match="Linear has tensors without data"):
        python.store(nn.Linear(3, 2, device="meta"), x)


def test_a_batch_size_that_the_inputs_do_not_have_is_refused(cache):
    name = python.store(Edited(), torch.ones(2, 4))
    assert loaded(name, batch_size=2).inputs["x"].shape == (2, 4)
    with pytest.raises(UserError, match="hold 2 items"):
        loaded(name, batch_size=8)


def test_an_unknown_name_is_refused(cache):
    with pytest.raises(UserError, match="unknown stored module 'Net-00000000'"):
        loaded("python:Net-00000000")


def test_a_transformers_configuration(cache):
    from transformers import BertConfig, ViTConfig

    small = {"num_hidden_layers": 1, "hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 32}
    model = loaded(python.store(BertConfig(vocab_size=60, architectures=["BertForMaskedLM"], **small)))
    assert model.facts["model_class"] == "BertForMaskedLM" and model.facts["model_weights"] == "random"
    assert model.call().logits.shape == (1, 128, 60)
    images = loaded(python.store(ViTConfig(image_size=32, patch_size=16, **small)))
    assert images.inputs["pixel_values"].shape == (1, 3, 32, 32)
