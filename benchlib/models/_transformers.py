"""A class of transformers built from its configuration, with random weights and inputs that fit it."""

from __future__ import annotations

from typing import Any

from benchlib.errors import UserError
from benchlib.models import LoadedModel, _labels, _module, _text


def loaded(
    model_class: str,
    trial: Any,
    config_class: str,
    values: dict[str, Any],
    seq_length: int | None,
    task: str,
    facts: dict[str, Any] | None = None,
) -> LoadedModel:
    """`model_class` in a configuration of `config_class` from `values`, which the trial's `model_args` override, its
    weights drawn from the trial's seed. Raises UserError, also where the inputs are not known."""
    import torch
    import transformers

    config = _text.configured(getattr(transformers, config_class), values, trial.model_args, config_class)
    torch.manual_seed(trial.seed)
    build = getattr(transformers, model_class)._from_config
    module = _module.with_attention(lambda **given: build(config, **given), trial.attn_implementation)

    def inputs_at(trial: Any) -> dict[str, Any]:
        inputs = _text.inputs_for(config, module, trial, seq_length)
        if inputs is None:
            raise UserError(f"{config_class} does not say what {model_class} reads: give inputs")
        return _labels.added(inputs, module, trial)

    return _module.loaded(module, inputs_at, trial, task=task, weights="random", facts=facts)
