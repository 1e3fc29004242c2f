"""What a model is called with comes back as what it was: its classes, and what they hold beside tensors."""

import pickle

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from benchlib import tensors
from tests import given_classes as given
from tests.structures.values import (
    HOLDING,
    HOLDING_NONE,
    X,
    dynamic_cache,
    graph,
    image,
    listed,
    same,
    tagged,
    there_and_back,
)


@pytest.mark.parametrize("kind", HOLDING)
def test_what_holds_tensors_comes_back_as_what_it_was(kind, tmp_path):
    value, names = HOLDING[kind][0](), HOLDING[kind][1]
    back = there_and_back(value, tmp_path)
    assert type(back) is type(value)
    leaves, again = tensors.leaves_of({"v": value}), tensors.leaves_of({"v": back})
    assert list(leaves) == list(again) and all(map(same, leaves.values(), again.values()))
    assert same(value, back)
    if names is not None:
        assert list(leaves) == [f"v_{name}" if name else "v" for name in names]
    assert pickle.dumps(sorted(vars(back))) == pickle.dumps(sorted(vars(value))) if hasattr(value, "__dict__") else True


@pytest.mark.parametrize("kind", HOLDING_NONE)
def test_what_holds_none_comes_back_too(kind, tmp_path):
    back = there_and_back(HOLDING_NONE[kind], tmp_path)
    assert back == HOLDING_NONE[kind] and type(back) is type(HOLDING_NONE[kind])


def test_what_a_class_says_of_its_parts_is_kept(tmp_path):
    back = there_and_back((tagged(), image(), listed(), graph(), given.Plain(X)), tmp_path)
    assert back[0].unit == "mm" and back[1].canvas_size == (4, 4) and back[2].word == "a"
    assert back[3].name == "small" and back[3].num_nodes == 2 and back[4].depth == 3
    circle = there_and_back(given.Linked(X), tmp_path)
    assert circle.inner.outer is circle
    packed = there_and_back(pack_sequence([X, X[:1]]), tmp_path)
    assert isinstance(packed, PackedSequence)
    torch.nn.LSTM(3, 2)(packed)
    assert torch.equal(torch.sparse.mm(there_and_back(torch.eye(2).to_sparse_csr(), tmp_path), X), X)
    assert not there_and_back(torch.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (3,)), tmp_path).is_coalesced()


def test_jagged_tensors_of_one_raggedness_stay_so(tmp_path):
    one = torch.nested.nested_tensor([X, X[:1]], layout=torch.jagged)
    back = there_and_back([one, one * 2], tmp_path)
    assert same(back[0] * back[1], one * one * 2)


def test_a_cache_goes_on_and_each_nesting_has_its_own(tmp_path):
    tensors.save(tmp_path / "x.npz", {"full": dynamic_cache(), "empty": type(dynamic_cache())()})
    arrays, structure = tensors.load(tmp_path / "x.npz")
    for _ in range(2):
        nesting = tensors.as_given(structure, arrays)
        assert [nesting[n].get_seq_length() for n in ("full", "empty")] == [3, 0]
        for cache in nesting.values():
            cache.update(torch.ones(1, 2, 1, 4), torch.ones(1, 2, 1, 4), 0)
        assert [nesting[n].get_seq_length() for n in ("full", "empty")] == [4, 1]
