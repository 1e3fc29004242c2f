"""Agreement of logits, with the margin below which the judge itself cannot tell."""

import numpy as np
import pytest

from benchlib.accuracy import compare
from benchlib.accuracy.ranking import agreement, ranks_classes

LOGITS = np.array([[9.0, 8, 7, 6, 5, 4, 3, 2], [2, 3, 4, 5, 6, 7, 8, 9]])


def test_equal_logits_agree():
    assert agreement(LOGITS, LOGITS, 0, 0) == {"top1": 1, "top5": 1}


def test_another_first_class_counts_unless_the_margin_is_within_the_tolerance():
    found = LOGITS.copy()
    found[0, :2] = 8, 9
    assert agreement(found, LOGITS, 0.1, 0) == {"top1": 0.5, "top5": 1}
    assert agreement(found, LOGITS, 1.1, 0) == {"top1": 1, "top5": 1}
    assert agreement(found, LOGITS, 0, 0.12) == {"top1": 1, "top5": 1}


def test_classes_that_leave_the_first_five_count():
    found = LOGITS.copy()
    found[0, :2] = 0, 1
    assert agreement(found, LOGITS, 0.1, 0) == pytest.approx({"top1": 0.5, "top5": 0.8})


def test_ties_are_disagreements():
    found = np.array([[9.0, 9, 7, 6, 5, 4, 3, 2]])
    assert agreement(found, LOGITS[:1], 0, 0) == {"top1": 0, "top5": 1}
    assert agreement(found, LOGITS[:1], 1, 0)["top1"] == 1, "the judge itself cannot tell them apart"
    assert agreement(np.full_like(LOGITS, -35.0), LOGITS, 0, 0) == {"top1": 0, "top5": 0}


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_sorting_says(seed):
    chance = np.random.default_rng(seed)
    judge, found = chance.normal(size=(2, 3, 50, 40))
    first = [set(np.argsort(row)[-5:]) for row in judge.reshape(-1, 40)]
    other = [set(np.argsort(row)[-5:]) for row in found.reshape(-1, 40)]
    result = agreement(found, judge, 0, 0)
    assert result["top5"] == pytest.approx(np.mean([len(a & b) / 5 for a, b in zip(first, other, strict=True)]))
    assert result["top1"] == pytest.approx(np.mean(judge.argmax(-1) == found.argmax(-1)))


def test_which_outputs_are_logits():
    rows = np.zeros((2, 10), np.float32)
    assert ranks_classes("logits", rows, "")
    assert ranks_classes("prediction_logits", np.zeros((1, 3, 10)), "")
    assert ranks_classes("x", rows, "image-classification")
    assert not ranks_classes("x", rows, "feature-extraction")
    assert not ranks_classes("logits", np.zeros((2, 2)), "")
    assert "top1_agreement" in compare({0: {"logits": rows}}, {0: {"logits": rows}}, "float32").metrics
