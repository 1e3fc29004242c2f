"""Models of transformers from their configurations, with random weights: nothing is downloaded.

The inputs are described in `benchlib.models._text`. Batch and length are those of the TorchDynamo suite,
as torch_bench records them, for token classification those of BERT's other tasks, and for image, sound and CLIP
our own: a trial's `seq_length` overrides the length, `model_args` the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _module, _transformers
from benchlib.registry import Source


@dataclass(frozen=True)
class Entry:
    """One model: the class of its configuration, what it is for, the suite's recorded batch and length, and what its
    configuration needs beside the defaults."""

    config: str
    task: str
    batch_size: int
    seq_length: int | None = 512
    needs: Mapping[str, Any] = field(default_factory=dict)


# RobertaConfig's 512 positions are two too few for the recorded length, and without is_decoder the model looks ahead.
ROBERTA = {"max_position_embeddings": 514, "is_decoder": True}

MODELS: dict[str, Entry] = {  # the name is that of the model's class
    "AlbertForMaskedLM": Entry("AlbertConfig", "fill-mask", 8),
    "BartForConditionalGeneration": Entry("BartConfig", "text2text-generation", 4, 1024),
    "BertForMaskedLM": Entry("BertConfig", "fill-mask", 32),
    "BertForTokenClassification": Entry("BertConfig", "token-classification", 32),
    "CLIPModel": Entry("CLIPConfig", "zero-shot-image-classification", 32, 77),
    "DebertaV2ForMaskedLM": Entry("DebertaV2Config", "fill-mask", 8),
    "DistilBertForQuestionAnswering": Entry("DistilBertConfig", "question-answering", 512, 128),
    "ElectraForQuestionAnswering": Entry("ElectraConfig", "question-answering", 128),
    "GPT2ForSequenceClassification": Entry("GPT2Config", "text-classification", 8, 1024, {"pad_token_id": 0}),
    "MobileBertForMaskedLM": Entry("MobileBertConfig", "fill-mask", 256, 128),
    "OPTForCausalLM": Entry("OPTConfig", "text-generation", 4, 2048),
    "RobertaForCausalLM": Entry("RobertaConfig", "text-generation", 32, 512, ROBERTA),
    "T5ForConditionalGeneration": Entry("T5Config", "text2text-generation", 8, 1024),
    "ViTForImageClassification": Entry("ViTConfig", "image-classification", 32, None),
    "WhisperForConditionalGeneration": Entry("WhisperConfig", "automatic-speech-recognition", 8, 448),
}


def load(name: str, trial: Any) -> LoadedModel:
    """The model in the trial's configuration, its weights drawn from the trial's seed."""
    if name not in MODELS:
        raise UnknownName("huggingface model", name, MODELS)
    entry = MODELS[name]
    return _transformers.loaded(name, trial, entry.config, dict(entry.needs), entry.seq_length, entry.task)


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
    shapes={"seq_length": None, "height": None, "width": None},
    refuse=_module.no_shapes,
)
