"""Exporters of other systems: those that need an optional package, and those that are known by name alone."""

import sys
import textwrap

import pytest
import torch
from exporting import Bundle, load, same

from benchlib import machine, mistakes
from benchlib.errors import UserError
from benchlib.models import LoadedModel
from benchlib.plan import availability, rules
from benchlib.registries import exporters

STUB = """
    calls = []

    class ExportOptions:
        def __init__(self, strategy=None):
            self.strategy = strategy

    class OptimizationOptions:
        def __init__(self, constant_folding, patterns):
            self.constant_folding, self.patterns = constant_folding, patterns

    def to_onnx(mod, args=None, filename=None, **rest):
        import torch
        calls.append(rest)
        names = {"input_names": rest["input_names"], "output_names": rest["output_names"]}
        torch.onnx.export(mod, args, filename, dynamo=False, **names)
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A package that answers to the names that `custom` calls, and notes what it is given."""
    package = tmp_path / "experimental_experiment"
    package.mkdir()
    (package / "__init__.py").write_text(textwrap.dedent(STUB))
    for module in ("torch_interpreter", "xbuilder"):
        (package / f"{module}.py").write_text("from experimental_experiment import *\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__("experimental_experiment")
    for name in [n for n in sys.modules if n.startswith("experimental_experiment")]:
        del sys.modules[name]


def test_custom_gets_the_patterns_as_they_are(tmp_path, stub):
    folder = tmp_path / "bundle"
    folder.mkdir()
    bundle = Bundle(load("explicit/dict_io", batch_size=2), folder)
    free = {name: {0: "batch"} for name in bundle.flat}
    facts = bundle.export("custom", {"strategy": "nostrict"}, 18, axes=free, opt_patterns="default+onnxruntime-Cast")
    (call,) = stub.calls
    assert call["options"].patterns == "default+onnxruntime-Cast" and call["optimize"] and call["target_opset"] == 18
    assert call["export_options"].strategy == "nostrict"
    dims = call["dynamic_shapes"]
    assert dims["batch_left"][0] is dims["batch_right"][0] and dims["batch_left"][0].__name__ == "batch"
    assert facts["onnx_optimized"] == 1
    same(bundle.run("custom", facts["file"]), bundle.expected)
    bundle.export("custom")
    assert stub.calls[1]["options"] is None and not stub.calls[1]["optimize"]
    assert not {"target_opset", "dynamic_shapes"} & set(stub.calls[1])


def test_custom_is_skipped_without_its_package():
    asked = mistakes.make({"model": "explicit/mlp", "exporter": "custom", "opt_patterns": "default+onnxruntime-Cast"})
    assert asked.way.passes == () and rules.refusal(asked) is None
    if machine.package_version("experimental_experiment") is not None:
        pytest.skip("experimental-experiment is installed")
    assert (
        availability.lacks(asked) == "exporter custom needs the package experimental_experiment, which is not installed"
    )


@pytest.mark.parametrize("name", ["dort", "cort", "cortgrad", "ORTModule", "flaggems"])
def test_what_is_gone_is_skipped_with_the_reason(name):
    asked = mistakes.make({"model": "explicit/mlp", "exporter": name})
    assert rules.refusal(asked) is None
    reason = availability.lacks(asked)
    assert reason.startswith(f"exporter {name}: ") and len(reason) < 200


@pytest.mark.parametrize("model", ["explicit/mlp", "explicit/list_io"])
def test_executorch_computes_what_eager_does(tmp_path, model):
    pytest.importorskip("executorch")
    bundle = Bundle(load(model, batch_size=2), tmp_path)
    facts = bundle.export("executorch", axes={name: {0: "batch"} for name in bundle.flat})
    same(bundle.run("executorch", facts["file"]), bundle.expected)
    assert bundle.session.facts["threads"] == 2
    for batch in (1, 5):
        inputs = load(model, batch_size=batch).inputs
        same(bundle.run("executorch", facts["file"], inputs), bundle.run("eager", bundle.saved, inputs))
    portable = bundle.export("executorch-nostrict", {"xnnpack": False})["file"]
    same(bundle.run("executorch-nostrict", portable), bundle.expected)


def test_executorch_refuses_more_than_it_plans_memory_for():
    asked = {"model": "explicit/mlp", "exporter": "executorch", "batch_size": 65}
    assert rules.refusal(mistakes.make(asked)) is None
    assert "batches up to 64 (largest)" in rules.refusal(mistakes.make({**asked, "dynamic": True}))
    assert rules.refusal(mistakes.make({**asked, "dynamic": True, "exporter_args": {"largest": 65}})) is None


def llama(batch: int, length: int, cache: bool) -> LoadedModel:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 64, "intermediate_size": 128, "vocab_size": 320, "num_hidden_layers": 2}
    torch.manual_seed(0)
    config = LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2, use_cache=cache)
    ids = torch.randint(0, 320, (batch, length))
    return LoadedModel({"input_ids": ids, "attention_mask": torch.ones_like(ids)}, LlamaForCausalLM(config).eval())


@pytest.mark.parametrize("cache", [False, True])
def test_the_model_builder_takes_the_inputs_of_the_model(tmp_path, cache):
    pytest.importorskip("onnxruntime_genai")
    bundle = Bundle(llama(1, 6, cache), tmp_path)
    facts = bundle.export("modelbuilder")
    assert facts["onnx_input_names"] == "input_ids|attention_mask"
    assert facts["onnx_n_outputs"] == len(bundle.expected) == (5 if cache else 1)
    inputs = llama(3, 9, cache).inputs
    same(bundle.run("modelbuilder", facts["file"], inputs), bundle.run("eager", bundle.saved, inputs))


def test_the_model_builder_says_what_it_does_not_take(tmp_path):
    bundle = Bundle(load("explicit/mlp"), tmp_path)
    with pytest.raises(UserError, match="needs a model of transformers with its configuration"):
        bundle.export("modelbuilder")
    small = {"num_hidden_layers": 1, "vocab_size": 100}
    bert = Bundle(load("huggingface/BertForMaskedLM", seq_length=4, model_args=small), tmp_path)
    with pytest.raises(UserError, match="the model is called with token_type_ids"):
        bert.export("modelbuilder")


def test_the_names_of_torch_bench_are_known():
    names = "eager export export-nostrict export-dec export-decall executorch executorch-nostrict compile inductor "
    names += "inductor-partial dort cort cortgrad custom torch_script onnx_dynamo onnx_dynamo-fallback modelbuilder "
    names += "ORTModule flaggems"
    assert all(exporters.resolved(name) in exporters.names() for name in names.split())
