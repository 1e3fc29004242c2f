"""Exported with free axes, run at shapes that were not used for it."""

import onnx
import pytest
import torch
from exporting import Bundle, load, same
from torch import nn

from benchlib.exporters._torch_export import Specialised
from benchlib.models import LoadedModel

pytestmark = pytest.mark.slow

BERT = {"seq_length": 6, "model_args": {"num_hidden_layers": 2, "vocab_size": 1000}}
MODELS = {
    "explicit/mlp": {},
    "explicit/list_io": {},
    "explicit/dict_io": {},
    "timm/resnet18": {"height": 64, "width": 64},
    "huggingface/BertForMaskedLM": BERT,
}
EVERYWHERE = ("script", "onnx_dynamo", "export")
SOME = [
    ("export-nostrict", "huggingface/BertForMaskedLM"),
    ("export-nostrict", "explicit/list_io"),
    ("jit", "timm/resnet18"),
    ("jit", "explicit/dict_io"),
    ("export-dec", "explicit/list_io"),
    ("export-decall", "explicit/list_io"),
    ("aot_inductor", "explicit/list_io"),
    ("compile", "explicit/dict_io"),
    ("inductor", "explicit/dict_io"),
]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    made = {}

    def bundle(model) -> Bundle:
        if model not in made:
            made[model] = Bundle(load(model, batch_size=2, **MODELS[model]), tmp_path_factory.mktemp("bundle"))
        return made[model]

    return bundle


def axes_of(model: str, bundle: Bundle) -> dict:
    free = {0: "batch", 1: "seq_length"} if "seq_length" in MODELS[model] else {0: "batch"}
    return dict.fromkeys(bundle.flat, free)


def waits(exporter: str, model: str) -> bool:
    """Whether a pair waits for `make soak`: what is like another one here, or compiles."""
    alike = exporter in EVERYWHERE and model in ("explicit/mlp", "explicit/dict_io", "timm/resnet18")
    return alike or exporter in ("aot_inductor", "compile", "inductor")


@pytest.mark.parametrize(
    "exporter, model",
    [
        pytest.param(*pair, marks=pytest.mark.soak if waits(*pair) else ())
        for pair in (*((exporter, model) for exporter in EVERYWHERE for model in MODELS), *SOME)
    ],
)
def test_other_shapes_compute_what_eager_does(bundles, exporter, model):
    bundle = bundles(model)
    facts = bundle.export(exporter, axes=axes_of(model, bundle))
    for batch, length in ((1, 6), (5, 9), (2, 1)) if "seq_length" in MODELS[model] else ((1, 0), (5, 0)):
        given = {**MODELS[model], "batch_size": batch, **({"seq_length": length} if length else {})}
        inputs = load(model, **given).inputs
        expected = bundle.run("eager", bundle.saved, inputs)
        same(bundle.run(exporter, facts["file"], inputs, dynamic=True), expected)


@pytest.mark.parametrize("exporter", ["script", "onnx_dynamo"])
def test_the_axes_of_a_graph_have_their_names(bundles, exporter):
    bundle = bundles("huggingface/BertForMaskedLM")
    file = bundle.export(exporter, axes=axes_of("huggingface/BertForMaskedLM", bundle))["file"]
    for value in onnx.load(file).graph.input:
        assert [dim.dim_param for dim in value.type.tensor_type.shape.dim] == ["batch", "seq_length"]


def test_axes_of_one_name_are_one_dimension(bundles):
    bundle = bundles("explicit/list_io")
    program = torch.export.load(bundle.export("export", axes=axes_of("explicit/list_io", bundle))["file"])
    assert len(program.range_constraints) == 1


class Fixed(nn.Module):
    """Its own Python asks for the size of the batch, so that an exporter keeps what the example has."""

    def forward(self, x, y):
        return y * 2 if y.shape[0] == 2 else y * 3 + x


@pytest.mark.parametrize("exporter", ["onnx_dynamo", "export", "export-nostrict", "export-dec", "aot_inductor"])
def test_an_axis_that_did_not_stay_free_is_no_success(tmp_path, exporter):
    inputs = {"x": torch.randn(3), "y": torch.randn(2, 3)}
    bundle = Bundle(LoadedModel(inputs=inputs, module=Fixed().eval(), positional=("x", "y")), tmp_path)
    with pytest.raises(Specialised, match=r"^axis 0 of y \(batch\) did not stay free: .* specialised it to 2$"):
        bundle.export(exporter, axes={"y": {0: "batch"}})


class Even(nn.Module):
    """Takes batches of an even size."""

    def forward(self, x):
        return x.reshape(-1, 2, x.shape[1]).sum(1)


@pytest.mark.parametrize("exporter", ["onnx_dynamo", "export", "export-nostrict"])
def test_a_size_that_has_to_be_even_stays_free_among_the_even(tmp_path, exporter):
    bundle = Bundle(LoadedModel(inputs={"x": torch.randn(4, 3)}, module=Even().eval()), tmp_path)
    file = bundle.export(exporter, axes={"x": {0: "batch"}})["file"]
    inputs = {"x": torch.randn(6, 3)}
    same(bundle.run(exporter, file, inputs), bundle.run("eager", bundle.saved, inputs))
