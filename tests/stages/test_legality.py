"""Which derived sets of inputs count: those that eager and float64 answer as they answer the recorded one."""

import numpy as np
import pytest

from benchlib.stages.legality import less_exact, spoiling, unlike_recorded

RIGHT = np.random.default_rng(0).normal(size=(4, 5))


@pytest.mark.parametrize(
    "answer, reason",
    [
        (RIGHT[:3], "its outputs have the shapes [[3, 5]]"),
        (np.where(RIGHT > 1, np.nan, RIGHT), "output y has NaN"),
        (np.where(RIGHT > 1, np.inf, RIGHT), "output y has infinities"),
        (RIGHT * 3, None),
    ],
)
def test_a_set_that_is_answered_otherwise_does_not_count(answer, reason):
    found = unlike_recorded({0: {"y": RIGHT}, 1: {"y": answer}})
    assert (found.get(1) or "").startswith(reason or "") and bool(found) == bool(reason)


def test_what_the_recorded_set_has_too_is_no_reason():
    holes = np.where(RIGHT > 1, -np.inf, RIGHT)
    assert unlike_recorded({0: {"y": holes}, 1: {"y": holes[::-1]}}) == {}


def test_a_set_of_large_outputs_of_which_a_part_is_kept_has_the_recorded_shapes():
    from benchlib import tensors

    large = np.zeros((1 << 11, 1 << 10), dtype=np.float32)
    assert unlike_recorded({0: {"y": large}, 1: {"y": tensors.thinned(large)}}) == {}


def error_of(size: float) -> np.ndarray:
    return RIGHT * (1 + size * np.sign(np.random.default_rng(1).normal(size=RIGHT.shape)))


def test_a_set_on_which_eager_itself_is_far_worse_does_not_count():
    exact = {n: {"y": RIGHT} for n in range(4)}
    reference = {0: {"y": error_of(1e-6)}, 1: {"y": error_of(9e-6)}, 2: {"y": error_of(2e-5)}, 3: {"y": error_of(1.0)}}
    illegal = less_exact(reference, exact, {1, 2}, "float32")
    assert list(illegal) == [2], "set 3 is none that was derived"
    assert illegal[2].startswith("the error of float32 itself is 2e-05 there")


def test_beside_an_exact_answer_a_few_roundings_are_allowed():
    exact = {n: {"y": RIGHT} for n in range(3)}
    reference = {0: {"y": RIGHT}, 1: {"y": error_of(1e-7)}, 2: {"y": error_of(1e-5)}}
    assert list(less_exact(reference, exact, {1, 2}, "float32")) == [2]
    assert less_exact({0: {"y": np.arange(3)}, 1: {"y": np.arange(3)}}, {n: {"y": np.arange(3)} for n in (0, 1)}, {1},
                      "float32") == {}  # fmt: skip


def test_one_derived_set_does_not_cost_the_better_judge():
    exact = {n: {"y": RIGHT} for n in range(3)}
    wrong = {"y": np.where(RIGHT > 1, np.nan, RIGHT)}
    assert list(spoiling({0: {"y": RIGHT}, 1: {"y": RIGHT}, 2: wrong}, exact, {1, 2}, "float32")) == [2]
    assert spoiling({0: wrong, 1: {"y": RIGHT}, 2: wrong}, exact, {1, 2}, "float32") == {}, "it is no judge anyway"


def test_whole_numbers_in_the_place_of_floating_ones_do_not_count():
    exact = {0: {"y": RIGHT}, 1: {"y": RIGHT.astype(np.int64)}}
    assert list(less_exact({0: {"y": RIGHT}, 1: {"y": RIGHT}}, exact, {1}, "float32")) == [1]
