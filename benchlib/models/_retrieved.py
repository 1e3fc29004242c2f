"""Inputs of two models of transformers that read several texts, or images, for each item of the batch."""

from __future__ import annotations

from typing import Any

from benchlib.models import _text
from benchlib.models._module import generator
from benchlib.tensors import Inputs

IMAGES = 2  # among the tokens of an item
MASKED = ("input_ids", "attention_mask")


def documents(config: Any, module: Any, trial: Any, seq_length: int) -> Inputs:
    """RAG's, without an index to search: the documents found for each question, their scores, and an answer's start."""
    import torch

    length, batch, found = trial.seq_length or seq_length, trial.batch_size, config.n_docs
    texts = _text.text_inputs(config.generator, MASKED, batch * found, length, trial.seed)
    answers = _text.text_inputs(config.generator, MASKED, batch, length, trial.seed + 1)
    scores = torch.randn((batch, found), generator=generator(trial.seed))
    return {
        **{f"context_{name}": tensor for name, tensor in texts.items()},
        "doc_scores": scores.sort(descending=True).values,
        **{f"decoder_{name}": tensor for name, tensor in answers.items()},
    }


def images_between(config: Any, module: Any, trial: Any, seq_length: int) -> Inputs:
    """IDEFICS': tokens and two images for each item, of which its halves see one each."""
    import torch

    length, batch = trial.seq_length or seq_length, trial.batch_size
    vision = config.vision_config
    shape = (batch, IMAGES, vision.num_channels, vision.image_size, vision.image_size)
    seen = torch.arange(length) * IMAGES // length
    return {
        **_text.text_inputs(config, MASKED, batch, length, trial.seed),
        "pixel_values": torch.randn(shape, generator=generator(trial.seed)),
        "image_attention_mask": torch.nn.functional.one_hot(seen, IMAGES).expand(batch, -1, -1).contiguous(),
    }
