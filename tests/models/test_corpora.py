"""MLAgility's corpora of transformers models, and torch_bench's untrained and big suites."""

import pytest
import torch

from benchlib import mistakes, tensors
from benchlib.errors import Unavailable, UnknownName
from benchlib.models import huggingface_big, parse, popular_on_huggingface, row, transformers, untrained
from benchlib.plan.selections import select
from benchlib.registries import sources
from benchlib.trial import Trial

pytestmark = pytest.mark.slow

BERT = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 300}
BART = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "vocab_size": 300}  # fmt: skip
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 2, "vocab_size": 300}
SAMPLE = {  # of the corpus, one of each kind of input, with the model_args that make it small
    "bert_tiny_for_sequence_classification": {},
    "barthez": BART,
    "byt5": T5,
    "layoutlm": BERT,
    "deit_tiny_for_image_classification": {"num_hidden_layers": 1},
    "distilhubert_for_audio_classification": {"num_hidden_layers": 1, "hidden_size": 48, "num_attention_heads": 2,
                                              "intermediate_size": 64, "num_conv_pos_embedding_groups": 4},
}  # fmt: skip


def load(model, **parameters):
    suite, _, name = model.partition("/")
    return sources.get(suite).load(name, mistakes.make({"model": model, **parameters}))


@pytest.mark.parametrize("name", SAMPLE)
def test_models_of_the_corpus_compute_at_its_sizes(name):
    model = load(f"transformers/{name}", model_args=SAMPLE[name])
    outputs = tensors.flatten(dict(model.call()))[0]
    assert outputs and all(torch.isfinite(o).all() for o in outputs.values() if o.is_floating_point())
    sizes = {"input_ids": (1, 128), "pixel_values": (1, 3, 224, 224), "input_values": (1, 25600)}
    inputs = tensors.flatten(model.inputs)[0]
    known = {n: tuple(inputs[n].shape) for n in sizes if n in inputs}
    assert known and known == {n: sizes[n] for n in known}


def test_the_trial_sizes_the_models_of_the_corpus():
    text = load("transformers/layoutlm", model_args=BERT, batch_size=2, seq_length=9)
    assert text.inputs["input_ids"].shape == (2, 9) and text.inputs["bbox"].shape == (2, 9, 4)
    sound = load("transformers/distilhubert_for_audio_classification", max_audio_seq_length=4000,
                 model_args=SAMPLE["distilhubert_for_audio_classification"])  # fmt: skip
    assert sound.inputs["input_values"].shape == (1, 4000)


def test_all_146_models_of_the_corpus_are_listed_and_at_least_110_can_be_built():
    rows = transformers.catalogue()
    needy = {r["name"]: r["needs"] for r in rows if r["needs"]}
    assert len(rows) == 146 and len(rows) - len(needy) >= 110
    assert all(r["task"] and r["labels"]["author"] == ["transformers"] for r in rows if not r["needs"])
    with pytest.raises(Unavailable, match="layoutlmv2 needs detectron2, which is not on PyPI"):
        load("transformers/layoutlmv2")
    with pytest.raises(UnknownName, match="bert_generation"):
        load("transformers/bert_generatio")


def test_every_class_of_the_tables_is_one_of_the_installed_transformers():
    import transformers as package

    classes = {r.model_class for r in [*transformers.MODELS.values(), *untrained.MODELS.values()] if r.model_class}
    assert {c for c in classes if c not in package._class_to_module} == set()


def test_an_untrained_model_has_two_layers_and_is_called_so():
    small = {name: value for name, value in BERT.items() if name != "num_hidden_layers"}
    model = "untrained/emilyalsentzer/Bio_ClinicalBERT"
    assert load(model, model_args=small).module.config.num_hidden_layers == 2
    assert Trial(model=model).model_name == "Bio_ClinicalBERT (2 layers)"
    for asked, layers in (({"full": True}, 12), ({"num_hidden_layers": 3}, 3)):
        assert load(model, model_args=small | asked).module.config.num_hidden_layers == layers
        assert Trial(model=model, model_args=asked).model_name == "Bio_ClinicalBERT"
    wrong = mistakes.make({"model": model, "model_args": {"full": "yes"}})
    assert untrained.refuse(wrong) == "model_args: full is true or false"


def test_each_part_of_an_untrained_model_is_reduced():
    tower = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
    clip = load("untrained/openai/clip-vit-base-patch16", seq_length=16,
                model_args={"text_config": tower, "vision_config": tower, "projection_dim": 8})  # fmt: skip
    parts = (clip.module.config.text_config, clip.module.config.vision_config)
    assert [(p.num_hidden_layers, p.hidden_size) for p in parts] == [(2, 32), (2, 32)]
    assert parts[1].patch_size == 16
    whole = load("untrained/arnir0/Tiny-LLM", seq_length=8)
    assert whole.module.config.num_hidden_layers == 1
    assert Trial(model="untrained/arnir0/Tiny-LLM").model_name == "Tiny-LLM"


def test_ids_with_slashes_are_names_of_their_suite():
    assert parse("untrained/arnir0/Tiny-LLM") == ("untrained", "arnir0/Tiny-LLM")
    assert select("untrained/microsoft/phi-2") == ["untrained/microsoft/phi-2"]
    assert row("untrained/arnir0/Tiny-LLM")["task"] == "text-generation"
    assert len(select("untrained/all")) == len(untrained.NAMES) == 26
    pretrained = "untrained/emilyalsentzer/Bio_ClinicalBERT//pretrained"
    assert select(pretrained) == [pretrained]
    assert Trial(model=pretrained).model_name == "Bio_ClinicalBERT (pretrained)"


def test_what_the_hub_holds_ends_in_one_line_without_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    models = {
        "untrained/emilyalsentzer/Bio_ClinicalBERT//pretrained": "emilyalsentzer/Bio_ClinicalBERT",
        "huggingface_big/SmolLM_1_7b": "HuggingFaceTB/SmolLM-1.7B",
        "popular_on_huggingface/google/byt5-small": "google/byt5-small",
    }
    for model, hub_id in models.items():
        with pytest.raises(Unavailable, match=f"hub:{hub_id}.*not in the local cache") as caught:
            load(model)
        assert "\n" not in str(caught.value)


def test_the_big_and_the_popular_models_are_listed_with_their_tasks():
    assert len(huggingface_big.catalogue()) == 5
    rows = {r["name"]: r for r in popular_on_huggingface.catalogue()}
    assert len(rows) >= 200 and all(r["task"] for r in rows.values())
    assert rows["google/byt5-small"]["labels"] == {"author": ["google"]}
    with pytest.raises(UnknownName):
        load("popular_on_huggingface/google/byt5-smal")


def test_several_texts_or_images_belong_to_one_item():
    rag = load("transformers/rag", batch_size=2, seq_length=6, model_args={"generator": BART, "question_encoder": BERT})
    assert rag.inputs["context_input_ids"].shape == (10, 6) and rag.inputs["doc_scores"].shape == (2, 5)
    assert rag.call().logits.shape == (10, 6, 300)
    idefics = load("untrained/HuggingFaceM4/tiny-random-idefics", batch_size=2, seq_length=6)
    assert idefics.inputs["pixel_values"].shape == (2, 2, 3, 30, 30)
    seen = idefics.inputs["image_attention_mask"]
    assert seen.sum(-1).eq(1).all() and seen[0, 0].tolist() == [1, 0] and seen[0, -1].tolist() == [0, 1]
    assert idefics.call().logits.shape[:2] == (2, 6)
