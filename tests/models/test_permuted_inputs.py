"""Permuted inputs: every value is one of the recorded, what belongs together stays together."""

import numpy as np
import pytest

from benchlib import tensors
from benchlib.models._permuted_inputs import permuted
from tests.models.onnx_text import MadeUp, model_of

CHANCE = np.random.default_rng(0)


def derived(arrays, seed, number=1):
    return permuted(arrays, np.random.default_rng((seed, number)))


def bert(length=16, batch=4):
    ids = CHANCE.integers(5, 30522, (batch, length))
    mask = np.arange(length) < np.linspace(length, length // 2, batch).round()[:, None]
    return {
        "input_ids": np.where(mask, ids, 0),
        "attention_mask": mask.astype(np.int64),
        "position_ids": np.broadcast_to(np.arange(length), (batch, length)),
        "boxes": np.stack([ids, ids + 1, ids + 2, ids + 3], -1),
    }


@pytest.mark.parametrize("number", [1, 2])
def test_tokens_masks_and_positions_stay_together(number):
    inputs = bert()
    found = derived(inputs, 0, number)
    assert not np.array_equal(found["input_ids"], inputs["input_ids"])
    order = found["position_ids"][0]
    assert sorted(order) == list(range(16))
    for name, array in inputs.items():
        assert np.array_equal(found[name], array[:, order]), name
        assert found[name].dtype == array.dtype


def test_floats_are_shuffled_over_all_elements_and_keep_their_values():
    image = CHANCE.normal(size=(2, 3, 8, 8)).astype(np.float32)
    found = derived({"x": image}, 0)["x"]
    assert found.shape == image.shape and found.dtype == image.dtype
    assert np.mean(found == image) < 0.1
    assert np.array_equal(np.sort(found, axis=None), np.sort(image, axis=None))


def test_an_image_is_shifted_so_that_its_patterns_stay():
    image = np.sin(np.linspace(0, 6, 20))[:, None] * np.cos(np.linspace(0, 9, 24)) + np.arange(3)[:, None, None]
    found = derived({"x": image[None]}, 0)["x"][0]
    shifts = [s for s in np.ndindex(20, 24) if np.array_equal(np.roll(image, s, (1, 2)), found)]
    assert len(shifts) == 1 and shifts != [(0, 0)]


def test_masks_of_floats_are_permuted_as_tokens_are():
    inputs = {"ids": np.arange(12)[None], "mask": np.where(np.arange(12) < 8, 0, -1e9).astype(np.float32)[None]}
    found = derived(inputs, 3)
    assert np.array_equal(found["mask"], np.where(found["ids"] < 8, 0, np.float32(-1e9)))


def test_scalars_and_what_is_equal_stay():
    found = derived({"sr": np.array(16000), "state": np.zeros((2, 1, 4))}, 0)
    assert found["sr"] == 16000 and not found["state"].any()


def test_bfloat16_keeps_its_label_and_the_memory_order_stays():
    bits = tensors.labelled(CHANCE.integers(0, 1 << 15, (4, 4)).astype(np.uint16), "bfloat16")
    columns = np.asfortranarray(CHANCE.normal(size=(4, 5)))
    found = derived({"x": bits, "y": columns}, 0)
    assert tensors.dtype_of(found["x"]) == "bfloat16"
    assert found["y"].flags.f_contiguous


def test_tokens_are_nearly_all_distinct_where_the_vocabulary_is_large():
    """Whole numbers that are all alike, zeros above all, would let a wrong embedding pass."""
    from types import SimpleNamespace

    from benchlib.models._text import text_inputs

    config = SimpleNamespace(vocab_size=30522, max_position_embeddings=512, pad_token_id=0)
    for seed in range(20):
        ids = text_inputs(config, {"input_ids"}, 1, 128, seed)["input_ids"].numpy()
        graph = model_of("g (int64[1,64] input_ids) => (float[1,64] y) { y = Cast<to=1>(input_ids) }")
        made_up = MadeUp(graph, seed).inputs["input_ids"]
        for found in (ids, derived({"input_ids": ids}, seed)["input_ids"], made_up):
            assert len(np.unique(found)) >= 0.95 * found.size
