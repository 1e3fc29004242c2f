"""What is done to all models of a process is seen where one of them is given, and refused: it would not come along."""

import contextlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from benchlib.errors import UserError
from benchlib.models import _given, _in_force
from benchlib.models.python import store


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)).eval()


INPUT = torch.ones(2, 4)


def under_autocast(patch):
    patch.enter_context(torch.autocast("cpu", dtype=torch.bfloat16))


def with_a_hook(patch):
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: 5 * output)
    patch.callback(handle.remove)


def with_a_method(patch):
    own = nn.LayerNorm.forward
    nn.LayerNorm.forward = lambda self, x: x
    patch.callback(setattr, nn.LayerNorm, "forward", own)


def with_a_function(patch):
    own = functional.gelu
    functional.gelu = lambda x: x
    patch.callback(setattr, functional, "gelu", own)


def with_a_name_of_its_file(patch):
    nn.modules.normalization.pairs = lambda x: (x, x)
    patch.callback(delattr, nn.modules.normalization, "pairs")


IN_FORCE = {
    under_autocast: "under autocast (cpu, bfloat16)",
    with_a_hook: "with hooks on all modules",
    with_a_method: "with torch.nn.modules.normalization.LayerNorm.forward replaced by a function of test_in_force.py",
    with_a_function: "with torch.nn.functional.gelu replaced by a function of test_in_force.py",
    with_a_name_of_its_file: "with torch.nn.modules.normalization.pairs replaced by a function of test_in_force.py",
}


@pytest.fixture
def patch():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("force", IN_FORCE)
def test_what_would_not_come_along_is_refused_and_makes_another_name(force, patch, tmp_path: Path):
    before = _given.content_of(model(), {"input": INPUT}, ["input"])
    assert _in_force.in_force(model()) == []
    force(patch)
    assert [words.startswith(IN_FORCE[force]) for words in _in_force.in_force(model())] == [True]
    assert _given.content_of(model(), {"input": INPUT}, ["input"]) != before
    with pytest.raises(UserError, match=r"^Sequential is given .* does not come along"):
        store(model(), INPUT, tmp_path)


def test_what_a_class_of_the_users_own_does_is_its_own(tmp_path):
    class Own(nn.LayerNorm):
        def forward(self, x):
            return x

    assert _in_force.in_force(nn.Sequential(Own(4))) == []
    with_bound = model()
    with_bound[1].forward = lambda x: x  # an attribute of the object, which is stored with it
    assert _in_force.in_force(with_bound) == []
