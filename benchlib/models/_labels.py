"""Labels among the inputs of a transformers model (`with_loss`), so that the loss is one of its outputs.

question answering        start_positions, end_positions: drawn within the item; those of the first item are 0, as of a
                          question without an answer, so that a shorter sequence cuts not all of them off
language models           labels: the tokens themselves, padding left out (-100)
token classification      labels: a class for each token, padding left out (-100)
classification            labels: a class for each item
multiple choice           labels: one of the answers for each item
contrastive               return_loss
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from benchlib.errors import UserError
from benchlib.models._module import generator
from benchlib.tensors import Inputs

IGNORED = -100  # the class that torch's cross entropy leaves out


def added(inputs: Inputs, module: Any, trial: Any) -> Inputs:
    """The inputs with labels, where the trial asks for the loss. Raises UserError for a model that computes none."""
    if not trial.with_loss:
        return inputs
    takes, kind, rng = inspect.signature(module.forward).parameters, type(module).__name__, generator(trial.seed)
    if "start_positions" in takes:
        return {**inputs, **_answers(inputs, rng)}
    if "return_loss" in takes:
        return {**inputs, "return_loss": True}
    labels = next((function for ending, function in _BY_HEAD.items() if kind.endswith(ending)), None)
    if labels is None or "labels" not in takes:
        raise UserError(f"with_loss: no labels are known for {kind}, so it computes no loss")
    try:
        return {**inputs, "labels": labels(inputs, module, rng)}
    except KeyError as error:  # what hears may read no text here
        raise UserError(f"with_loss: {kind} gets no {error.args[0]} here, of which its labels are made") from error


def _answers(inputs: Inputs, rng: Any) -> Inputs:
    import torch

    ids = inputs["input_ids"]
    lengths = inputs["attention_mask"].sum(1) if "attention_mask" in inputs else torch.full(ids.shape[:1], ids.shape[1])
    drawn = (torch.rand((2, len(ids)), generator=rng) * lengths).long().sort(0).values
    drawn[:, 0] = 0
    return {"start_positions": drawn[0], "end_positions": drawn[1]}


def _tokens(inputs: Inputs, module: Any, rng: Any) -> Any:
    part = "decoder_" if "decoder_input_ids" in inputs else ""
    return _unpadded(inputs[f"{part}input_ids"], inputs.get(f"{part}attention_mask"))


def _class_of_token(inputs: Inputs, module: Any, rng: Any) -> Any:
    return _unpadded(_classes(inputs["input_ids"].shape, module, rng), inputs.get("attention_mask"))


def _class_of_item(inputs: Inputs, module: Any, rng: Any) -> Any:
    return _classes((len(next(iter(inputs.values()))),), module, rng)


def _choice(inputs: Inputs, module: Any, rng: Any) -> Any:
    import torch

    batch, choices = inputs["input_ids"].shape[:2]
    return torch.randint(choices, (batch,), generator=rng)


def _classes(shape: Any, module: Any, rng: Any) -> Any:
    import torch

    return torch.randint(module.config.num_labels, tuple(shape), generator=rng)


def _unpadded(labels: Any, mask: Any) -> Any:
    return labels.clone() if mask is None else labels.masked_fill(mask == 0, IGNORED)


_BY_HEAD: dict[str, Callable[..., Any]] = {  # the ending of a class's name
    "ForMaskedLM": _tokens,
    "ForCausalLM": _tokens,
    "LMHeadModel": _tokens,
    "ModelWithLMHead": _tokens,
    "EncoderDecoderModel": _tokens,
    "MTModel": _tokens,
    "ForConditionalGeneration": _tokens,
    "ForTokenClassification": _class_of_token,
    "ForMultipleChoice": _choice,
    "ForSequenceClassification": _class_of_item,
    "ForNextSentencePrediction": _class_of_item,
    "ForAudioClassification": _class_of_item,
    "ForVideoClassification": _class_of_item,
    "ForImageClassification": _class_of_item,
}
