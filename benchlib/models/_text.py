"""Texts for models of transformers, by the rules that their configurations state.

Tokens are drawn uniformly from the whole vocabulary without the special tokens that the configuration
names. The first item of a batch has the full length, the others get shorter in even steps down to half of
it and are padded on the right with the pad token, which the attention mask leaves out; a batch of one has no
padding. Where the model tells two segments apart, the second half of each item is the second segment.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchlib.errors import UserError
from benchlib.models import _asked, _configs
from benchlib.models._asked import Asked
from benchlib.models._module import generator
from benchlib.tensors import Inputs

LENGTH = 128
CHOICES = 4  # answers to choose from, each a text of its own
_SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id",
            "unk_token_id", "decoder_start_token_id", "image_token_id", "image_token_index", "video_token_id",
            "audio_token_id")  # fmt: skip


def words(asked: Asked) -> Inputs:
    """The tokens that the encoder or the only part reads, unless it hears or sees instead, and the decoder's."""
    reads, writes = _configs.text_of(asked.config), _configs.text_of(asked.config, decoder=True)
    instead = {"input_features", "input_values"} & asked.inputs.keys() and not _compares(asked)
    inputs: Inputs = {}
    if "input_ids" in asked.takes and not instead and _size(reads):
        choices = CHOICES if asked.name.endswith("MultipleChoice") else 1
        length = _length(asked, reads)
        ids = _drawn(reads, asked.batch * choices, length, asked.generator())
        own = asked.lengths(len(ids), length)
        inputs = _padded(ids, own, reads, asked.takes, _reads_ends(asked))
        if choices > 1:
            inputs = {name: tensor.reshape(asked.batch, choices, length) for name, tensor in inputs.items()}
    if "decoder_input_ids" in asked.takes and _size(writes):
        ids = _drawn(writes, asked.batch, _length(asked, writes), generator(asked.trial.seed + 1))
        takes = [name.removeprefix("decoder_") for name in asked.takes if "decoder_" in name]
        decoder = _padded(ids, asked.lengths(*ids.shape), writes, takes)
        inputs.update({f"decoder_{name}": tensor for name, tensor in decoder.items()})
    return inputs


def boxes(asked: Asked) -> Inputs:
    """Where on the page each token stands: x0 <= x1 and y0 <= y1 in 0..1000, or in 0..1 for models that read fractions;
    that of padding is all zeros."""
    import torch

    ids = asked.inputs["input_ids"]
    limit = asked.first("max_2d_position_embeddings", default=1024) - 1
    corners = torch.randint(min(limit, 1000) + 1, (*ids.shape, 2, 2), generator=asked.generator()).sort(2).values
    found = (corners * (_own(asked, ids)[..., None, None])).flatten(2)
    fractions = asked.name.startswith(("Bros", "Udop"))
    return {"bbox": found / 1000 if fractions else found}


def global_attention(asked: Asked) -> Inputs:
    """Longformer's first token sees all others."""
    import torch

    ids = asked.inputs["input_ids"]
    place = torch.arange(ids.shape[-1]).expand(ids.shape)
    return {"global_attention_mask": (place == 0).long()}


def entities(asked: Asked) -> Inputs:
    """LUKE's: two entities, the first of one token and the second of two, where they stand, and their tokens."""
    import torch

    count, mentioned = 2, getattr(asked.config, "max_mention_length", 30)
    shape = asked.batch, *([CHOICES] if asked.name.endswith("MultipleChoice") else []), count
    positions = torch.full((*shape, mentioned), -1)
    positions[..., 0, 0], positions[..., 1, :2] = 1, torch.tensor([2, 3])
    vocabulary = asked.first("entity_vocab_size", default=100)
    inputs = {
        "entity_ids": torch.randint(min(3, vocabulary - 1), vocabulary, shape, generator=asked.generator()),
        "entity_attention_mask": torch.ones(shape, dtype=torch.long),
        "entity_token_type_ids": torch.zeros(shape, dtype=torch.long),
        "entity_position_ids": positions,
    }
    if "entity_start_positions" in asked.takes:
        inputs["entity_start_positions"] = torch.tensor([1, 2]).expand(shape).clone()
        inputs["entity_end_positions"] = torch.tensor([1, 3]).expand(shape).clone()
    return {name: tensor for name, tensor in inputs.items() if name in asked.takes}


def table_cells(asked: Asked) -> Inputs:
    """TAPAS': the seven kinds of a token's type, of which the first says question or table and the next two which
    column and row: a table of four columns behind the question."""
    import torch

    sizes = asked.first("type_vocab_sizes")
    if sizes is None:
        return {}
    ids = asked.inputs["input_ids"]
    place = torch.arange(ids.shape[1])
    in_table = (place >= len(place) // 4) & _own(asked, ids)
    cell = (place - len(place) // 4).clamp(min=0)
    types = torch.zeros((*ids.shape, len(sizes)), dtype=torch.long)
    types[..., 0] = in_table
    types[..., 1] = in_table * (1 + cell % 4)
    types[..., 2] = in_table * (1 + (cell // 4) % (sizes[2] - 1))
    return {"token_type_ids": types}


def text_inputs(config: Any, takes: Any, batch: int, length: int, seed: int) -> Inputs:
    """Random tokens with mask and segments, as far as forward takes them."""
    ids = _drawn(config, batch, length, generator(seed))
    return _padded(ids, _asked.lengths(batch, length), config, takes)


def _drawn(config: Any, batch: int, length: int, rng: Any) -> Any:
    import torch

    known = torch.from_numpy(np.setdiff1d(np.arange(_size(config)), list(special_tokens(config))))
    return known[torch.randint(len(known), (batch, length), generator=rng)]


def _padded(ids: Any, own: Any, config: Any, takes: Any, ended: bool = False) -> Inputs:
    """The inputs that say `ids`, of which each item has its `own` length."""
    import torch

    batch, length = ids.shape
    position = torch.arange(length)
    mask = position < own[:, None]
    end, pad = getattr(config, "eos_token_id", None), getattr(config, "pad_token_id", None)
    if ended and isinstance(end, int) and end < config.vocab_size:
        ids[torch.arange(batch), own - 1] = end
    pad = pad if pad is not None and 0 <= pad < _size(config) else 0
    inputs = {"input_ids": torch.where(mask, ids, pad)}
    if "attention_mask" in takes:
        inputs["attention_mask"] = mask.long()
    kinds = getattr(config, "type_vocab_size", 0) or 0
    if "token_type_ids" in takes and isinstance(kinds, int) and kinds > 1:
        inputs["token_type_ids"] = (mask & (position >= own[:, None] // 2)).long()
    return inputs


def special_tokens(config: Any) -> set[int]:
    found: set[int] = set()
    for name in _SPECIAL:
        value = getattr(config, name, None)
        found.update(value if isinstance(value, list | tuple) else () if value is None else (value,))
    return found


def _size(config: Any) -> int:
    """Of the vocabulary; 0 where there is none."""
    size = getattr(config, "vocab_size", None)
    return size if isinstance(size, int) else 0


def _compares(asked: Asked) -> bool:
    """Whether text and sound or image are read side by side, as in CLAP, and not one of them instead."""
    return "return_loss" in asked.takes


def _reads_ends(asked: Asked) -> bool:
    """Whether it is at the end token that the model reads what a text means: as CLIP and BART's classifiers do."""
    return _compares(asked) or (asked.name.endswith("ForSequenceClassification") and "decoder_input_ids" in asked.takes)


def _length(asked: Asked, config: Any) -> int:
    """The trial's length, or the usual one as far as the model has positions. Raises UserError."""
    longest = _positions(config, asked.module)
    wanted = asked.trial.seq_length
    if wanted and longest and wanted > longest:
        raise UserError(f"seq_length {wanted}: the model has {longest} positions (max_position_embeddings)")
    return wanted or min(asked.seq_length, longest or asked.seq_length)


def _positions(config: Any, module: Any) -> int | None:
    """RoBERTa's positions start behind the pad token's number, so that its table ends earlier."""
    rows = next((r for r in (getattr(config, n, None) for n in _ROWS) if isinstance(r, int) and r > 0), None)
    tables = [part for name, part in module.named_modules() if name.endswith("position_embeddings")]
    skipped = [table.padding_idx + 1 for table in tables if getattr(table, "padding_idx", None) is not None]
    return rows and rows - max(skipped, default=0)


_ROWS = ("max_position_embeddings", "max_target_positions", "max_decoder_position_embeddings")


def _own(asked: Asked, ids: Any) -> Any:
    """Which tokens are no padding."""
    mask = asked.mask(ids[..., 0].numel(), ids.shape[-1])
    return mask.reshape(ids.shape)


MAKERS = {
    "input_ids": words,
    "decoder_input_ids": words,
    "bbox": boxes,
    "global_attention_mask": global_attention,
    "entity_ids": entities,
    "token_type_ids": table_cells,
}
