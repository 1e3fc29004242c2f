"""Detections are compared with their like, wherever a rounding of their scores has put them."""

import numpy as np
import pytest

from benchlib.accuracy import compare, in_order_of

CHANCE = np.random.default_rng(2)


def found(count=6):
    corner = CHANCE.uniform(0, 300, (count, 2))
    boxes = np.concatenate([corner, corner + CHANCE.uniform(5, 90, (count, 2))], 1).astype(np.float32)
    scores = np.sort(CHANCE.uniform(0, 1, count).astype(np.float32))[::-1].copy()
    scores[3:4] = scores[2:3] - np.float32(1e-7)
    masks = CHANCE.uniform(0, 1, (count, 1, 4, 4)).astype(np.float32)
    arrays = {"boxes": boxes, "labels": CHANCE.integers(1, 91, count), "scores": scores, "masks": masks}
    return {f"output_0_{name}": array for name, array in arrays.items()}


def changed(outputs, order, prefix="renamed_"):
    """The detections in another order, as a rounding of their scores makes it: the places keep these sorted."""
    moved = {prefix + name: array[order] for name, array in outputs.items()}
    return moved | {n: -np.sort(-array) for n, array in moved.items() if n.endswith("scores")}


def test_two_that_changed_places_are_the_same():
    right = found()
    swapped = changed(right, [0, 1, 3, 2, 4, 5])
    assert not compare({0: swapped}, {0: right}, "float32").equal
    assert compare({0: in_order_of(right, swapped)}, {0: right}, "float32").equal


def test_what_is_not_sorted_is_not_put_right():
    right = found()
    unsorted = {name: array[[5, 1, 2, 3, 4, 0]] for name, array in right.items()}
    assert not compare({0: in_order_of(right, unsorted)}, {0: right}, "float32").equal


@pytest.mark.parametrize("spoilt, value", [("labels", 91), ("scores", 0.0), ("masks", 2.0), ("boxes", 7.0)])
def test_one_that_differs_is_still_found(spoilt, value):
    right = found()
    other = {name: array.copy() for name, array in right.items()}
    other[f"output_0_{spoilt}"][4] = value
    assert not compare({0: in_order_of(right, changed(other, [0, 1, 3, 2, 4, 5]))}, {0: right}, "float32").equal


def test_one_of_another_label_is_not_its_like():
    right = found(2)
    right["output_0_boxes"][1] = right["output_0_boxes"][0] + 1
    right["output_0_labels"][:] = 3, 4
    right["output_0_scores"][:] = 0.5, 0.5
    assert compare({0: in_order_of(right, changed(right, [1, 0]))}, {0: right}, "float32").equal


@pytest.mark.parametrize(
    "right, other",
    [
        ({"boxes": np.ones((2, 4)), "scores": np.ones(2)}, {"boxes": np.zeros((2, 4)), "scores": np.ones(2)}),
        (found(3), found(2)),
        (found(0), found(0)),
        ({"logits": np.ones(3)}, {"logits": np.zeros(3)}),
        ({"logits": np.ones(3)}, {}),
        (found(3), {name: np.full_like(array, -1) for name, array in found(3).items()}),
        (found(3), {**found(3), "output_0_boxes": np.full((3, 4), np.nan)}),
    ],
)
def test_what_is_no_such_group_stays_as_it_is(right, other):
    same = in_order_of(right, other)
    assert list(same) == list(other) and all(np.array_equal(same[n], other[n], equal_nan=True) for n in other)
