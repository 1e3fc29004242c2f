"""The suites: every model loads, computes, repeats from its seed, and takes the inputs it should."""

import pytest
import torch

from benchlib import mistakes, tensors
from benchlib.errors import UserError
from benchlib.models import explicit
from benchlib.registries import sources

pytestmark = pytest.mark.slow


def load(model, **parameters):
    suite, _, name = model.partition("/")
    return sources.get(suite).load(name, mistakes.make({"model": model, **parameters}))


@pytest.mark.parametrize("name", explicit.MODELS)
def test_explicit_models_compute(name):
    model = load(f"explicit/{name}", batch_size=3)
    outputs, _ = tensors.flatten(model.call())
    assert outputs and all(torch.isfinite(o).all() for o in outputs.values())
    assert not model.module.training
    assert not any(p.requires_grad for p in model.module.parameters())
    assert model.facts["model_weights"] == "random"
    assert model.facts["params_size"] == sum(p.numel() for p in model.module.parameters())


def test_torch_benchs_dummies_have_its_names_and_ways_of_calling():
    kinds = (
        "16 Tuple 2Outputs 2 2Inputs Named1 Named2 NamedDict IList IInt NoneInt NoneListInt NoneIntDefault NoneIntDict"
    )
    assert list(explicit.DUMMIES) == ["101Dummy", *(f"101Dummy{kind}" for kind in [*kinds.split(), "MambaCache"])]
    by_name = {name for name in explicit.DUMMIES if not load(f"explicit/{name}").positional}
    assert by_name == {"101DummyNamedDict", "101DummyNoneIntDict"}
    assert load("explicit/101DummyNamed2").inputs["input_x"] is None


def test_a_cache_goes_in_and_the_next_one_comes_out():
    model = load("explicit/101DummyMambaCache", batch_size=3)
    out, cache = model.call()
    before = model.inputs["cache"]
    assert torch.equal(cache.conv_states[..., :-1], before["conv_states"][..., 1:])
    assert torch.equal(cache.conv_states[0, ..., -1], model.inputs["x"])
    assert cache.ssm_states.shape == before["ssm_states"].shape == (2, 3, 8, 3)
    again, _ = model.module(out, vars(cache))
    assert not torch.equal(again, model.module(out, before)[0]), "the cache counts"


def test_the_float16_dummy_asks_for_float16():
    name = "explicit/101Dummy16"
    for dtype in ("float32", "bfloat16"):
        assert "dtype: float16" in explicit.refuse(mistakes.make({"model": name, "dtype": dtype}))
    assert explicit.refuse(mistakes.make({"model": name, "dtype": "float16"})) is None
    assert explicit.refuse(mistakes.make({"model": "explicit/101Dummy"})) is None
    assert load(name, dtype="float16").call().dtype == torch.float16


def test_the_seed_decides_weights_and_inputs():
    first, same, other = (load("explicit/mlp", seed=s) for s in (1, 1, 2))
    assert torch.equal(first.call(), same.call())
    assert not torch.equal(first.module.up.weight, other.module.up.weight)
    assert not torch.equal(first.inputs["x"], other.inputs["x"])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_dtype_is_that_of_weights_and_floating_inputs(dtype):
    model = load("explicit/int_input", dtype=dtype)
    assert model.inputs["x"].dtype == model.module.mix.weight.dtype == getattr(torch, dtype)
    assert model.inputs["repeats"] == 3
    assert model.facts["params_dtype"] == dtype
    assert model.facts["weights_size"] == 2 * model.facts["params_size"]


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UserError, match="did you mean 'conv_bn'"):
        load("explicit/conv_nb")
    with pytest.raises(UserError, match="BertForMaskedLM"):
        load("huggingface/BertForMaskLM")


@pytest.fixture(scope="module")
def bert():
    parameters = {"batch_size": 4, "seq_length": 24, "model_args": {"num_hidden_layers": 1}}
    return load("huggingface/BertForMaskedLM", **parameters)


def test_text_inputs_respect_vocabulary_lengths_and_padding(bert):
    ids, mask, segments = (bert.inputs[n] for n in ("input_ids", "attention_mask", "token_type_ids"))
    assert ids.shape == mask.shape == segments.shape == (4, 24)
    lengths = mask.sum(1).tolist()
    assert lengths[0] == 24 and len(set(lengths)) == 4 and min(lengths) >= 12
    assert (mask[:, :-1] >= mask[:, 1:]).all(), "padding is on the right"
    assert (ids[mask == 0] == bert.module.config.pad_token_id).all()
    assert (ids[mask == 1] != bert.module.config.pad_token_id).all()
    assert ids.max() > 0.8 * bert.module.config.vocab_size, "the whole vocabulary is used"
    assert set(segments[mask == 1].tolist()) == {0, 1} and not segments[mask == 0].any()


def test_one_item_has_no_padding():
    model = load("huggingface/BertForMaskedLM", seq_length=8, model_args={"num_hidden_layers": 1, "vocab_size": 50})
    assert model.inputs["attention_mask"].all()


def test_outputs_hold_no_cache_and_no_loss(bert):
    assert list(bert.call()) == ["logits"]
    assert bert.facts["model_class"] == "BertForMaskedLM"
    assert bert.facts["model_task"] == "fill-mask"


def test_padding_is_really_masked(bert):
    """Other tokens under the padding leave all other positions alone: the mask reaches the attention."""
    mask = bert.inputs["attention_mask"]
    changed = {**bert.inputs, "input_ids": torch.where(mask == 1, bert.inputs["input_ids"], 77)}
    difference = (bert.module(**changed).logits - bert.call().logits).abs().amax(-1)
    assert difference[mask == 1].max() < 1e-5 < difference[mask == 0].min()


def test_electra_has_the_parameters_that_torch_bench_counted():
    model = load("huggingface/ElectraForQuestionAnswering", seq_length=8)
    assert model.facts["params_size"] == 13_483_522
    assert set(model.call()) == {"start_logits", "end_logits"}


def test_model_args_override_the_configuration_or_are_refused(bert):
    assert len(bert.module.bert.encoder.layer) == 1
    with pytest.raises(UserError, match="did you mean 'num_hidden_layers'"):
        load("huggingface/BertForMaskedLM", model_args={"num_hiden_layers": 4})
    with pytest.raises(UserError, match=r"num_hidden_layers.*expected int"):
        load("huggingface/BertForMaskedLM", model_args={"num_hidden_layers": "four"})
    with pytest.raises(UserError, match="512 positions"):
        load("huggingface/BertForMaskedLM", seq_length=513, model_args={"num_hidden_layers": 1})


def test_attention_is_the_asked_one():
    small = {"seq_length": 8, "model_args": {"num_hidden_layers": 1, "vocab_size": 50}}
    for name in ("eager", "sdpa"):
        model = load("huggingface/BertForMaskedLM", attn_implementation=name, **small)
        assert model.module.config._attn_implementation == name
    with pytest.raises(UserError, match="attn_implementation 'nonsense'"):
        load("huggingface/BertForMaskedLM", attn_implementation="nonsense", **small)


def test_timm_takes_its_own_image_size_or_the_asked_one():
    assert load("timm/resnet18", batch_size=2).inputs["x"].shape == (2, 3, 224, 224)
    model = load("timm/resnet18", height=64, width=96, model_args={"num_classes": 7})
    assert model.inputs["x"].shape == (1, 3, 64, 96)
    assert model.call().shape == (1, 7)
    assert abs(float(model.inputs["x"].std()) - 1) < 0.1


def test_timm_models_of_a_fixed_size_are_built_for_the_asked_one():
    assert load("timm/vit_tiny_patch16_224", height=64, width=32).call().shape == (1, 1000)


def test_no_branch_of_a_timm_model_is_silent():
    """Fresh residual branches end in a factor of zero, which would hide every mistake within them."""
    model = load("timm/resnet18", height=64, width=64)
    before = model.call()
    model.module.layer3[0].conv1.weight.mul_(1.5)
    assert (model.call() - before).abs().max() > 1e-3 * before.abs().max()


def test_timm_refuses_what_it_does_not_know():
    with pytest.raises(UserError, match="did you mean 'resnet18'"):
        load("timm/resnett18")
    with pytest.raises(UserError, match="no_such_option"):
        load("timm/resnet18", model_args={"no_such_option": 1})


def test_catalogues_list_names_and_tasks():
    assert {"mlp", "tuple_io", "weight_normed"} <= {row["name"] for row in sources.get("explicit").catalogue()}
    rows = {row["name"]: row for row in sources.get("huggingface").catalogue()}
    assert rows["BertForMaskedLM"]["batch_size"] == 32
    assert len(sources.get("timm").more()) > 500


def test_given_inputs_replace_the_drawn_ones(tmp_path):
    given = {"x": torch.full((5, 64), 2.0)}
    tensors.save(tmp_path / "in.npz", given)
    model = load("explicit/mlp", inputs=str(tmp_path / "in.npz"))
    assert torch.equal(model.inputs["x"], given["x"])
    with pytest.raises(UserError, match="hold x; the model takes pair_0, pair_1"):
        load("explicit/tuple_io", inputs=str(tmp_path / "in.npz"))
