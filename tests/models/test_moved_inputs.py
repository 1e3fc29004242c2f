"""Moved inputs: each kind by its own rule, and every frozen decision is taken otherwise at some set."""

import numpy as np
import pytest
import torch

from benchlib import tensors
from benchlib.models import LoadedModel, _input_sets
from benchlib.models._input_kinds import kind_of
from benchlib.models._input_sets import COMPARED
from benchlib.models._moved_inputs import ALONE, TOGETHER, moved
from benchlib.models._moves import InputTensor
from benchlib.models._use import Use
from tests.models.deciding import CASES

CHANCE = np.random.default_rng(0)


def kind(name, numbers, role="", sizes=()):
    return kind_of(InputTensor(name, np.asarray(numbers), Use(role), frozenset(sizes))).name


def sets_of(inputs, seed=0, most=99, uses=None):
    return moved(inputs, uses or {}, seed, most)


def compared(inputs, seed):
    """What outputs are compared at, of a model whose inputs cannot be drawn again."""
    sets = _input_sets.of(LoadedModel(inputs), seed).sets.values()
    taken = [own for own in sets if own.origin == "permuted"][:COMPARED]
    return taken + [own for own in sets if own.origin == "moved"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CASES)
def test_each_decision_is_taken_otherwise_at_some_compared_set(name, seed):
    """And at one that eager runs on with finite outputs of the same shape, where the decision is not about shapes."""
    module = CASES[name].module()
    inputs = CASES[name].inputs(torch.Generator().manual_seed(seed))
    right = module(**inputs)
    recorded = module.decided
    otherwise = []
    for own in compared(inputs, seed):
        out = module(**tensors.apply(tensors.to_torch, own.inputs))
        if module.decided != recorded and out.isfinite().all():
            otherwise.append((own, out))
    assert otherwise
    assert name.startswith("number of classes") or any(out.shape == right.shape for _, out in otherwise)


def test_permutations_alone_would_not_do():
    """What the sets are for: the permuted ones leave these decisions as they were."""
    for name in ("scale by the maximum", "a number", "a mask of ones", "number of classes", "an image of bytes"):
        module, inputs = CASES[name].module(), CASES[name].inputs(torch.Generator().manual_seed(0))
        module(**inputs)
        recorded = module.decided
        for own in (o for o in compared(inputs, 0) if o.origin == "permuted"):
            module(**tensors.apply(tensors.to_torch, own.inputs))
            assert module.decided == recorded, name


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("x", CHANCE.normal(size=(3, 8)), "numbers"),
        ("x", CHANCE.normal(size=(3, 8)) + 1j, "numbers"),
        ("image", CHANCE.random((1, 3, 32, 32)), "image"),
        ("image", CHANCE.integers(0, 255, (1, 32, 32, 3)).astype(np.uint8), "image"),
        ("audio", CHANCE.normal(size=(1, 1600)), "sound"),
        ("x", np.sin(np.arange(1600.0))[None], "sound"),
        ("x", CHANCE.normal(size=(1, 1600)), "numbers"),
        ("attention_mask", np.ones((2, 8), int), "padding mask"),
        ("x", np.ones((2, 8), bool), "padding mask"),
        ("m", np.where(np.arange(8) < 5, 0, -np.inf)[None], "padding mask"),
        ("m", np.tril(np.ones((8, 8))), "padding mask"),
        ("bool_masked_pos", np.array([[1, 0, 1, 0, 0, 1]]) > 0, "mask"),
        ("x", np.array([[1.0, 0, 0], [0, 0, 1]]), "numbers"),  # one-hot: no mask
        ("x", np.array([[1.0, 1, 1], [1, 0, 0]]), "padding mask"),
        ("input_ids", CHANCE.integers(0, 99, (2, 8)), "identifiers"),
        ("input_ids", np.arange(8)[None], "identifiers"),
        ("x", CHANCE.integers(0, 99, 8), "identifiers"),
        ("position_ids", np.arange(8)[None], "positions"),
        ("x", np.arange(8)[None] + 2, "positions"),
        ("token_type_ids", np.array([[0, 0, 1, 1]]), "segments"),
        ("token_type_ids", np.zeros((1, 4), int), "segments"),
        ("edge_index", CHANCE.integers(0, 9, (2, 20)), "index pairs"),
        ("offsets", np.array([0, 4, 9]), "offsets"),
        ("bbox", CHANCE.integers(0, 9, (2, 8, 4)), "tuples"),
        ("token_type_ids", CHANCE.integers(0, 2, (2, 8, 7)), "tuples"),
        ("position_ids", CHANCE.integers(-1, 9, (2, 8, 30)), "tuples"),
        ("position_ids", np.broadcast_to(np.arange(8), (3, 2, 8)), "positions"),
        ("lengths", np.array([8, 5]), "count"),
        ("num_frames", np.array(8), "one count"),
        ("sr", np.array(16000), "sampling rate"),
        ("rate", np.array([22050, 22050]), "sampling rate"),
        ("t", np.array(7), "whole number"),
        ("t", np.full(4, 7), "whole number"),
        ("t", np.array(0.5), "number"),
        ("causal", np.array(True), "flag"),
        ("x", np.zeros(4, int), "unknown whole numbers"),
        ("x", np.array(["a", "b"]), "texts"),
        ("x", np.zeros((0, 3)), "empty"),
    ],
)
def test_what_an_input_is_follows_from_dtype_content_and_name(name, numbers, expected):
    assert kind(name, numbers) == expected


def test_what_an_input_is_follows_from_its_use_too():
    assert kind("k", np.array([3]), role="count") == "one count"
    assert kind("s", np.array([-1, 4]), role="shape") == "shape"
    assert kind("n", np.array([8, 5]), sizes=[8, 3]) == "count"
    assert kind("n", np.array([8, 5]), sizes=[9, 3]) == "identifiers"


def test_all_inputs_move_at_once_and_each_of_several_alone():
    inputs = {"x": CHANCE.normal(size=(2, 8)), "mask": np.ones((2, 8), int), "sr": np.array(16000)}
    sets = sets_of(inputs)
    changed = [[n for n in inputs if not np.array_equal(s.arrays[n], inputs[n])] for s in sets]
    assert changed == [["x", "mask"]] * TOGETHER + [["x"], ["mask"]]
    assert sets[0].words == "x × 0.3; mask: tail cut"
    assert len(sets_of({"x": inputs["x"]})) == TOGETHER


def test_of_many_or_large_inputs_not_all_are_moved_alone():
    many = {f"x{i}": CHANCE.normal(size=4) for i in range(ALONE + 3)}
    found = moved(many, {}, 0, 99)
    assert len(found) == TOGETHER + ALONE
    assert found[0].words.endswith("x3 × 0.3 and 15 more")
    large = moved(many, {}, 0, 0)
    assert [own.words.partition(":")[0] for own in large[3:]] == ["x0", "x1"]


def test_masks_keep_the_first_element_of_each_item_and_are_never_all_masked():
    rows = np.arange(16) < CHANCE.integers(2, 17, (64, 1))
    left = rows[:, ::-1]
    for array in (rows, rows.astype(np.float32), np.where(rows, 0, -1e9), left, np.ones((4, 2), int)):
        for own in sets_of({"mask": array}):
            new = own.arrays["mask"]
            assert np.array_equal(new[:, 0], array[:, 0])
            seen = array.max() if array.min() != array.max() else 1
            assert (new == seen).any(1).all(), own.words
            assert not np.array_equal(new, array)


def test_a_mask_of_zeros_that_is_added_masks_and_one_of_no_says_yes():
    added = sets_of({"mask": np.zeros((2, 8), np.float16)})[0].arrays["mask"]
    assert set(np.unique(added)) == {0, np.float16(-1e4)}
    assert sets_of({"key_padding_mask": np.zeros((2, 8), bool)})[0].arrays["key_padding_mask"].any()


def test_identifiers_stay_among_those_that_occur_and_specials_stay_in_place():
    ids = CHANCE.integers(10, 500, (4, 20))
    ids[:, 0], ids[:, 15], ids[:, 16:] = 1, 2, 0
    for own in sets_of({"input_ids": ids, "x": np.zeros(3)}):
        new = own.arrays["input_ids"]
        assert ids.min() <= new.min() and new.max() <= ids.max()
        assert "between" in own.words or np.isin(new, ids).all()
        assert (new[:, 0] == 1).all() and ((new == 2).sum(1) == 1).all()
    assert sets_of({"input_ids": ids})[0].arrays["input_ids"].max() < ids.max()


def test_labels_that_are_left_out_stay_so():
    labels = CHANCE.integers(0, 9, (2, 12))
    labels[:, 8:] = -100
    for own in sets_of({"labels": labels, "x": np.ones(2)}):
        assert (own.arrays["labels"] < 0).sum() == 8


def test_positions_and_pairs_keep_their_values():
    inputs = {
        "position_ids": np.broadcast_to(np.arange(8), (2, 8)),
        "edge_index": CHANCE.integers(0, 9, (2, 20)),
        "bbox": np.sort(CHANCE.integers(0, 9, (2, 8, 4)), -1),
    }
    for own in sets_of(inputs):
        for name, array in inputs.items():
            axis = 1 if name == "bbox" else -1
            assert np.array_equal(np.sort(own.arrays[name], axis), np.sort(array, axis)), own.words
        assert (np.diff(own.arrays["bbox"], axis=-1) >= 0).all()


def test_counts_stay_within_one_and_what_they_count():
    inputs = {"x": CHANCE.normal(size=(3, 9, 4)), "lengths": np.array([9, 4, 1])}
    seen = {tuple(own.arrays["lengths"]) for own in sets_of(inputs)}
    assert seen == {(9, 4, 1), (9, 3, 1), (9, 5, 2), (8, 3, 1)}


def test_offsets_stay_in_order():
    offsets = np.array([0, 4, 5, 9, 20])
    for own in sets_of({"offsets": offsets, "x": np.ones(2)}):
        new = own.arrays["offsets"]
        assert (np.diff(new) > 0).all() and new[0] == 0 and new[-1] == 20
        assert np.abs(new - offsets).max() <= 1


def test_numbers_that_are_never_negative_become_so_at_one_set_alone():
    """There a logarithm is none, and the set is left out; the others are legal."""
    for array in (CHANCE.random((4, 16)), np.arange(1.0, 30).reshape(1, -1)):
        negative = {own.words for own in sets_of({"x": array.astype(np.float32)}) if own.arrays["x"].min() < 0}
        assert negative == {"x: sign flipped"}


@pytest.mark.parametrize("shape", [(64, 3), (2, 3, 8, 8), (2, 50, 3)])
def test_redrawn_numbers_have_the_mean_and_the_spread_of_their_channel(shape):
    axis = 1 if len(shape) == 4 else -1
    x = CHANCE.normal(size=shape) * 0.01
    x += np.expand_dims([-5.0, 0.0, 5.0], tuple(range(1, len(shape) - (axis % len(shape)))))
    new = next(s for s in sets_of({"x": x, "y": np.ones(2)}) if s.words.startswith("x: redrawn with")).arrays["x"]
    others = tuple(a for a in range(len(shape)) if a != axis % len(shape))
    assert np.allclose(new.mean(others), [-5, 0, 5], atol=0.01)
    assert np.mean(np.abs(new - x) < 1e-6) < 0.02


def test_a_state_of_zeros_moves_too():
    assert sets_of({"h": np.zeros((1, 2, 4), np.float32), "x": np.ones(2)})[-2].arrays["h"].any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8, np.int64, np.int8, bool, np.complex64])
def test_dtype_shape_and_memory_order_stay_and_nothing_overflows(dtype):
    x = np.asfortranarray((CHANCE.random((6, 20)) * 120).astype(dtype))
    if dtype == np.float16:
        x = x * np.float16(400)
    for own in sets_of({"x": x, "y": np.ones(3)}):
        new = own.arrays["x"]
        assert (new.dtype, new.shape, new.flags.f_contiguous) == (x.dtype, x.shape, True)
        assert np.isfinite(new).all()


def test_bfloat16_is_moved_as_the_numbers_that_it_stands_for():
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(0), dtype=torch.bfloat16)
    for own in sets_of({"x": tensors.to_numpy(x)}):
        assert tensors.dtype_of(own.arrays["x"]) == "bfloat16"
    new = tensors.to_torch(sets_of({"x": tensors.to_numpy(x)})[0].arrays["x"])
    assert torch.equal(new, (x.float() * 0.3).bfloat16())


def test_infinities_stay_where_they_are():
    x = CHANCE.normal(size=(2, 8))
    x[:, 5] = -np.inf
    for own in sets_of({"x": x, "y": np.ones(3)}):
        assert not np.isnan(own.arrays["x"]).any()
        assert np.isneginf(own.arrays["x"][:, 5]).all()


def test_moving_megabytes_takes_no_time():
    import time

    inputs = {"image": CHANCE.random((8, 3, 224, 224), np.float32), "ids": CHANCE.integers(0, 50000, (512, 512))}
    begin = time.process_time()
    sets_of(inputs)
    assert time.process_time() - begin < 5
