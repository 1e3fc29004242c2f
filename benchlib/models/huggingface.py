"""Models of transformers from their configurations, with random weights: nothing is downloaded.

The inputs are described in `benchlib.models._text`. Batch and length are those of the TorchDynamo suite,
as torch_bench records them: a trial's `seq_length` overrides the length, `model_args` the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _module, _text
from benchlib.registry import Source


@dataclass(frozen=True)
class Entry:
    """One model: the class of its configuration, what it is for, the suite's recorded batch and length."""

    config: str
    task: str
    batch_size: int
    seq_length: int = 512


MODELS: dict[str, Entry] = {  # the name is that of the model's class
    "BertForMaskedLM": Entry("BertConfig", "fill-mask", 32),
    "ElectraForQuestionAnswering": Entry("ElectraConfig", "question-answering", 128),
}


def load(name: str, trial: Any) -> LoadedModel:
    """The model in the trial's configuration, its weights drawn from the trial's seed."""
    import torch
    import transformers

    if name not in MODELS:
        raise UnknownName("huggingface model", name, MODELS)
    entry = MODELS[name]
    config_class = getattr(transformers, entry.config)
    config = _text.configured(config_class, {}, trial.model_args, entry.config)
    torch.manual_seed(trial.seed)
    model_class = getattr(transformers, name)
    module = _module.with_attention(
        lambda **given: model_class._from_config(config, **given), trial.attn_implementation
    )
    inputs = _text.inputs_for(config, module, trial, entry.seq_length)
    return _module.loaded(module, inputs, trial, task=entry.task, weights="random")


def catalogue() -> list[dict]:
    return [
        {"name": name, "task": e.task, "batch_size": e.batch_size, "seq_length": e.seq_length}
        for name, e in MODELS.items()
    ]


source = Source(
    name="huggingface",
    summary="transformers models from their configurations, random weights",
    load=load,
    packages=("torch", "transformers", "transformers.modeling_utils"),
    catalogue=catalogue,
    shapes={"seq_length": 512},
    refuse=_module.no_shapes,
)
