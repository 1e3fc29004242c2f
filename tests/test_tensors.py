from dataclasses import dataclass

import numpy as np
import pytest

from benchlib import tensors
from benchlib.errors import UserError


@dataclass
class Output:
    logits: np.ndarray
    states: tuple
    nothing: None = None


NESTED = {
    "ids": np.arange(6).reshape(2, 3),
    "pair": (np.ones(2, np.float32), [np.array(True), 3, None, "text"]),
    "deep": {"a": {"b": np.float64(1.5)}},
}


def test_there_and_back(tmp_path):
    tensors.save(tmp_path / "x.npz", NESTED)
    flat, structure = tensors.load(tmp_path / "x.npz")
    back = tensors.unflatten(structure, flat)
    assert list(back) == list(NESTED)
    assert isinstance(back["pair"], tuple)
    assert back["pair"][1][1:] == [3, None, "text"]
    np.testing.assert_array_equal(back["ids"], NESTED["ids"])
    assert back["pair"][1][0].dtype == bool
    assert back["deep"]["a"]["b"] == 1.5


def test_names_are_identifiers_and_unique():
    flat, _ = tensors.flatten({"a_0": np.zeros(1), "a": [np.zeros(1)], "1": np.zeros(1)})
    assert len(set(flat)) == 3
    assert all(name.isidentifier() for name in flat)


def test_a_dataclass_is_a_mapping_of_its_fields():
    flat, _ = tensors.flatten(Output(np.zeros(2), (np.ones(1),)))
    assert list(flat) == ["logits", "states_0"]


def test_bfloat16_keeps_its_bits_and_its_label(tmp_path):
    import torch

    original = torch.tensor([1.0, -2.5, 3e38, 1e-30]).to(torch.bfloat16)
    tensors.save(tmp_path / "x.npz", {"x": original})
    flat, _ = tensors.load(tmp_path / "x.npz")
    assert tensors.dtype_of(flat["x"]) == "bfloat16"
    np.testing.assert_array_equal(tensors.values(flat["x"]), original.float().numpy())
    assert torch.equal(tensors.to_torch(flat["x"]), original)


def test_the_hash_sees_values_names_dtypes_and_shapes():
    base = {"x": np.arange(4)}
    different = [
        {"y": np.arange(4)},
        {"x": np.arange(4).astype(np.int32)},
        {"x": np.arange(4).reshape(2, 2)},
        {"x": np.arange(1, 5)},
    ]
    hashes = {tensors.content_hash(a) for a in [base, *different]}
    assert len(hashes) == 5
    assert tensors.content_hash({"x": np.arange(4)}) == tensors.content_hash(base)


def test_what_cannot_be_stored_is_named():
    with pytest.raises(
        UserError, match=r"a\.1 is a generator, which cannot be stored: cannot pickle 'generator' object"
    ):
        tensors.flatten({"a": [np.zeros(1), (n for n in range(3))]})


def test_count_takes_numbers_for_one_element():
    assert tensors.count({"x": np.zeros((2, 3)), "n": 5, "s": "text", "none": None}) == 7


@pytest.mark.parametrize(
    ("shape", "left"),
    [
        ((231,), (116,)),
        ((40, 11), (14, 11)),  # items are thinned, classes never
        ((2, 300, 5), (2, 20, 5)),
        ((200, 300, 5), (16, 2, 5)),  # positions first, items then
        ((1, 21, 20, 20), (1, 21, 1, 20)),  # channels wherever they stand
        ((2, 1000), (1, 1000)),
        ((1, 1000), (1, 1000)),
    ],
)
def test_a_large_array_is_thinned_along_items_and_positions(monkeypatch, shape, left):
    monkeypatch.setattr(tensors, "THIN", 200)
    array = np.arange(float(np.prod(shape))).reshape(shape)
    found = tensors.thinned(array)
    assert found.shape == left
    assert found.reshape(-1)[-1] == array.reshape(-1)[-1]
    assert set(found.reshape(-1)) <= set(array.reshape(-1))
    import torch

    assert np.array_equal(tensors.thinned(torch.from_numpy(array)).numpy(), found)


def test_what_is_small_stays_and_a_label_is_kept(monkeypatch):
    monkeypatch.setattr(tensors, "THIN", 200)
    assert tensors.thinned(small := np.arange(200.0)) is small
    assert tensors.thinned(one := np.array(3.0)) is one
    bits = tensors.labelled(np.arange(231).astype(np.uint16), "bfloat16")
    assert tensors.dtype_of(tensors.thinned(bits)) == "bfloat16"
