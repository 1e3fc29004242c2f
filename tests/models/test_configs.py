"""Configurations: what a trial's model_args may name, in the parts of composed ones too."""

import pytest
import transformers

from benchlib.errors import UserError
from benchlib.models import _configs
from benchlib.models._transformers_corpus import MODELS


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
