"""Inputs for models that read text, images or sound, by the rules that their transformers configuration states.

Tokens are drawn uniformly from the whole vocabulary without the special tokens that the configuration
names. The first item of a batch has the full length, the others get shorter in even steps down to half of
it and are padded on the right with the pad token, which the attention mask leaves out; a batch of one has no
padding. Where the model tells two segments apart, the second half of each item is the second segment.
"""

from __future__ import annotations

import inspect
from typing import Any

from benchlib.errors import UserError, suggestion
from benchlib.models import _signals
from benchlib.models._module import generator

_SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id",
            "unk_token_id", "decoder_start_token_id")  # fmt: skip


def inputs_for(config: Any, module: Any, trial: Any, seq_length: int) -> dict[str, Any] | None:
    """Inputs for `module`'s forward, or None where the configuration does not say what it reads."""
    takes = inspect.signature(module.forward).parameters
    text = config.get_text_config()

    def words() -> dict[str, Any]:
        length = trial.seq_length or seq_length
        _check_length(text, module, length)
        return text_inputs(text, takes, trial.batch_size, length, trial.seed)

    if "input_features" in takes:  # of sound models those with a spectrogram as long as the encoder's positions
        known = getattr(config, "num_mel_bins", None) and getattr(config, "max_source_positions", None)
        return {**_signals.sound_inputs(config, trial), **words()} if known else None
    if "input_ids" in takes and getattr(text, "vocab_size", None):
        compared = "return_loss" in takes and "pixel_values" in takes  # a text and an image for each other, as in CLIP
        return {**words(), **_signals.image_inputs(config.vision_config, takes, trial)} if compared else words()
    if "pixel_values" in takes and getattr(config, "image_size", None):
        return _signals.image_inputs(config, takes, trial)
    return None


def _check_length(config: Any, module: Any, length: int) -> None:
    """RoBERTa's positions start behind the pad token's number, so that its table ends earlier. Raises UserError."""
    rows = getattr(config, "max_position_embeddings", None) or getattr(config, "max_target_positions", None)
    tables = [part for name, part in module.named_modules() if name.endswith("position_embeddings")]
    skipped = [table.padding_idx + 1 for table in tables if getattr(table, "padding_idx", None) is not None]
    longest = rows and rows - max(skipped, default=0)
    if longest and length > longest:
        raise UserError(f"seq_length {length}: the model has {longest} positions (max_position_embeddings)")


def text_inputs(config: Any, takes: Any, batch: int, length: int, seed: int) -> dict[str, Any]:
    """Random tokens with mask and segments, as far as forward takes them; an encoder-decoder's decoder gets its own."""
    import torch

    special = special_tokens(config)
    words = torch.tensor([i for i in range(config.vocab_size) if i not in special])
    rng = generator(seed)

    def drawn() -> Any:
        return words[torch.randint(len(words), (batch, length), generator=rng)]

    inputs = {}
    if "input_ids" in takes:
        inputs.update(_padded(drawn(), config, takes))
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes:
        decoder = _padded(drawn(), config, [name.removeprefix("decoder_") for name in takes if "decoder_" in name])
        inputs.update({f"decoder_{name}": tensor for name, tensor in decoder.items()})
    return inputs


def _padded(ids: Any, config: Any, takes: Any) -> dict[str, Any]:
    import torch

    batch, length = ids.shape
    lengths = torch.linspace(length, (length + 1) // 2, batch).round().long()
    position = torch.arange(length)
    mask = position < lengths[:, None]
    end, pad = getattr(config, "eos_token_id", None), getattr(config, "pad_token_id", None)
    if "return_loss" in takes and isinstance(end, int) and end < config.vocab_size:
        ids[torch.arange(batch), lengths - 1] = end  # where such a model reads what the text means
    inputs = {"input_ids": torch.where(mask, ids, pad if pad is not None else 0)}
    if "attention_mask" in takes:
        inputs["attention_mask"] = mask.long()
    if "token_type_ids" in takes and (getattr(config, "type_vocab_size", 0) or 0) > 1:
        inputs["token_type_ids"] = (mask & (position >= lengths[:, None] // 2)).long()
    return inputs


def special_tokens(config: Any) -> set[int]:
    found: set[int] = set()
    for name in _SPECIAL:
        value = getattr(config, name, None)
        found.update(value if isinstance(value, list | tuple) else () if value is None else (value,))
    return found


def configured(config_class: Any, values: dict[str, Any], given: dict[str, Any], what: str) -> Any:
    """A configuration of `config_class` from `values`, overridden by `given`. Raises UserError."""
    known = {*config_class().to_dict(), *getattr(config_class, "attribute_map", {}), "num_labels"}
    for name in given:
        if name not in known:
            raise UserError(f"model_args: unknown option '{name}' of {what}{suggestion(name, known)}")
    try:
        config = config_class(**{**values, **given})
    except Exception as error:  # strict configurations raise their own classes
        text = " ".join(str(error).split())
        raise UserError(f"model_args of {what}: {text}") from error
    return without_cache(config)


def without_cache(config: Any) -> Any:
    """The configuration of one forward: no key-value cache among the outputs."""
    for part in {id(c): c for c in (config, config.get_text_config())}.values():
        if getattr(part, "use_cache", None):
            part.use_cache = False
    return config
