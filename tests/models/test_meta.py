"""Loading without weights: large tensors have no memory, small ones are real, and what is counted is right."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from benchlib import mistakes
from benchlib.models import LoadedModel, _as_trained, _meta
from benchlib.registries import sources
from benchlib.worker.details import describe, describe_loaded
from benchlib.worker.messages import DescribeModel
from benchlib.worker.verbs import describe_shapes

pytestmark = pytest.mark.slow


def asked(model, **parameters):
    suite, _, name = model.partition("/")
    return DescribeModel(suite, name, mistakes.make({"model": model, **parameters}).model_dump())


def test_large_tensors_have_no_memory_and_small_ones_are_real():
    with _meta.large_on_meta():
        large, small = nn.Linear(20_000, 50_000), torch.linspace(0, 1, 5)
        drawn = torch.randn(1000, 1000, generator=torch.Generator().manual_seed(0))
        mixed = large.weight[:5, :5] + small
        drawn[:5] = torch.ones(5, 1000)
    assert large.weight.is_meta and drawn.is_meta and mixed.is_meta
    assert small.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert not nn.Linear(200, 200).weight.is_meta


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("timm/resnet10t", {"height": 64, "width": 64, "batch_size": 3}),
        ("huggingface/BertForMaskedLM", {"model_args": {"num_hidden_layers": 1, "hidden_size": 48,
         "num_attention_heads": 4, "intermediate_size": 64}, "seq_length": 16}),
        ("explicit/list_io", {}),
    ],
)  # fmt: skip
def test_what_is_counted_is_what_loading_finds(model, parameters):
    request = asked(model, **parameters)
    found = describe(request)
    real = sources.get(request.source).load(request.name, mistakes.make({"model": model, **parameters}))
    held = [*real.module.parameters(), *real.module.buffers()]
    assert found.params_size == real.facts["params_size"] > 0
    assert found.weights_size == sum(t.numel() * t.element_size() for t in {id(t): t for t in held}.values())
    assert found.model_task == real.facts["model_task"]
    assert found.input_shapes == describe_shapes(real.inputs)
    assert found.input_size > 0


def test_six_billion_parameters_cost_nothing():
    sizes = {"n_embd": 4096, "n_layer": 30, "n_head": 16, "num_hidden_layers": 30, "hidden_size": 4096}
    found = describe(asked("huggingface/GPT2ForSequenceClassification", model_args=sizes, seq_length=8))
    assert found.params_size > 6e9
    assert found.weights_size > 24e9


def test_what_a_source_cannot_do_is_told_as_unknown():
    assert describe(asked("planted/plain", model_args={"fault": "raise"})).unknown.startswith("RuntimeError: ")
    wrong = describe(replace(asked("explicit/mlp"), name="mpl"))
    assert "did you mean 'mlp'" in wrong.unknown


def test_nothing_is_downloaded_and_no_weights_are_read_to_see_what_a_model_is(monkeypatch, tmp_path):
    import huggingface_hub
    import transformers

    config = {"model_type": "bert", "architectures": ["BertModel"], "num_hidden_layers": 1, "hidden_size": 96,
              "num_attention_heads": 4, "intermediate_size": 64}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"read by nobody")
    asked_for = []

    def snapshot(name, local_files_only=False, **options):
        asked_for.append((name, local_files_only))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    found = describe(asked("popular_on_huggingface/google/byt5-small"))
    model = transformers.BertModel(transformers.BertConfig(**config))
    assert found.params_size == sum(p.numel() for p in model.parameters())
    assert asked_for == [("google/byt5-small", True)]


def test_a_model_that_is_only_looked_at_makes_no_call():
    calls = []
    with _meta.large_on_meta():
        _as_trained.as_trained(nn.Sequential(nn.Linear(200, 200), nn.BatchNorm1d(200)), lambda: calls.append(1))
    assert not calls


def test_a_ready_file_counts_its_own_weights():
    inputs = {"x": torch.zeros(2, 3)}
    found = describe_loaded(LoadedModel(inputs, facts={"params_size": 10, "weights_size": 40}))
    assert (found.params_size, found.weights_size, found.input_size) == (10, 40, 24)
