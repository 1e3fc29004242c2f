"""Sizes that were used neither for the export nor in the recording, and inputs of such sizes."""

import numpy as np
import pytest
import torch

from benchlib import tensors
from benchlib.models._shape_sets import resized, shape_sets, sizes_of

TOKENS = {0: "batch", 1: "seq_length"}
IMAGE = {"x": {0: "batch"}}
TEXT = {"ids": TOKENS, "mask": TOKENS}


@pytest.mark.parametrize(
    ("recorded", "exported", "batches"),
    [
        (128, 128, [1, 7, 129]),
        (1, 2, [7, 3]),
        (7, 7, [1, 5, 8]),
        (1, 1, [7, 2]),
        (1, 6, [7]),
        (8, 7, [1, 5]),
        (4, None, [1, 7, 5]),
    ],
)
def test_batches_are_new(recorded, exported, batches):
    found = shape_sets(IMAGE, {"batch": recorded}, None if exported is None else {"batch": exported})
    assert found == [{"batch": size} for size in batches]


@pytest.mark.parametrize(
    ("recorded", "exported", "lengths"),
    [(128, 128, [127, 1]), (128, 12, [11, 1]), (3, 3, [2, 1]), (2, 2, [1]), (1, 1, [])],
)
def test_lengths_are_new_and_never_longer(recorded, exported, lengths):
    asked = {"batch": 4, "seq_length": recorded}, {"batch": 4, "seq_length": exported}
    found = shape_sets(TEXT, *asked)
    limit = min(recorded, exported)
    assert found[:3] == [{"batch": n, "seq_length": limit} for n in (1, 7, 5)]
    assert [s["seq_length"] for s in found[3:]] == lengths
    assert len({s["batch"] for s in found[3:]}) == len(lengths), "each with another batch"
    assert not [s for s in found if s in asked] and len(found) <= 5


def test_what_is_not_free_has_no_sizes():
    assert shape_sets({}, {}, None) == []
    assert shape_sets({"ids": {0: "seq_length"}}, {"seq_length": 8}, None) == [{"seq_length": 7}, {"seq_length": 1}]


def test_sizes_are_read_from_inputs():
    inputs = {"state": torch.zeros(3, 5, 2), "ids_0": np.zeros((5, 9))}
    axes = {"state": {1: "batch"}, "ids_0": TOKENS}
    assert sizes_of(inputs, axes) == {"batch": 5, "seq_length": 9}
    assert sizes_of(inputs, {}) == {}


def test_every_value_stands_in_the_recorded_input():
    ids = torch.arange(6).reshape(2, 3)
    found = resized({"ids": ids, "w": np.ones(3)}, {"ids": TOKENS}, {"batch": 5, "seq_length": 2})
    assert found["ids"].tolist() == [[0, 1], [3, 4], [0, 1], [3, 4], [0, 1]]
    assert found["w"].shape == (3,)
    longer = resized({"ids": ids}, {"ids": TOKENS}, {"seq_length": 4})
    assert longer["ids"].tolist() == [[0, 1, 2, 0], [3, 4, 5, 3]]


def test_bfloat16_keeps_its_label():
    found = resized({"x": torch.ones(2, 2, dtype=torch.bfloat16)}, IMAGE, {"batch": 3})["x"]
    assert tensors.dtype_of(found) == "bfloat16" and found.shape == (3, 2)


@pytest.mark.parametrize("dtype", [np.int64, bool])
def test_no_item_is_masked_out_entirely(dtype):
    padded_on_the_left = np.array([[0, 0, 1, 1], [1, 1, 1, 1]]).astype(dtype)
    axes, sizes = {"mask": TOKENS}, {"batch": 3, "seq_length": 2}
    found = resized({"mask": padded_on_the_left}, axes, sizes)["mask"]
    assert found.tolist() == [[1, 0], [1, 1], [1, 0]] and found.dtype == dtype
    tokens = np.array([[5, 0, 6, 7], [0, 0, 8, 9]])
    assert resized({"mask": tokens}, axes, sizes)["mask"][1].tolist() == [0, 0], "tokens are no mask"
    empty = np.array([[0, 0, 0, 0], [0, 0, 1, 1]])
    assert not resized({"mask": empty}, axes, sizes)["mask"].any(), "zeros were legal before"


def test_the_recorded_inputs_stay_as_they_are():
    mask = np.array([[0, 1]])
    resized({"mask": mask}, {"mask": TOKENS}, {"batch": 1, "seq_length": 1})
    assert mask.tolist() == [[0, 1]]


def test_lengths_end_with_the_sequence_that_was_cut():
    inputs = {"x": np.ones((3, 9, 2)), "x_lens": np.array([9, 7, 4]), "ids": np.full((3, 9), 8)}
    axes = {"x": TOKENS, "x_lens": {0: "batch"}, "ids": TOKENS}
    assert resized(inputs, axes, {"batch": 4, "seq_length": 5})["x_lens"].tolist() == [5, 5, 4, 5]
    assert resized(inputs, axes, {"batch": 2})["x_lens"].tolist() == [9, 7]
    assert resized(inputs, axes, {"seq_length": 5})["ids"].max() == 8
