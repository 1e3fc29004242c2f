"""Graphs, Stable Diffusion's networks, the self-tests, and what explicit has that is large or meant to fail."""

import pytest
import torch

from benchlib import mistakes, tensors
from benchlib.errors import UserError
from benchlib.models import diffusers, explicit, graph_convolutions
from benchlib.registries import sources

pytestmark = pytest.mark.slow

SMALL = {"in_channels": 24, "model_args": {"num_nodes": 50, "num_edges": 80}}
WIDTHS = {"dnaconv": {"num_layers": 3}, "gatedgraphconv": {"out_channels": 24}}


def trial(model, **parameters):
    return mistakes.make({"model": model, **parameters})


def load(model, **parameters):
    suite, _, name = model.partition("/")
    return sources.get(suite).load(name, trial(model, **parameters))


def test_the_corpus_of_graphs_has_its_22_layers_first_in_its_order_and_ours_after_them():
    names = [row["name"] for row in graph_convolutions.catalogue()]
    theirs = [r["name"] for r in graph_convolutions.catalogue() if r["labels"]["test_group"] == ["mlagility"]]
    assert len(theirs) == 22 and len(names) == 34
    assert names[:22] == theirs == sorted(theirs)


@pytest.mark.parametrize("name", ["appnp", "chebconv", "dnaconv", "gatedgraphconv", "nnconv", "pnaconv", "signedconv"])
def test_a_layer_computes_on_a_graph_that_is_one(name):
    model = load(f"graph_convolutions/{name}", **{**SMALL, **WIDTHS.get(name, {})})
    outputs, _ = tensors.flatten(model.call())
    assert all(torch.isfinite(o).all() and len(o) == 50 and o.std() > 0 for o in outputs.values())
    for read in (r for r in model.inputs if r.endswith("edge_index")):
        edges = model.inputs[read]
        assert edges.shape == (2, 80) and edges.min() >= 0 and edges.max() < 50 and len(edges.unique()) > 40
    assert all(p.any() for p in model.module.parameters()), "no bias is zero"


def test_the_sizes_of_a_trial_reach_the_layer():
    assert load("graph_convolutions/chebconv", k=5, out_channels=3, **SMALL).call().shape == (50, 3)
    assert load("graph_convolutions/chebconv", k=5, **SMALL).facts["params_size"] == 5 * 24 * 16 + 16
    assert load("graph_convolutions/dnaconv", num_layers=3, **SMALL).inputs["x"].shape == (50, 3, 24)
    same = [load("graph_convolutions/appnp", alpha=alpha, **SMALL).call() for alpha in (2.2, None, 0.0)]
    assert torch.equal(same[0], same[1]) and not torch.equal(same[0], same[2])


@pytest.mark.parametrize(
    ("name", "parameters", "rule"),
    [
        ("gcnconv", {"batch_size": 2}, "nodes are no batch"),
        ("gcnconv", {"k": 3}, "gcnconv does not read k; it reads in_channels, out_channels"),
        ("egconv", {"out_channels": 12}, "multiple of 8"),
        ("gcnconv", {"model_args": {"num_nodes": 0}}, "not above 0"),
    ],
)
def test_what_a_graph_is_not_is_refused_in_one_line(name, parameters, rule):
    refused = graph_convolutions.refuse(trial(f"graph_convolutions/{name}", **parameters))
    assert rule in refused and "\n" not in refused


def test_the_denoiser_reads_noisy_latents_at_a_step_and_a_prompt():
    small = {"block_out_channels": [32, 32, 32, 32], "attention_head_dim": 1}
    model = load("diffusers/unet_2d_condition", batch_size=2, height=16, width=8, model_args=small)
    assert model.inputs["sample"].shape == (2, 4, 16, 8) and model.inputs["encoder_hidden_states"].shape == (2, 77, 256)
    step = model.inputs["timestep"]
    assert not step.is_floating_point() and 0 <= step < 1000
    out = model.call()
    assert next(iter(tensors.flatten(out)[0].values())).shape == (2, 4, 16, 8)


def test_the_decoder_makes_an_image_and_the_encoder_reads_one():
    decoder = load("diffusers/vae_decoder", height=4, width=4)
    assert decoder.call().shape == (1, 3, 32, 32)
    encoder = load("diffusers/vae_encoder", height=32, width=32)
    image = encoder.inputs["sample"]
    assert encoder.call().shape == (1, 8, 4, 4) and -1 <= image.min() < -0.9 and 0.9 < image.max() <= 1


def test_a_network_of_stable_diffusion_says_that_it_is_reduced_and_is_not_where_all_is_asked_for():
    reduced, full = (trial("diffusers/vae_decoder", model_args=m) for m in ({}, {"full": True}))
    assert (reduced.model_name, full.model_name) == ("vae_decoder (reduced)", "vae_decoder")
    assert reduced.key() != full.key()
    assert (
        49e6 < load("diffusers/vae_decoder", height=2, width=2, model_args={"full": True}).facts["params_size"] < 50e6
    )
    with pytest.raises(UserError, match="did you mean 'layers_per_block'"):
        load("diffusers/vae_decoder", model_args={"layer_per_block": 1})
    assert "true or false" in diffusers.refuse(trial("diffusers/vae_decoder", model_args={"full": 1}))


def test_self_tests_are_the_corpus_own():
    sizes = {name: load(f"selftest/{name}").facts["params_size"] for name in ("linear", "twolayer")}
    assert sizes == {"linear": 110, "twolayer": 85}
    assert load("selftest/twolayer", batch_size=3).call().shape == (3, 5)


def test_planted_failures_fail_where_they_should():
    with pytest.raises(RuntimeError, match="size of tensor"):
        load("explicit/1001Fail").call()
    model = load("explicit/1001Fail2", batch_size=3)
    assert model.call().shape == (3, 4)
    with pytest.raises(Exception, match="data-dependent"):
        torch.export.export(model.module, tuple(model.inputs.values()))


def test_two_layers_of_llama_and_their_recorded_batch():
    narrow = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "vocab_size": 200}
    model = load("explicit/Llama2Layer", batch_size="recorded", seq_length=16, model_args=narrow)
    assert model.inputs["input_ids"].shape == (2, 16)
    assert model.module.config.num_hidden_layers == 2
    assert next(iter(tensors.flatten(model.call())[0].values())).shape == (2, 16, 64)
    assert explicit.refuse(trial("explicit/Llama2Layer", seq_length=16)) is None
    assert "no model_args" in explicit.refuse(trial("explicit/mlp", seq_length=16))
