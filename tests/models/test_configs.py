"""Configurations: what a trial's model_args may name, in the parts of composed ones too."""

import pytest
import transformers

from benchlib import mistakes
from benchlib.errors import UserError
from benchlib.models import _configs, _labels
from benchlib.models._transformers_corpus import MODELS
from benchlib.registries import sources

pytestmark = pytest.mark.slow


def configured(kind, given, values=None):
    return _configs.configured(getattr(transformers, kind), values or {}, given, kind)


def test_parts_take_their_options_by_name():
    config = configured("CLIPConfig", {"text_config": {"num_hidden_layers": 1}})
    assert config.text_config.num_hidden_layers == 1 and config.vision_config.num_hidden_layers == 12
    other = configured("EncoderDecoderConfig", {"decoder": {"model_type": "gpt2", "n_layer": 3}})
    assert other.decoder.n_layer == 3


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("BertConfig", {"hidden_sise": 1}, "'hidden_sise' of BertConfig; did you mean 'hidden_size'"),
        (
            "CLIPConfig",
            {"text_config": {"num_hiden_layers": 1}},
            "'num_hiden_layers' of CLIPConfig's text_config; did you mean 'num_hidden_layers'",
        ),
        ("EncoderDecoderConfig", {"decoder": {"hidden_sise": 1}}, "'hidden_sise' of EncoderDecoderConfig's decoder"),
    ],
)
def test_an_option_that_nobody_reads_is_told(kind, given, words):
    with pytest.raises(UserError, match=words):
        configured(kind, given)


def test_the_special_tokens_of_the_corpus_are_in_the_vocabulary_that_reads_them():
    row = MODELS["vision_encoder_decoder"]
    config = configured("VisionEncoderDecoderConfig", {}, row.values)
    assert config.decoder.model_type == "bert"
    assert max(config.pad_token_id, config.decoder_start_token_id) < config.decoder.vocab_size


@pytest.mark.parametrize("name", ["CanineForTokenClassification", "EsmForMaskedLM"])
def test_a_class_whose_defaults_make_no_model_gets_what_it_needs(name):
    small = {"model": f"huggingface/{name}", "seq_length": 16, "model_args": {"num_hidden_layers": 1}}
    module = sources.get("huggingface").load(name, mistakes.make(small))
    assert module.inputs["input_ids"].shape == (1, 16)


def test_a_loss_without_a_text_to_make_labels_of_is_told():
    module = type("SpeechForConditionalGeneration", (), {"forward": lambda self, input_features, labels=None: None})()
    trial = mistakes.make({"model": "huggingface/BertModel", "with_loss": True})
    with pytest.raises(UserError, match="SpeechForConditionalGeneration gets no input_ids here"):
        _labels.added({"input_features": None}, module, trial)
