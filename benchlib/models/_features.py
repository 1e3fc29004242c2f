"""What models of transformers read beside text, images and sound: regions of images, time series, arrays."""

from __future__ import annotations

from benchlib.models._asked import Asked
from benchlib.tensors import Inputs

REGIONS = 36  # of an image, as Faster R-CNN gives them to LXMERT and VisualBERT


def regions(asked: Asked) -> Inputs:
    """LXMERT's: features of regions, and where in the image they lie, as x0, y0, x1, y1 in [0, 1]."""
    import torch

    corners = torch.rand((asked.batch, REGIONS, 2, 2), generator=asked.generator()).sort(2).values
    return {
        "visual_feats": asked.normal(asked.batch, REGIONS, asked.config.visual_feat_dim).abs(),
        "visual_pos": corners.flatten(2),
    }


def region_embeddings(asked: Asked) -> Inputs:
    """VisualBERT's: features of regions behind the text, all of them seen."""
    import torch

    if "visual_attention_mask" not in asked.takes:
        return {}
    shape = asked.batch, REGIONS
    return {
        "visual_embeds": asked.normal(*shape, asked.config.visual_embedding_dim).abs(),
        "visual_attention_mask": torch.ones(shape, dtype=torch.long),
        "visual_token_type_ids": torch.ones(shape, dtype=torch.long),
    }


def series(asked: Asked) -> Inputs:
    """Random walks, as long as the model looks back, with features of time and what was observed."""
    import torch

    context = asked.first("context_length", default=64)
    lags = asked.first("lags_sequence")
    length = context + (max(lags) if lags else 0)
    width = asked.first("num_input_channels", "input_size", default=1)
    walk = asked.normal(asked.batch, length, width).cumsum(1) / length**0.5
    inputs = {"past_values": walk if width > 1 or "num_input_channels" in vars(asked.config) else walk[..., 0]}
    ahead = asked.first("prediction_length", default=1)
    if "past_time_features" in asked.takes:
        count = asked.config.num_time_features
        inputs["past_time_features"] = asked.normal(asked.batch, length, count)
        inputs["past_observed_mask"] = torch.ones_like(inputs["past_values"])
        if "future_values" in asked.takes:
            inputs["future_values"] = asked.normal(asked.batch, ahead, *inputs["past_values"].shape[2:])
            inputs["future_time_features"] = asked.normal(asked.batch, ahead, count)
    return inputs


def arrays(asked: Asked) -> Inputs:
    """Perceiver's: an array of what its preprocessor, if it has one, makes of it."""
    import torch

    if asked.name.endswith(("ForMaskedLM", "ForSequenceClassification")):
        words = asked.config.vocab_size - 6  # its special tokens come first
        length = asked.trial.seq_length or min(asked.seq_length, asked.config.max_position_embeddings)
        return {"inputs": 6 + torch.randint(words, (asked.batch, length), generator=asked.generator())}
    side = asked.first("image_size", default=224)
    if "ImageClassification" in asked.name:
        return {"inputs": asked.normal(asked.batch, 3, side, side)}
    if asked.name.endswith("ForOpticalFlow"):
        return {"inputs": asked.normal(asked.batch, 2, 27, *asked.config.train_size)}
    if asked.name == "PerceiverModel":
        return {"inputs": asked.normal(asked.batch, asked.trial.seq_length or asked.seq_length, asked.config.d_model)}
    return {}


MAKERS = {"visual_feats": regions, "visual_embeds": region_embeddings, "past_values": series, "inputs": arrays}
