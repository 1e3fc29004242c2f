"""What torch itself runs, on real models: it computes what eager does."""

import os

import pytest
import torch
from exporting import FEW, Bundle, same
from torch import nn

from benchlib.exporters import script
from benchlib.models import LoadedModel
from benchlib.registries import exporters

pytestmark = pytest.mark.slow

RUN_BY_TORCH = ("export", "export-nostrict", "jit", "compile")
COMPILED = ("explicit/dict_io", "explicit/weight_normed", "huggingface/BertForMaskedLM", "timm/resnet18")


@pytest.mark.parametrize("exporter", RUN_BY_TORCH)
@pytest.mark.parametrize(
    "model", [pytest.param(model, marks=pytest.mark.soak if number % 2 else ()) for number, model in enumerate(FEW)]
)
def test_what_torch_runs_computes_what_eager_does(bundles, model, exporter):
    bundle = bundles(model)
    same(bundle.run(exporter, bundle.export(exporter)["file"]), bundle.expected)
    facts = bundle.session.facts
    assert facts["threads"] == 2 and facts["precision"]["matmul"] == "ieee"
    assert ("weights_hash" in facts) == (exporters.get(exporter).artifact == "module")


@pytest.mark.parametrize("exporter", ["export-dec", "export-decall"])
@pytest.mark.parametrize("model", ["explicit/tuple_io", "explicit/weight_normed", "explicit/conv_bn"])
def test_decomposed_programs_compute_what_eager_does(bundles, model, exporter):
    bundle = bundles(model)
    file = bundle.export(exporter)["file"]
    same(bundle.run(exporter, file), bundle.expected)
    before = torch.export.load(bundle.export("export")["file"]).graph.nodes
    after = torch.export.load(file).graph.nodes
    assert not {str(n.target) for n in after} & {"aten.linear.default", "aten.batch_norm.default"}
    assert len(after) > len(before)


@pytest.mark.parametrize("exporter", ["inductor", "inductor-partial"])
@pytest.mark.parametrize("model", COMPILED)
def test_inductor_computes_what_eager_does(bundles, model, exporter):
    bundle = bundles(model)
    same(bundle.run(exporter, bundle.saved, exporter_args={"mode": "default"}), bundle.expected)


def test_what_inductor_compiled_ahead_computes_what_eager_does(bundles):
    bundle = bundles("explicit/dict_io")
    facts = bundle.export("aot_inductor")
    assert facts["artifact_size"] == os.path.getsize(facts["file"])
    same(bundle.run("aot_inductor", facts["file"]), bundle.expected)


class Breaking(nn.Module):
    """Its graph breaks, which only a compiler that may leave parts in Python can live with."""

    def forward(self, x):
        torch._dynamo.graph_break()
        return x + 1


@pytest.mark.parametrize("exporter, options", [("inductor-partial", {}), ("compile", {"fullgraph": False})])
def test_graph_breaks_are_allowed_where_asked(tmp_path, exporter, options):
    bundle = Bundle(LoadedModel(inputs={"x": torch.randn(2)}, module=Breaking().eval()), tmp_path)
    same(bundle.run(exporter, bundle.saved, exporter_args=options), bundle.expected)
    torch._dynamo.reset()  # what it knows of this class
    with pytest.raises(torch._dynamo.exc.Unsupported, match="graph_break"):
        bundle.run(exporter.removesuffix("-partial"), bundle.saved)


def test_dynamo_alone_captures_in_each_process(tmp_path):
    bundle = Bundle(LoadedModel(inputs={"input": torch.randn(2)}, module=nn.Linear(2, 2).eval()), tmp_path)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    assert bundle.session.compile_cache() is None
    bundle.run("compile", bundle.saved)
    assert bundle.session.compile_cache() == "cold"


class Untraceable(nn.Module):
    """torch.export cannot follow a branch on a value; a trace takes the branch of its example."""

    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


def test_the_fallback_says_which_exporter_it_was(bundles, tmp_path, monkeypatch):
    facts = bundles("explicit/mlp").export("onnx_dynamo-fallback")
    assert facts["exporter_used"] == "onnx_dynamo" and facts["onnx_optimized"] == 1
    bundle = Bundle(LoadedModel(inputs={"x": torch.ones(2)}, module=Untraceable().eval()), tmp_path)
    facts = bundle.export("onnx_dynamo-fallback")
    assert facts["exporter_used"] == "script" and facts["onnx_optimized"] == 0
    same(bundle.run("onnx_dynamo-fallback", facts["file"]), bundle.expected)
    monkeypatch.setattr(script, "export", lambda request: 1 / 0)
    with pytest.raises(torch.onnx.OnnxExporterError) as failure:
        bundle.export("onnx_dynamo-fallback")
    assert "script failed too: ZeroDivisionError" in failure.value.__notes__[0]


def test_jit_freezes_and_optimises(bundles):
    bundle = bundles("explicit/conv_bn")
    file = bundle.export("jit", {"freeze": True})["file"]
    assert not list(torch.jit.load(file).parameters()), "the weights are constants of the graph"
    same(bundle.run("jit", file, exporter_args={"optimize": True}), bundle.expected)
