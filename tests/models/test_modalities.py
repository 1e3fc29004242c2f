"""Inputs of every kind: in their ranges, with real padding, and taken by the models that read them."""

import pytest
import torch

from benchlib import mistakes, tensors
from benchlib.errors import UserError
from benchlib.registries import sources

pytestmark = pytest.mark.slow

TINY = {"num_hidden_layers": 1, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
SOUND = {**TINY, "conv_dim": [32, 32], "conv_kernel": [10, 8], "conv_stride": [5, 4], "num_feat_extract_layers": 2,
         "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip
VIDEO = {**TINY, "image_size": 32, "num_frames": 4}
SERIES = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
COMPOSED = {"encoder": {**TINY, "vocab_size": 500}, "decoder": {**TINY, "vocab_size": 600}}
MODELS = {
    "LayoutLMModel": ({**TINY, "vocab_size": 500}, {"bbox"}),
    "LongformerModel": ({**TINY, "vocab_size": 500, "attention_window": 8}, {"global_attention_mask"}),
    "TapasModel": ({**TINY, "vocab_size": 500}, {"token_type_ids"}),
    "BertForMultipleChoice": ({**TINY, "vocab_size": 500}, {"input_ids"}),
    "HubertModel": (SOUND, {"input_values", "attention_mask"}),
    "ASTModel": ({**TINY, "max_length": 64, "num_mel_bins": 32}, {"input_values"}),
    "VideoMAEModel": (VIDEO, {"pixel_values"}),
    "VisualBertModel": ({**TINY, "vocab_size": 500, "visual_embedding_dim": 16}, {"visual_embeds"}),
    "TimeSeriesTransformerModel": (SERIES, {"past_values", "past_time_features", "future_values"}),
    "EncoderDecoderModel": (COMPOSED, {"input_ids", "decoder_input_ids"}),
}


def load(name, model_args, **parameters):
    sizes = {"batch_size": 3, "seq_length": 16, "max_audio_seq_length": 2000, **parameters}
    return sources.get("huggingface").load(
        name, mistakes.make({"model": f"huggingface/{name}", "model_args": model_args, **sizes})
    )


@pytest.mark.parametrize("name", MODELS)
def test_models_of_every_kind_compute(name):
    model = load(name, MODELS[name][0])
    assert set(model.inputs) >= MODELS[name][1]
    outputs = tensors.flatten(model.call())[0]
    assert outputs and all(torch.isfinite(t).all() for t in outputs.values() if t.is_floating_point())
    for tensor in model.inputs.values():
        assert (tensor.shape[0] == 3 and len(tensor.unique()) > 1) or "visual_" in str(name).lower() or tensor.all()


def test_boxes_are_boxes_and_padding_has_none():
    inputs = load("LayoutLMModel", MODELS["LayoutLMModel"][0]).inputs
    boxes, own = inputs["bbox"], inputs["attention_mask"] == 1
    assert boxes.min() >= 0 and boxes.max() <= 1000
    assert (boxes[..., :2] <= boxes[..., 2:]).all() and not boxes[~own].any() and boxes[own].any()


def test_sound_lies_in_its_range_and_is_silent_behind_its_end():
    inputs = load("HubertModel", SOUND).inputs
    waves, mask = inputs["input_values"], inputs["attention_mask"] == 1
    assert waves.shape == (3, 2000) and waves.abs().max() <= 1 and waves[mask].std() > 0.05
    assert mask[0].all() and not mask[1:].all() and not waves[~mask].any()


def test_what_cannot_be_derived_is_named():
    with pytest.raises(UserError, match="does not say how SegGptModel reads prompt_masks"):
        small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "merge_index": 0}
        load("SegGptModel", {**small, "intermediate_hidden_state_indices": [0]})
    with pytest.raises(UserError, match="did you mean 'BertModel'"):
        load("BertModle", {})
