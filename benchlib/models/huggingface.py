"""Models of transformers from their configurations, with random weights: nothing is downloaded.

The catalogue is the TorchDynamo suite, with batch sizes as torch_bench records them and lengths by family; for token
classification, image, sound and CLIP they are our own. Beside it `huggingface/ClassName` is any model class of the
installed transformers in its default configuration. A trial's `seq_length` overrides the length, `model_args` the
configuration; `benchlib.models._modalities` makes the inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchlib.errors import Unavailable
from benchlib.models import LoadedModel, _refusals, _tasks, _transformers
from benchlib.models._configs import Settings
from benchlib.registry import CatalogueRow, Source


@dataclass(frozen=True)
class Entry:
    """One model: the suite's recorded batch, the class where the name is none, what its configuration needs beside the
    defaults, and the length where it is not the family's."""

    batch_size: int
    model_class: str = ""
    values: Settings = field(default_factory=dict)
    seq_length: int | None = None
    needs: str = ""  # what it takes that is not to be had


# RobertaConfig's 512 positions are two too few for the recorded length.
ROBERTA = {"max_position_embeddings": 514}
# Of the names that are no classes: what the configurations of these models say beside the defaults.
CAMEMBERT = {"vocab_size": 32005, "max_position_embeddings": 514, "type_vocab_size": 1}
LONGFORMER = {
    "attention_window": 512,
    "vocab_size": 50265,
    "max_position_embeddings": 4098,
    "type_vocab_size": 1,
    "pad_token_id": 1,
}

MODELS: dict[str, Entry] = {
    "AlbertForMaskedLM": Entry(8),
    "AlbertForQuestionAnswering": Entry(8),
    "AllenaiLongformerBase": Entry(8, "LongformerForMaskedLM", LONGFORMER),
    "BartForCausalLM": Entry(8),
    "BartForConditionalGeneration": Entry(4),
    "BertForMaskedLM": Entry(32),
    "BertForQuestionAnswering": Entry(32),
    "BlenderbotForCausalLM": Entry(32),
    "BlenderbotForConditionalGeneration": Entry(16),
    "BlenderbotSmallForCausalLM": Entry(256),
    "BlenderbotSmallForConditionalGeneration": Entry(128),
    "CamemBert": Entry(32, "CamembertForMaskedLM", CAMEMBERT),
    "DebertaForMaskedLM": Entry(32),
    "DebertaForQuestionAnswering": Entry(32),
    "DebertaV2ForMaskedLM": Entry(8),
    "DebertaV2ForQuestionAnswering": Entry(8),
    "DistilBertForMaskedLM": Entry(256),
    "DistilBertForQuestionAnswering": Entry(512),
    "DistillGPT2": Entry(32, "GPT2LMHeadModel", {"n_layer": 6}),
    "ElectraForCausalLM": Entry(64),
    "ElectraForQuestionAnswering": Entry(128),
    "GPT2ForSequenceClassification": Entry(8, values={"pad_token_id": 0}),
    "GPTJForCausalLM": Entry(1),
    "GPTJForQuestionAnswering": Entry(1),
    "GPTNeoForCausalLM": Entry(32),
    "GPTNeoForSequenceClassification": Entry(32, values={"pad_token_id": 0}),
    "GoogleFnet": Entry(32, "FNetForMaskedLM"),
    "LayoutLMForMaskedLM": Entry(32),
    "LayoutLMForSequenceClassification": Entry(32),
    "M2M100ForConditionalGeneration": Entry(64),
    "MBartForCausalLM": Entry(8),
    "MBartForConditionalGeneration": Entry(4),
    "MT5ForConditionalGeneration": Entry(32),
    "MegatronBertForCausalLM": Entry(16),
    "MegatronBertForQuestionAnswering": Entry(16),
    "MobileBertForMaskedLM": Entry(256),
    "MobileBertForQuestionAnswering": Entry(256),
    "OPTForCausalLM": Entry(4),
    "PLBartForCausalLM": Entry(16),
    "PLBartForConditionalGeneration": Entry(8),
    "PegasusForCausalLM": Entry(128),
    "PegasusForConditionalGeneration": Entry(64),
    "RobertaForCausalLM": Entry(32, values=ROBERTA),
    "RobertaForQuestionAnswering": Entry(32, values=ROBERTA),
    "Speech2Text2ForCausalLM": Entry(1024, needs="transformers up to 4.57, the last version with this model"),
    "T5ForConditionalGeneration": Entry(8),
    "T5Small": Entry(8, "T5ForConditionalGeneration", {"decoder_start_token_id": 0}),
    "TrOCRForCausalLM": Entry(64),
    "XGLMForCausalLM": Entry(32),
    "XLNetLMHeadModel": Entry(16),
    "YituTechConvBert": Entry(32, "ConvBertForMaskedLM"),
    # ours
    "BertForTokenClassification": Entry(32),
    "CLIPModel": Entry(32, seq_length=77),
    "ViTForImageClassification": Entry(32),
    "WhisperForConditionalGeneration": Entry(8, seq_length=448),
}
TEXTLESS = ("ViTForImageClassification",)


def load(name: str, trial: Any) -> LoadedModel:
    """The model in the trial's configuration, its weights drawn from the trial's seed."""
    entry = MODELS.get(name, Entry(1))
    if entry.needs:
        raise Unavailable(f"huggingface/{name} needs {entry.needs}")
    kind = entry.model_class or name
    return _transformers.loaded(kind, trial, entry.values, _length(name, entry), _tasks.task_of(kind))


def _length(name: str, entry: Entry) -> int | None:
    return None if name in TEXTLESS else entry.seq_length or _tasks.length_of(name)


def catalogue() -> list[CatalogueRow]:
    return [
        {
            "name": name,
            "task": _tasks.task_of(entry.model_class or name),
            "batch_size": entry.batch_size,
            "seq_length": _length(name, entry),
            "needs": entry.needs,
            "summary": entry.model_class,
        }
        for name, entry in MODELS.items()
    ]


source = Source(
    name="huggingface",
    summary="transformers models from their configurations, random weights",
    load=load,
    packages=("torch", "transformers", "transformers.modeling_utils"),
    catalogue=catalogue,
    more=_transformers.names,
    shapes={"seq_length": None, "max_audio_seq_length": None, "height": None, "width": None},
    refuse=_refusals.no_shapes,
)
