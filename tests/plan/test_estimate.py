"""What does not fit is refused in words: copies that are there at once, inputs, the host, the GPU, the disk."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchlib import machine
from benchlib.mistakes import make
from benchlib.plan import details, estimate
from benchlib.plan.expand import expand
from benchlib.plan.study import from_options
from benchlib.worker.messages import ModelDescription

GIGA = 1_000_000_000
KNOWN = ModelDescription(params_size=2 * GIGA, weights_size=8 * GIGA, input_size=1000)


def trial(**parameters):
    return make({"model": "timm/resnet18", "exporter": "onnx_dynamo", **parameters})


@pytest.mark.parametrize(
    ("parameters", "copies"),
    [
        ({}, 2),  # eager's, and the graph's
        ({"exporter": "eager"}, 1),  # both call the module that is mapped from one file
        ({"exporter": "inductor"}, 1),
        ({"reference": "none"}, 1),
        ({"reference": {"exporter": "script"}}, 2),
        ({"until": "export"}, 1),
        ({"dtype": "float16"}, 1),  # two halves, and a whole one while it is loaded
    ],
)
def test_the_copies_that_are_there_at_once_are_counted(parameters, copies):
    need = estimate.need(trial(**parameters), KNOWN)
    assert need.host // (8 * GIGA) == copies
    assert need.gpu == 0


def test_inputs_count_in_the_dtype_in_which_they_are_held():
    inputs = {"exporter": "eager", "batch_size": 4}
    found = replace(KNOWN, weights_size=0, input_size=4 * GIGA)
    assert estimate.need(trial(**inputs), found).host == 8 * GIGA
    assert estimate.need(trial(**inputs, dtype="float16"), found).host == 4 * GIGA


def test_on_a_gpu_each_contender_has_its_own():
    need = estimate.need(trial(device="cuda", exporter="eager"), KNOWN)
    assert need.gpu // (8 * GIGA) == 2
    assert need.host // (8 * GIGA) == 1


def test_the_disk_keeps_the_model_and_each_graph():
    assert estimate.need(trial(exporter="eager"), KNOWN).disk == 8 * GIGA
    assert estimate.need(trial(), KNOWN).disk == 16 * GIGA
    assert estimate.need(trial(opt_patterns="default+fp16"), KNOWN).disk == 32 * GIGA


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (
            7 * GIGA,
            "timm/resnet18 needs about 8.0 GB for its weights (2 B parameters in float32), this machine has 7.0 GB "
            "for it",
        ),
        (
            15 * GIGA,
            "timm/resnet18 needs about 16.0 GB for 2 copies of its weights (eager and onnx_dynamo; 2 B parameters in "
            "float32), this machine has 15.0 GB for it",
        ),
        (17 * GIGA, None),
    ],
)
def test_the_refusal_says_what_is_needed_and_what_there_is(monkeypatch, memory, words):
    monkeypatch.setattr(estimate, "host_room", lambda: memory)
    assert estimate.refusal(trial(), KNOWN) == words
    assert estimate.refusal(trial(), None) is None


def test_some_of_the_host_is_left_to_all_else(monkeypatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: 64 * GIGA)
    assert estimate.host_room() == 64 * GIGA - estimate.RESERVED
    monkeypatch.setattr(machine, "memory_limit", lambda: 1 * GIGA)
    assert estimate.host_room() == 9 * GIGA // 10


def test_the_gpus_memory_counts_too(monkeypatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: 64 * GIGA)
    monkeypatch.setattr(machine, "gpu_memory", lambda device: 12 * GIGA)
    assert estimate.refusal(trial(device="cuda:1"), KNOWN).endswith("cuda:1 has 12.0 GB for it")


def test_large_inputs_are_named(monkeypatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: 9 * GIGA)
    text = estimate.refusal(trial(exporter="eager"), replace(KNOWN, input_size=2 * GIGA))
    assert "needs about 10.0 GB for its weights and its inputs" in text


def test_a_disk_that_is_too_full_is_told(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=15 * GIGA))
    assert "needs about 16.0 GB of disk for its weights and exports" in estimate.no_disk(trial(), KNOWN)
    assert estimate.no_disk(trial(exporter="eager"), KNOWN) is None


def test_float64_is_left_out_where_it_does_not_fit(monkeypatch):
    monkeypatch.setattr(machine, "memory_available", lambda: 15 * GIGA)
    assert (
        estimate.no_exact(KNOWN.params_size)
        == "float64 needs about 16.0 GB for the weights, 15.0 GB of memory are free"
    )
    assert estimate.no_exact(None) is None


@pytest.mark.process
def test_a_plan_refuses_what_the_table_knows_to_be_too_large(monkeypatch):
    monkeypatch.setattr(details, "known", lambda trial: KNOWN if trial.model == "timm/resnet18" else None)
    monkeypatch.setattr(machine, "memory_limit", lambda: 7 * GIGA)
    plan = expand(from_options("x", {"model": ["timm/resnet18", "explicit/mlp"], "exporter": ["eager"]}))
    assert [p.status for p in plan.trials] == ["refused", ""]
    assert "its weights" in plan.trials[0].reason


def test_the_room_of_a_plan_counts_each_model_once(monkeypatch):
    monkeypatch.setattr(estimate, "known", lambda trial: KNOWN if trial.model == "timm/resnet18" else None)
    trials = [trial(), trial(exporter="eager"), make({"model": "explicit/mlp"})]
    assert estimate.of_plan(trials).startswith("memory: at least 16.0 GB; disk: up to 16.0 GB; 1 model not counted")
    assert estimate.of_plan(trials[2:]) == ""
    sized = [trial(exporter="eager", height=height) for height in (32, 64)]
    assert "disk: up to 16.0 GB" in estimate.of_plan(sized), "each size is loaded and kept by itself"
