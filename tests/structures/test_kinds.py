"""What a model is called with comes back as what it was: its classes, and what they hold beside tensors."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
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
    marked,
    noted_dict,
    noted_output,
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
    if hasattr(value, "__dict__"):
        assert pickle.dumps(sorted(vars(back), key=str)) == pickle.dumps(sorted(vars(value), key=str))


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


@pytest.mark.process
def test_another_process_gets_what_was_given(tmp_path):
    """Not only the one in which all classes were made."""
    for number, make in enumerate(make for make, _ in HOLDING.values()):
        torch.manual_seed(0)
        tensors.save(tmp_path / f"{number}.npz", {"value": make()})
    code = (
        "import sys, torch; from benchlib import tensors; from tests.structures.values import HOLDING, same\n"
        "for number, (kind, (make, _)) in enumerate(HOLDING.items()):\n"
        "    arrays, structure = tensors.load(f'{sys.argv[1]}/{number}.npz')\n"
        "    back = tensors.as_given(structure, arrays)['value']\n"
        "    torch.manual_seed(0)\n"
        "    value = make()\n"
        "    one, other = tensors.leaves_of(value), tensors.leaves_of(back)\n"
        "    assert type(back) is type(value) and list(one) == list(other), kind\n"
        "    assert all(map(same, one.values(), other.values())), kind\n"
        "    assert set(getattr(value, '__dict__', ())) <= set(getattr(back, '__dict__', ())), kind\n"
        "print(len(HOLDING))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout == f"{len(HOLDING)}\n", done.stderr


def test_attributes_that_were_added_are_there_again(tmp_path):
    back = there_and_back((marked(), noted_output(), noted_dict()), tmp_path)
    assert [value.note for value in back] == ["a"] * 3 and torch.equal(back[0].mask, X > 0)
    assert back[1].hidden_states[1] is back[1]["hidden_states"][1]


ARRAYS = {
    "records": np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "dates": np.array(["2026-11-29"], dtype="datetime64[D]"),
    "wide floats": np.arange(2, dtype=np.longdouble),
    "anything": np.array([1, None], dtype=object),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_what_no_tensor_has_stay_arrays(kind, tmp_path):
    for value in (ARRAYS[kind], given.Plain(X), given.Slotted(ARRAYS[kind])):
        back = there_and_back([value, ARRAYS[kind]], tmp_path)
        assert type(back[0]) is type(value) and back[1].dtype == ARRAYS[kind].dtype
        assert np.array_equal(back[1], ARRAYS[kind])


def test_an_array_in_the_bytes_of_another_machine_is_the_same_numbers(tmp_path):
    assert torch.equal(there_and_back(np.arange(3, dtype=">i4"), tmp_path), torch.arange(3, dtype=torch.int32))


def test_an_array_inside_of_what_is_pickled_stays_one(tmp_path):
    back = there_and_back(given.Reduced(X, np.arange(3)), tmp_path)
    assert torch.equal(back.x, X) and type(back.word) is np.ndarray and back.word.tolist() == [0, 1, 2]


def test_a_table_stays_one(tmp_path):
    table = pd.DataFrame({"n": [1, 2], "word": ["a", "b"]})
    assert there_and_back([X, table], tmp_path)[1].equals(table)


def test_an_object_that_cannot_show_itself_is_given_back(tmp_path):
    assert there_and_back(given.Unshown(3), tmp_path).number == 3
