"""Healthy models of the suites warn a lot while they are traced, and decide nothing on the values of their inputs."""

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.models import parse
from benchlib.registries import sources
from benchlib.worker import tracing

pytestmark = pytest.mark.slow

BERT = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "vocab_size": 1000,
}
SEQ2SEQ = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 64, "vocab_size": 1000}
TEXT = {"seq_length": 16}
MODELS = {
    "huggingface/BertForMaskedLM": {**TEXT, "model_args": BERT},
    "huggingface/ElectraForQuestionAnswering": {**TEXT, "model_args": BERT},
    "huggingface/RobertaForCausalLM": {**TEXT, "model_args": BERT},
    "huggingface/DebertaV2ForMaskedLM": {**TEXT, "model_args": BERT},
    "huggingface/BartForConditionalGeneration": {**TEXT, "model_args": SEQ2SEQ},
    "huggingface/T5ForConditionalGeneration": {**TEXT, "model_args": {"num_layers": 1, "num_decoder_layers": 1}},
    "huggingface/GPT2ForSequenceClassification": {**TEXT, "model_args": {"n_layer": 2, "n_embd": 64, "n_head": 4}},
    "timm/resnet18": {"height": 64, "width": 64},
    "timm/mobilenetv3_small_050": {"height": 64, "width": 64},
    "timm/vit_tiny_patch16_224": {},
}


def moved(array: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Other ids, a mask with a shorter head, another brightness."""
    values = np.unique(array)
    if array.dtype.kind == "f":
        return (array * 0.3 + 0.1).astype(array.dtype)
    if set(values.tolist()) <= {0, 1}:
        other = array.copy()
        other[:, array.shape[1] // 2 :] = 1 - other[:, array.shape[1] // 2 :]
        return other
    return chance.integers(values.min(), values.max(), array.shape, array.dtype, endpoint=True)


@pytest.mark.parametrize("model", MODELS)
def test_they_decide_on_shapes_alone(model):
    suite, name = parse(model)
    loaded = sources.get(suite).load(name, mistakes.make({"model": model, "batch_size": 2, **MODELS[model]}))
    recorded = {n: tensors.to_numpy(leaf) for n, leaf in tensors.flatten(loaded.inputs)[0].items()}
    chance = np.random.default_rng(0)
    ids = {n: moved(array, chance) if "mask" not in n else array for n, array in recorded.items()}
    everything = {n: moved(array, chance) for n, array in recorded.items()}
    report = tracing.examine(loaded, {0: recorded, 1: ids, 2: everything}, 60.0)
    assert (report.failed, report.random, report.unfinished) == ("", "", False)
    assert [decision for decision in report.decisions if decision.origin == "input"] == []
    assert report.unused == []
