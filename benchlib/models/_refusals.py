"""What sources of one kind refuse alike, a line each; None where a trial asks for nothing of the sort."""

from __future__ import annotations

from typing import Any


def no_shapes(trial: Any) -> str | None:
    """The refusal of sources whose inputs follow batch_size and the parameters in `Source.shapes`."""
    if trial.shapes:
        return "shapes are for ONNX files; this model takes batch_size, seq_length, height and width"
    return None


def no_loss(trial: Any) -> str | None:
    """The refusal of sources whose models also compute no loss."""
    return _no_loss(trial) or no_shapes(trial)


def _no_loss(trial: Any) -> str | None:
    if trial.with_loss:
        return "with_loss is for transformers models, whose forward takes labels; this model computes no loss"
    return None


def no_attention(trial: Any) -> str | None:
    """The refusal of sources whose models are also none of transformers'."""
    return no_attention_or_loss(trial) or no_shapes(trial)


def no_attention_or_loss(trial: Any) -> str | None:
    """The refusal of sources whose models are none of transformers'."""
    if trial.attn_implementation:
        return "attn_implementation is for transformers models; this model has one way to compute its attention"
    return _no_loss(trial)


def as_written(called: str, trial: Any) -> str | None:
    """The refusal of files, whose program is as it was written; `called` says what such a file is."""
    if trial.model_args:
        return f"{called} takes no model_args"
    if trial.inputs and trial.shapes:
        return "inputs are given, and with them their shapes: leave shapes out"
    return None
