"""Later answers are compared in full a few times, and then roughly, but a wrong one is never missed."""

import numpy as np
import pytest

from benchlib import tensors
from benchlib.measure.controller import ChangedOutput
from benchlib.stages.later_answers import FEW, LaterAnswers, errors

RIGHT = {"y": np.random.default_rng(0).normal(size=(4, 50))}


@pytest.fixture
def answers(tmp_path):
    compared = []
    found = LaterAnswers(lambda number: RIGHT if number < 9 else None, compared.append)

    def take(*values, input_set=0, contender=0):
        for value in values:
            file = tmp_path / f"{len(list(tmp_path.iterdir()))}.npz"
            tensors.save(file, {"other name": value})
            found.take(ChangedOutput(0, contender, input_set, file))
        return len(compared), found.roughly

    return take


def noisy(seed):
    return RIGHT["y"] + np.random.default_rng(seed).normal(size=(4, 50)) * 1e-6


def test_of_many_that_are_no_farther_off_a_few_are_compared_in_full(answers):
    assert answers(*(noisy(seed) for seed in range(FEW))) == (FEW, 0)
    full, roughly = answers(*(noisy(seed) for seed in range(FEW, 40)))
    assert full <= FEW + 2 and full + roughly == 40


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 50)), np.full((4, 50), np.nan), RIGHT["y"][:2], np.where(np.arange(50) == 7, 0, RIGHT["y"])]
)
def test_one_that_is_farther_off_is_compared_in_full_however_late(answers, wrong):
    before, _ = answers(*(noisy(seed) for seed in range(30)))
    assert answers(wrong)[0] == before + 1


def test_each_contender_and_set_has_its_own(answers):
    answers(*(noisy(seed) for seed in range(FEW)))
    assert answers(noisy(50), input_set=1)[0] == FEW + 1
    assert answers(noisy(51), contender=1)[0] == FEW + 2


def test_without_a_right_answer_each_is_handed_on(answers):
    assert answers(*(noisy(seed) for seed in range(20)), input_set=9) == (20, 0)


def test_errors_of_whole_numbers_and_of_what_masks():
    right = {"a": np.array([1, 2]), "b": np.array([1.0, -np.inf, np.nan])}
    assert errors([np.array([1, 2]), right["b"]], right).tolist() == [0, 0, 0, 0]
    assert errors([np.array([1, 4]), np.array([1.0, np.inf, np.nan])], right).tolist() == [2, 1, np.inf, np.inf]
    assert np.isinf(errors([np.array([1, 2])], right)).all()
