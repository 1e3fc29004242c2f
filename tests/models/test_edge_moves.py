"""Inputs at the edges: every shorter way is left at some compared set that the model takes, and models that ask for no
values are spared."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from benchlib import tensors
from benchlib.models import LoadedModel, _asked_values, _input_sets
from benchlib.models._edge_moves import beside, set_to, tail_set, without
from benchlib.models._input_sets import COMPARED
from benchlib.models._moved_inputs import EDGES, LEAST_EDGES, moved
from benchlib.models._moves import InputTensor
from tests.models.shortcuts import IDS, SHORTCUTS, X


def compared(model):
    """What outputs are compared at, of a model whose inputs cannot be drawn again."""
    sets = _input_sets.of(model, 0).sets.values()
    taken = [own for own in sets if own.origin == "permuted"][:COMPARED]
    return taken + [own for own in sets if own.origin == "moved"]


@pytest.mark.parametrize("name", SHORTCUTS)
def test_an_export_that_kept_one_way_is_wrong_at_a_set_that_the_model_takes(name):
    case = SHORTCUTS[name]
    module = case.module()
    frozen = copy.copy(module)
    frozen.frozen = bool(module.question(**case.inputs))
    right = module(**case.inputs)
    torch.testing.assert_close(frozen(**case.inputs), right)
    found = []
    for own in compared(LoadedModel(dict(case.inputs), module)):
        inputs = tensors.apply(tensors.to_torch, own.inputs)
        try:
            out = module(**inputs)
        except (IndexError, RuntimeError):
            continue
        if out.shape == right.shape and out.isfinite().all():
            kept = frozen(**inputs)
            found.append(not torch.allclose(kept, out, rtol=1e-2, atol=1e-2))
    assert any(found), [own.words for own in compared(LoadedModel(dict(case.inputs), module))]


class Asks(nn.Module):
    def __init__(self, question):
        super().__init__()
        self.question = question

    def forward(self, x, ids):
        return x * 2 if self.question(x, ids) else x


def watched(question):
    return _asked_values.watch(LoadedModel({"x": X, "ids": IDS}, Asks(question)))


@pytest.mark.parametrize(
    "question",
    [
        lambda x, ids: x.sum() > 0,
        lambda x, ids: float(x[0, 0, 0]),
        lambda x, ids: int(ids.max()),
        lambda x, ids: ids.max().item(),
        lambda x, ids: 3 in ids,
        lambda x, ids: ids.tolist(),
        lambda x, ids: len(np.unique(ids.numpy())),
        lambda x, ids: np.asarray(x).max() > 0,
        lambda x, ids: torch.equal(x, x),
        lambda x, ids: x[x > 0].shape[0],
        lambda x, ids: (ids == 3).nonzero().numel(),
        lambda x, ids: "abc"[ids.min().clamp(max=2)],
    ],
)
def test_a_value_that_python_is_told_is_seen(question):
    assert watched(question).values


@pytest.mark.parametrize(
    "question",
    [
        lambda x, ids: x.shape[0] > 2 and len(x) > 2 and x.numel(),
        lambda x, ids: torch.where(x > 0, x, -x) is not None,
        lambda x, ids: x[:, 0] is not None and x[ids[0, 0] * 0] is not None,
        lambda x, ids: x.dim() and x.dtype and ids.is_floating_point(),
    ],
)
def test_shapes_and_dtypes_are_no_values(question):
    assert not watched(question).values


def test_numbers_that_inputs_are_held_against_are_seen_and_views_are_their_inputs():
    found = watched(
        lambda x, ids: (
            (x[:, 1] > 3) is not None
            and ids.ne(7) is not None
            and (torch.tensor(9) == ids) is not None
            and (x.sum() > 55) is not None
            and torch.isnan(x) is not None
        )
    )
    assert found.against == {"x": (3,), "ids": (7, 9)}
    assert found.odd == {"x"}


def test_a_call_that_fails_and_a_file_tell_nothing():
    assert watched(lambda x, ids: 1 / 0) == _asked_values.NOTHING
    assert _asked_values.watch(LoadedModel({"x": X})) == _asked_values.NOTHING


def test_the_watched_call_leaves_inputs_and_generators_alone():
    class Writes(nn.Module):
        def forward(self, x):
            return x.mul_(torch.rand(1)).sum() > 0

    x = X.clone()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    _asked_values.watch(LoadedModel({"x": x}, Writes()))
    assert torch.equal(x, X) and torch.equal(torch.get_rng_state(), before)


def test_only_models_that_ask_have_sets_at_the_edges():
    inputs = {"x": X.numpy(), "ids": IDS.numpy()}
    usual = moved(inputs, {}, 0, 99)
    asking = moved(inputs, {}, 0, 99, _asked_values.AskedValues(values=True))
    assert [s.words for s in asking[: len(usual)]] == [s.words for s in usual]
    edges = asking[len(usual) :]
    assert 4 <= len(edges) <= EDGES
    for own in edges:
        assert sum(not np.array_equal(own.arrays[n], inputs[n]) for n in inputs) == 1, own.words
    assert edges[0].words.startswith("x: ") and edges[1].words.startswith("ids: ")
    few = moved(inputs, {}, 0, 0, _asked_values.AskedValues(values=True))
    assert len(few) == len(moved(inputs, {}, 0, 0)) + LEAST_EDGES


@pytest.mark.parametrize(
    "move, numbers, expected",
    [
        (tail_set(9), [[1, 2, 3], [4, 5, 6]], [[1, 2, 9], [4, 5, 9]]),
        (tail_set(300), np.array([[1, 2, 3]], np.uint8), [[1, 2, 300]]),
        (tail_set(2), 5.0, 2.0),
        (set_to(4), [1, 2], [4, 4]),
        (without(2), [2, 5, 2], [5, 5, 5]),
        (without(2), [2, 2], [2, 2]),
        (beside(1.0, 1), [[0.5, 2.0, 3.0]], [[0.5, 1.0, 1.0]]),
        (beside(4.0, 1), [[0.5, 2.0, 3.0]], [[0.5, 2.0, 6.0]]),
        (beside(0.0, -1), [[0.5, 2.0, 3.0]], [[0.5, 2.0, -0.5]]),
    ],
)
def test_moves_beside_a_number(move, numbers, expected):
    new = move.move(InputTensor("x", np.asarray(numbers)), np.random.default_rng(0))
    np.testing.assert_allclose(new, expected)
