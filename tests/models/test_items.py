"""How many items a call is of: one rule for scripts, modules from Python, ONNX files and given inputs."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchlib.errors import UserError
from benchlib.mistakes import make
from benchlib.models import _axes, _items, onnx_file, python, script

X = np.ones((64, 512), np.float32)
T = np.ones(64, np.float32)
SCRIPT = """
import torch

torch.nn.Linear(512, 8)(torch.ones(64, 512))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("inputs", "wanted"),
    [
        ({"x": X}, 64),
        ({"x": X, "t": T}, 64),
        ({"t": T, "x": X}, 64),
        ({"scale": np.ones((1, 512)), "x": X, "mask": X}, 64),  # two share the batch, the first one has it not
        ({"hidden": np.ones((2, 64, 8)), "x": X}, 64),  # recurrent state stands the other way round
        ({"x": np.ones(16000)}, None),  # one sound, or many numbers
        ({"x": [X, {"y": X}]}, 64),
        ({}, None),
    ],
)
def test_the_batch_that_inputs_share_else_the_first_dimension_of_the_first(inputs, wanted):
    assert _items.items(inputs, _axes.shared(inputs)) == wanted
    assert python.batch_of(inputs) == (wanted or 1)


def test_a_declared_batch_counts_wherever_it_stands():
    assert _items.items({"x": X}, {"x": {1: "batch"}}) == 512


def test_a_module_from_python_counts_the_items_of_its_inputs():
    module = torch.nn.Linear(512, 8)
    name = python.store(module, torch.ones(64, 512)).removeprefix("python:")
    for batch_size in (1, 64):
        trial = make({"model": f"python:{name}", "batch_size": batch_size})
        assert python.load(name, trial).facts["items"] == 64


def test_given_inputs_of_a_suites_model_decide_how_many_items_a_call_has(tmp_path):
    from benchlib.registries import sources

    np.savez(tmp_path / "x.npz", x=np.ones((6, 10), np.float32))
    trial = make({"model": "explicit/mlp", "inputs": str(tmp_path / "x.npz")})
    source, name = trial.source()
    assert sources.get(source.name).load(name, trial).facts.get("items") == 6
    assert "items" not in source.load(name, make({"model": "explicit/mlp", "batch_size": 2})).facts


def test_an_onnx_file_counts_them_by_the_same_rule(tmp_path):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [64, 512])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [64, 512])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "m.onnx")
    trial = make({"model": str(tmp_path / "m.onnx")})
    assert onnx_file.load(str(tmp_path / "m.onnx"), trial).facts["items"] == 64


@pytest.mark.process
def test_a_scripts_call_counts_the_items_that_it_is_of(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(SCRIPT)
    assert script.load(str(path), make({"model": str(path)})).facts["items"] == 64


@pytest.mark.parametrize("batch_size, right", [(64, True), (1, True), (2, False), (512, False)])
def test_a_batch_size_that_is_asked_for_is_held_against_the_items_that_are_counted(batch_size, right):
    """Not against any first dimension: that of a recurrent state is its layers."""
    inputs = {"hidden": torch.zeros(2, 64, 16), "x": torch.zeros(64, 512)}

    class Net(torch.nn.Module):
        def forward(self, hidden, x):
            return x + hidden.sum()

    name = python.store(Net(), inputs).removeprefix("python:")
    trial = make({"model": f"python:{name}", "batch_size": batch_size})
    if right:
        assert python.load(name, trial).facts["items"] == 64
    else:
        with pytest.raises(UserError, match="hold 64 items"):
            python.load(name, trial)
