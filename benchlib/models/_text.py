"""Inputs for models that read text or images, by the rules that their transformers configuration states.

Tokens are drawn uniformly from the whole vocabulary without the special tokens that the configuration
names. The first item of a batch has the full length, the others get shorter in even steps down to half of
it and are padded on the right with the pad token, which the attention mask leaves out; a batch of one has no
padding. Where the model tells two segments apart, the second half of each item is the second segment.
"""

from __future__ import annotations

import inspect
from typing import Any

from benchlib.errors import UserError, suggestion
from benchlib.models._module import generator

_SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "mask_token_id",
            "unk_token_id", "decoder_start_token_id")  # fmt: skip


def inputs_for(config: Any, module: Any, trial: Any, seq_length: int) -> dict[str, Any] | None:
    """Inputs for `module`'s forward, or None where the configuration does not say what it reads."""
    takes = inspect.signature(module.forward).parameters
    if "input_ids" in takes and getattr(config.get_text_config(), "vocab_size", None):
        text = config.get_text_config()
        return text_inputs(text, takes, trial.batch_size, trial.seq_length or seq_length, trial.seed)
    if "pixel_values" in takes and getattr(config, "image_size", None):
        return image_inputs(config, trial)
    return None


def text_inputs(config: Any, takes: Any, batch: int, length: int, seed: int) -> dict[str, Any]:
    """Random tokens with mask and segments, as far as forward takes them."""
    import torch

    longest = getattr(config, "max_position_embeddings", None)
    if longest and length > longest:
        raise UserError(f"seq_length {length}: the model has {longest} positions (max_position_embeddings)")
    special = special_tokens(config)
    words = torch.tensor([i for i in range(config.vocab_size) if i not in special])
    pad = getattr(config, "pad_token_id", None)
    rng = generator(seed)
    ids = words[torch.randint(len(words), (batch, length), generator=rng)]
    lengths = torch.linspace(length, (length + 1) // 2, batch).round().long()
    position = torch.arange(length)
    mask = position < lengths[:, None]
    inputs = {"input_ids": torch.where(mask, ids, pad if pad is not None else 0)}
    if "attention_mask" in takes:
        inputs["attention_mask"] = mask.long()
    if "token_type_ids" in takes and (getattr(config, "type_vocab_size", 0) or 0) > 1:
        inputs["token_type_ids"] = (mask & (position >= lengths[:, None] // 2)).long()
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes:
        inputs["decoder_input_ids"] = words[torch.randint(len(words), (batch, length), generator=rng)]
    return inputs


def image_inputs(config: Any, trial: Any) -> dict[str, Any]:
    """Normal-distributed images of the configuration's size."""
    import torch

    size = config.image_size
    height, width = size if isinstance(size, list | tuple) else (size, size)
    shape = (
        trial.batch_size,
        getattr(config, "num_channels", 3),
        trial.height or height,
        trial.width or width,
    )
    return {"pixel_values": torch.randn(shape, generator=generator(trial.seed))}


def special_tokens(config: Any) -> set[int]:
    found: set[int] = set()
    for name in _SPECIAL:
        value = getattr(config, name, None)
        found.update(value if isinstance(value, list | tuple) else () if value is None else (value,))
    return found


def configured(config_class: Any, values: dict[str, Any], given: dict[str, Any], what: str) -> Any:
    """A configuration of `config_class` from `values`, overridden by `given`. Raises UserError."""
    known = {*config_class().to_dict(), *getattr(config_class, "attribute_map", {})}
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
