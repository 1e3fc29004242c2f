"""When float64 may judge and when it may not, and when nothing can be proved."""

import numpy as np
import pytest

from benchlib.accuracy import cannot_judge, compare, worst_own_error

CHANCE = np.random.default_rng(0)
EXACT = {"y": CHANCE.normal(size=1000), "ids": np.arange(3)}
EAGER = {"y": EXACT["y"].astype(np.float32), "ids": np.arange(3)}
SETS = range(3)


def test_the_error_of_rounding_does_not_stand_in_its_way():
    assert not cannot_judge({0: EAGER}, {0: EXACT}, "float32")
    error = np.sqrt(np.mean((EAGER["y"] - EXACT["y"]) ** 2)) / np.sqrt(np.mean(EXACT["y"] ** 2))
    assert worst_own_error({3: EAGER}, {3: EXACT}, 3) == pytest.approx(error)


@pytest.mark.parametrize(
    ("exact", "problem"),
    [
        ({"y": EXACT["y"]}, "1 outputs in float64, 2 otherwise"),
        ({**EXACT, "y": EXACT["y"][:10]}, "y has shape [10] in float64, [1000] otherwise"),
        ({**EXACT, "ids": np.arange(3.0)}, "ids is float64 in float64, int64 otherwise"),
    ],
)
def test_another_structure_cannot_be_compared(exact, problem):
    assert cannot_judge({0: EAGER}, {0: exact}, "float32") == problem


@pytest.mark.parametrize("change", [lambda y: y * 1.2, lambda y: np.where(y > 3, np.nan, y)])
def test_an_error_that_would_excuse_any_other_is_too_large(change):
    assert cannot_judge({0: EAGER}, {0: {**EXACT, "y": change(EXACT["y"])}}, "float32")
    assert cannot_judge({0: EAGER, 1: EAGER}, {0: EXACT, 1: {**EXACT, "y": change(EXACT["y"])}}, "float32")


def test_an_error_is_not_hidden_by_what_masks():
    masked = {"y": np.append(EXACT["y"], [-1e9] * 10)}
    eager = {"y": np.append(EAGER["y"] * np.float32(1.2), [-1e9] * 10).astype(np.float32)}
    assert cannot_judge({0: eager}, {0: masked}, "float32")
    assert worst_own_error({0: eager}, {0: masked}, 0) == pytest.approx(0.2, rel=0.01)


def test_what_masks_with_the_lowest_number_does_so_in_each_dtype():
    exact = {"y": np.append(EXACT["y"], [np.finfo(np.float64).min] * 10)}
    eager = {"y": np.append(EAGER["y"], [np.finfo(np.float32).min] * 10).astype(np.float32)}
    assert worst_own_error({0: eager}, {0: exact}, 0) < 1e-6
    assert compare({0: eager}, {0: eager}, "float32", exact={0: exact}).equal


def test_outputs_that_are_rounding_noise_are_near_enough():
    assert not cannot_judge({0: {"y": np.full(10, 1e-9, np.float32)}}, {0: {"y": np.zeros(10)}}, "float32")


def checked(outputs, dtype="float32", own=None):
    """The check of outputs that equal what is right; `outputs(n)` are those of the n-th set."""
    exact = {n: {"y": np.asarray(outputs(n), np.float64)} for n in SETS}
    reference = {n: {"y": (own(n) if own else exact[n]["y"]).astype(dtype)} for n in SETS}
    return compare(reference, reference, dtype, exact=exact)


def halved(n, value):
    array = CHANCE.normal(size=100)
    array[:60] = value
    return array


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (lambda n: np.full(9, np.nan), "NaN or infinite in 100% of the elements"),
        (lambda n: halved(n, np.nan), "NaN or infinite in 60%"),
        (lambda n: halved(n, -np.inf), "NaN or infinite in 60%"),
        (lambda n: np.arange(1.0, 100.0), "100% of the elements of what is right are the same for all sets of inputs"),
        (lambda n: halved(n, np.arange(1.0, 61.0)), "60% of the elements"),
        (lambda n: np.full(1, 3.7), "100% of the elements"),
        (lambda n: np.append(np.arange(1.0, 100.0), [-1e30] * 5), "100% of the elements"),
    ],
)
def test_what_is_not_computed_from_the_inputs_proves_nothing(outputs, words):
    check = checked(outputs)
    assert check.unverified.startswith(words)
    assert check.metrics["outputs_unproven"] >= 0.6
    assert not checked(lambda n: CHANCE.normal(size=100)).unverified


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_the_same_index_for_all_inputs_proves_nothing(dtype):
    same, others = {"y": np.ones(4, dtype)}, {n: {"y": (np.arange(4) + n).astype(dtype)} for n in SETS}
    assert compare({0: same, 1: same}, {0: same, 1: same}, "float32").unverified
    assert compare(others, others, "float32").unverified == ("" if dtype == "int64" else ANY_TRUE)


ANY_TRUE = "75% of the elements of what is right are the same for all sets of inputs"


@pytest.mark.parametrize(
    "outputs",
    [
        lambda n: np.zeros((4, 10)),  # all units behind the ReLU are off
        lambda n: np.full((4, 10), 0.1) + 1e-18 * n,  # a softmax of equal logits
        lambda n: np.full((1, 2), 0.5),
        lambda n: np.eye(10)[[1, 2, n]],  # one-hot
        lambda n: np.maximum(CHANCE.normal(size=(4, 50)) - 2, 0),
        lambda n: 1 / (1 + np.exp(-400 * (np.arange(64) % 2 - 0.5 + 1e-4 * n))),  # saturated at 0 and 1
    ],
)
def test_what_is_saturated_by_design_can_be_right(outputs):
    check = checked(outputs)
    assert check.equal and not check.unverified
    exact = {n: {"y": np.asarray(outputs(n), float)} for n in SETS}
    reference = {n: {"y": right["y"].astype(np.float32)} for n, right in exact.items()}
    for wrong in (0.5, -0.1):
        other = {n: {"y": (right["y"] + wrong).astype(np.float32)} for n, right in exact.items()}
        assert not compare(other, reference, "float32", exact=exact).equal


def two_outputs(one, other):
    outputs = {n: {"anchors": np.asarray(one(n), np.float32), "scores": np.asarray(other(n), np.float32)} for n in SETS}
    return compare(outputs, outputs, "float32")


@pytest.mark.parametrize("size", [4, 5000])
def test_an_output_that_stays_leaves_it_to_the_others_and_is_named(size):
    check = two_outputs(lambda n: np.arange(1.0, 1 + size), lambda n: CHANCE.normal(size=40))
    assert check.equal and not check.unverified
    assert check.metrics["outputs_constant"] == "anchors"


@pytest.mark.parametrize(
    "others",
    [
        lambda n: np.arange(2.0, 9.0),
        lambda n: np.zeros(40),
        lambda n: np.full(40, np.nan),
        lambda n: np.append(CHANCE.normal(size=5), np.arange(1.0, 9.0)),
    ],
)
def test_beside_outputs_that_prove_nothing_either_nothing_is_proved(others):
    assert two_outputs(lambda n: np.arange(1.0, 100.0), others).unverified


def test_below_one_half_the_share_is_told():
    check = checked(lambda n: np.append(np.full(30, np.nan), CHANCE.normal(size=70)))
    assert not check.unverified
    assert check.metrics["outputs_unproven"] == pytest.approx(0.3)


def test_one_set_of_inputs_says_nothing_of_constants():
    only = {0: {"y": np.arange(1, 9, dtype=np.float32)}}
    assert not compare(only, only, "float32").unverified


def test_an_own_error_beyond_what_the_outputs_vary_by_proves_nothing():
    right = {n: CHANCE.normal(size=(8, 32)) for n in SETS}
    eager = {n: right[n] + 2 * CHANCE.normal(size=(8, 32)) for n in SETS}
    check = checked(lambda n: right[n], own=lambda n: eager[n])
    assert check.unverified.startswith("the error of float32 itself exceeds what the outputs vary by")


def test_an_output_without_elements_stands_in_nobody_s_way():
    """A detector that finds nothing."""
    outputs = {0: {"y": np.ones((2, 3), np.float32), "empty": np.zeros((2, 0), np.float32)}}
    exact = {0: {name: array.astype(np.float64) for name, array in outputs[0].items()}}
    assert not cannot_judge(outputs, exact, "float32")
    assert worst_own_error(outputs, exact, 0) == 0
    assert compare(outputs, outputs, "float32", exact=exact).equal
