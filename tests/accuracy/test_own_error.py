"""When float64 may judge, and when it may not."""

import numpy as np
import pytest

from benchlib.accuracy import misfit, own_error, too_large

EXACT = {"y": np.random.default_rng(0).normal(size=1000), "ids": np.arange(3)}
EAGER = {"y": EXACT["y"].astype(np.float32), "ids": np.arange(3)}


def test_the_error_of_rounding_does_not_stand_in_its_way():
    errors = own_error(EAGER, EXACT)
    assert errors[1] == {}
    assert errors[0]["rmse"] == pytest.approx(np.sqrt(np.mean((EAGER["y"] - EXACT["y"]) ** 2)))
    assert not misfit(EAGER, EXACT)
    assert not too_large(errors, EXACT, "float32")


@pytest.mark.parametrize(
    ("exact", "problem"),
    [
        ({"y": EXACT["y"]}, "1 outputs in float64, 2 otherwise"),
        ({**EXACT, "y": EXACT["y"][:10]}, "y has shape [10] in float64, [1000] otherwise"),
        ({**EXACT, "ids": np.arange(3.0)}, "ids is float64 in float64, int64 otherwise"),
    ],
)
def test_another_structure_cannot_be_compared(exact, problem):
    assert misfit(EAGER, exact) == problem


@pytest.mark.parametrize("change", [lambda y: y * 1.2, lambda y: np.where(y > 3, np.nan, y), lambda y: y - 1.7e308])
def test_an_error_that_would_excuse_any_other_is_too_large(change):
    exact = {**EXACT, "y": change(EXACT["y"])}
    assert too_large(own_error(EAGER, exact), exact, "float32")


def test_outputs_that_are_rounding_noise_are_near_enough():
    exact = {"y": np.zeros(10)}
    assert not too_large(own_error({"y": np.full(10, 1e-9, np.float32)}, exact), exact, "float32")
