"""Numbers that a model's own code holds, and inputs that lie beyond them."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from benchlib.models import LoadedModel
from benchlib.models._asked_values import watch
from benchlib.models._moved_inputs import moved


class Loud(nn.Module):
    def forward(self, x):
        if x.max() > 40 and x.min() < -40:
            return -x
        return x


class Far(nn.Module):
    def forward(self, x):
        return x.clamp(-1, 1) if x.min().item() < -1e9 else x


class Limited(nn.Module):
    def __init__(self):
        super().__init__()
        self.limit, self.steps, self._secret = 777.0, 1, 5.5

    def forward(self, x):
        return x.clamp(-1, 1) if x.abs().max() > self.limit else x


class Language(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(1000, 8)
        self.special = nn.ModuleDict({"7": nn.Linear(8, 8), "431": nn.Linear(8, 8)})

    def forward(self, ids):
        language = str(int(ids[0, 0]))
        x = self.table(ids)
        return self.special[language](x) if language in self.special else x


class Helped(nn.Module):
    def forward(self, x):
        return helper(x)


def helper(x):
    return -x if any(map(lambda row: bool(row.max() > 99), x)) else x


NUMBERS = torch.linspace(-2, 2, 24).reshape(3, 8)
IDS = torch.arange(24).reshape(2, 12) + 500


@pytest.mark.parametrize(
    ("net", "inputs", "numbers"),
    [
        (Loud, NUMBERS, (40, -40)),
        (Far, NUMBERS, (-1e9,)),
        (Limited, NUMBERS, (777,)),
        (Language, IDS, (7, 431)),
        (Helped, NUMBERS, (99,)),
        (lambda: nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)), NUMBERS, ()),
    ],
)
def test_what_is_compared_with_looked_up_and_kept_is_found(net, inputs, numbers):
    model = LoadedModel(inputs={"x": inputs}, module=net(), positional=("x",))
    assert watch(model).code_numbers == numbers


@pytest.mark.parametrize(("net", "inputs"), [(Loud, NUMBERS), (Far, NUMBERS), (Limited, NUMBERS), (Language, IDS),
                                             (Helped, NUMBERS)])  # fmt: skip
def test_some_set_takes_the_branch_that_the_recorded_inputs_do_not(net, inputs):
    torch.manual_seed(0)
    module = net()
    model = LoadedModel(inputs={"x": inputs}, module=module, positional=("x",))
    usual = torch.jit.trace(module, inputs, check_trace=False)
    sets = moved({"x": inputs.numpy()}, {}, 0, 32, watch(model))
    told = [s.words for s in sets if not torch.equal(usual(at := torch.from_numpy(s.arrays["x"])), module(at))]
    assert any("begins" in words for words in told), json.dumps([s.words for s in sets])


def test_no_more_sets_than_there_is_room_for():
    model = LoadedModel(inputs={"x": NUMBERS}, module=Loud(), positional=("x",))
    arrays = {"x": NUMBERS.numpy()}
    held = [s for s in moved(arrays, {}, 0, 32, watch(model)) if "begins" in s.words]
    assert [s.words for s in held] == ["x: begins beyond 40, -40", "x: begins beyond 40", "x: begins beyond -40"]
    np.testing.assert_array_equal(held[0].arrays["x"].reshape(-1)[:3], [60, -60, NUMBERS.reshape(-1)[2]])
    assert len([s for s in moved(arrays, {}, 0, 0, watch(model)) if "begins" in s.words]) == 3
