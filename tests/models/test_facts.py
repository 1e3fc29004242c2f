"""Facts of modules: shared parameters once, hashes that see every change."""

import copy

import pytest
from torch import nn

from benchlib.models import _facts


def tied():
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    return module


def test_shared_parameters_count_once():
    facts = _facts.facts_of(tied())
    assert facts["params_size"] == 16 + 4 + 4
    assert facts["weights_size"] == 4 * facts["params_size"]
    assert facts["params_dtype"] == "float32"


@pytest.mark.parametrize("change", ["value", "dtype", "name", "buffer"])
def test_every_change_is_in_the_hash(change):
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).requires_grad_(False)
    before = _facts.weights_hash(module)
    assert before == _facts.weights_hash(copy.deepcopy(module))
    if change == "value":
        module[0].weight[1, 1] += 1e-3
    elif change == "dtype":
        module = module.half()
    elif change == "name":
        module.add_module("other", module._modules.pop("0"))
    else:
        module[1].running_mean[0] = 1
    assert _facts.weights_hash(module) != before


def test_a_tensor_that_was_hashed_can_still_be_resized():
    """As observers of quantisation do with their buffers."""
    module = nn.BatchNorm1d(3)
    _facts.weights_hash(module)
    assert module.running_mean.resize_(5).shape == (5,)


def test_large_tensors_are_sampled_to_the_end(monkeypatch):
    monkeypatch.setattr(_facts, "WHOLE", 1000)
    monkeypatch.setattr(_facts, "EDGE", 100)
    module = nn.Linear(100, 100).requires_grad_(False)
    before = _facts.weights_hash(module)
    module.weight[99, 99] += 1
    assert _facts.weights_hash(module) != before
