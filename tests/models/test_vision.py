"""The suites of timm, torchvision, Torch Hub and torchbench: names, sizes, weights that hide nothing."""

import pytest
import torch

from benchlib import mistakes, tensors
from benchlib.errors import Unavailable, UnknownName, UserError
from benchlib.models import _as_trained, _timm, timm, torch_hub, torchbench, torchbench_ado, torchvision
from benchlib.registries import sources

pytestmark = pytest.mark.slow

SMALL = {"height": 64, "width": 64}


def load(model, **parameters):
    suite, _, name = model.partition("/")
    return sources.get(suite).load(name, mistakes.make({"model": model, **parameters}))


@pytest.mark.parametrize(
    "suite, count, needing",
    [(timm, 61, 0), (torchvision, 12, 0), (torch_hub, 119, 22), (torchbench, 88, 37), (torchbench_ado, 15, 0)],
)
def test_every_name_is_listed_once_and_says_what_it_needs(suite, count, needing):
    rows = suite.catalogue()
    assert len({row["name"] for row in rows}) == len(rows) == count
    assert sum("needs" in row for row in rows) == needing
    for row in rows:
        if "needs" in row:
            with pytest.raises(Unavailable, match="needs"):
                suite.source.load(row["name"], mistakes.make({"model": f"{suite.source.name}/{row['name']}"}))


def test_renamed_models_are_built_under_their_new_name():
    for name, known in timm.RENAMED.items():
        assert {"name": name, "alias_of": known}.items() <= {r["name"]: r for r in timm.catalogue()}[name].items()
    model = load("timm/gluon_resnet18_v1b", **SMALL)
    assert model.facts["model_alias_of"] == "resnet18.gluon_in1k"
    assert "model_alias_of" not in load("timm/resnet18", **SMALL).facts


def test_names_beyond_timms_catalogue_repeat_none_of_it():
    beyond = timm.more()
    assert {"resnet18", "gluon_resnet18_v1b"} <= set(beyond)
    assert not {row["name"] for row in timm.catalogue()} & set(beyond)


def test_channels_reach_the_model():
    model = load("timm/resnet18", num_channels=1, **SMALL)
    assert model.inputs["x"].shape == (1, 1, 64, 64) and model.call().shape == (1, 1000)
    with pytest.raises(UserError, match="in_chans"):
        load("timm/resnet18", num_channels=1, model_args={"in_chans": 4})


def test_what_starts_at_nothing_gets_values():
    module = torch.nn.Sequential(torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 4, 1), torch.nn.Linear(4, 4))
    torch.nn.init.zeros_(module[0].weight)
    torch.nn.init.zeros_(module[2].weight)
    kept = module[1].weight.clone()
    _as_trained.as_trained(module)
    assert module[0].weight.min() > 0 and module[0].running_var.std() > 0 and module[0].bias.any()
    assert module[2].weight.std() > 0.005
    assert torch.equal(module[1].weight, kept), "what has values keeps them"


def test_norms_have_seen_what_passes_through_them():
    """Else activations grow from layer to layer, in the deeper models beyond what float16 holds."""
    model = load("torch_hub/resnet101", **SMALL)
    assert model.call().abs().max() < 100
    assert not any(part.training for part in model.module.modules())


def test_the_record_says_what_was_left_out():
    def called(name="phi_2", **model_args):
        return mistakes.make({"model": f"torchbench_ado/{name}", "model_args": model_args}).model_name

    assert called() == "phi_2 (2 layers)"
    assert called(num_hidden_layers=32) == "phi_2"
    assert called("llava", text_config={"vocab_size": 100}) == "llava (2 layers)"
    assert called("llava", text_config={"num_hidden_layers": 40}) == "llava"


def test_a_classifier_that_starts_at_zero_still_answers():
    outputs = load("torchvision/vit_b_32", height=32, width=32).call()
    assert outputs.std() > 1e-3


def test_detectors_read_images_and_find_boxes():
    model = load("torchvision/fasterrcnn_mobilenet_v3_large_320_fpn", batch_size=2, height=64, width=96)
    images = model.inputs["images"]
    assert [tuple(i.shape) for i in images] == [(3, 64, 96)] * 2
    assert 0 <= images[0].min() < 0.01 and 0.99 < images[0].max() <= 1
    outputs, _ = tensors.flatten(model.call())
    assert {"x0_boxes", "x1_scores"} <= set(outputs)
    assert all(torch.isfinite(o).all() and len(o) for o in outputs.values())


@pytest.mark.parametrize(
    "name, shape",
    [("raft_small", (1, 3, 128, 128)), ("r3d_18", (1, 3, 16, 32, 32)), ("lraspp_mobilenet_v3_large", (1, 3, 32, 32))],
)
def test_other_kinds_of_torchvision_read_what_they_should(name, shape):
    model = load(f"torchvision/{name}", height=shape[-2], width=shape[-1])
    assert {tuple(i.shape) for i in model.inputs.values()} == {shape}
    outputs, _ = tensors.flatten(model.call())
    assert all(o.std() > 0 for o in outputs.values())


def test_entries_of_the_hub_are_the_architectures_that_they_name():
    sizes = {
        "mealv2_mobilenetv3_small_075": 2_042_000,
        "resnest50_fast_2s2x40d": 26_900_000,
        "shufflenet_v2_x0_5": 1_366_792,
    }
    for name, expected in sizes.items():
        assert load(f"torch_hub/{name}", **SMALL).facts["params_size"] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("lennard_jones", 865),
        ("maml_omniglot", 75_205),
        ("dcgan", 2_765_568),
        ("phlippe_resnet", 272_378),
        ("phlippe_densenet", 239_146),
        ("functorch_dp_cifar10", 11_689_512),
        ("opacus_cifar10", 11_181_642),
    ],
)
def test_small_models_of_torchbench_have_their_size(name, parameters):
    model = load(f"torchbench/{name}", batch_size=2)
    assert model.facts["params_size"] == parameters
    (outputs,) = tensors.flatten(model.call())[0].values()
    assert len(outputs) == 2 and torch.isfinite(outputs).all() and not torch.equal(outputs[0], outputs[1])


def test_a_batch_of_graphs_is_many_graphs_side_by_side():
    model = load("torchbench/basic_gnn_gcn", batch_size=2)
    edges = model.inputs["edge_index"]
    assert model.inputs["x"].shape == (20_000, 64) and edges.shape == (2, 400_000)
    assert torch.equal(edges[0] // 10_000, edges[1] // 10_000), "no edge joins two graphs"
    assert model.call().shape == (20_000, 64)


def test_sizes_of_another_kind_of_model_are_refused():
    refuse = torchbench.source.refuse
    assert "seq_length" in refuse(mistakes.make({"model": "torchbench/resnet18", "seq_length": 8}))
    assert "height" in refuse(mistakes.make({"model": "torchbench/hf_Bert", "height": 8}))
    assert refuse(mistakes.make({"model": "torchbench/hf_Bert", "seq_length": 8})) is None
    labelled = {"model": "torchbench_ado/stable_diffusion_unet", "label": "unet", "seq_length": 8}
    assert "seq_length" in torchbench_ado.source.refuse(mistakes.make(labelled))


def test_a_tag_that_timm_does_not_know_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match=r"resnet18\.a1_in1K.*did you mean 'resnet18\.a1_in1k'"):
        _timm.loaded("resnet18.a1_in1K", mistakes.make({"model": "timm/resnet18"}))


def test_a_detector_sees_patterns_of_all_sizes():
    (image,) = load("torchvision/fcos_resnet50_fpn", **SMALL).inputs["images"]
    assert image.shape == (3, 64, 64) and (image.amin(), image.amax()) == (0, 1)
    near = ((image[:, :, 1:] - image[:, :, :-1]) ** 2).mean()
    far = ((image[:, :, 32:] - image[:, :, :-32]) ** 2).mean()
    assert near < far / 4, "independent pixels would differ as much from their neighbours as from any other"


@pytest.mark.parametrize(
    ("model", "given"),
    [("timm/deit_tiny_patch16_224", {"img_size": [64, 32]}), ("torchvision/vit_b_32", {"image_size": 64})],
)
def test_images_are_of_the_size_that_the_model_is_built_for(model, given):
    model = load(model, model_args=given)
    assert torch.isfinite(model.call()).all()


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("torchvision/vit_b_32", {"height": 100}),
        ("torchvision/maxvit_t", {"height": 100}),
        ("torchbench/dcgan", {"model_args": {"nothing": 1}}),
        ("torchbench_ado/stable_diffusion_unet", {"model_args": {"layers_per_block": "x"}}),
    ],
)
def test_what_a_library_has_against_its_arguments_is_one_line(model, parameters):
    with pytest.raises(UserError, match=f"^{model} with ") as raised:
        load(model, **parameters)
    assert "\n" not in str(raised.value)
