"""The checker against mutants: every planted error is caught, right answers never raise an alarm."""

import numpy as np
import pytest

from benchlib.accuracy import TOLERANCES, compare

CHANCE = np.random.default_rng(0)
REFERENCE = {"logits": CHANCE.normal(size=(4, 7)).astype(np.float32), "ids": np.arange(8)}


def mutant(change):
    outputs = {name: array.copy() for name, array in REFERENCE.items()}
    return change(outputs) or outputs


def _set(name, index, value):
    def change(outputs):
        outputs[name][index] = value

    return change


MUTANTS = {
    "dtype": lambda o: {**o, "logits": o["logits"].astype(np.float64)},
    "one NaN": _set("logits", (1, 2), np.nan),
    "one infinity": _set("logits", (1, 2), np.inf),
    "shape": lambda o: {**o, "logits": o["logits"][:, :6]},
    "swapped": lambda o: {"ids": o["ids"], "logits": o["logits"]},
    "missing": lambda o: {"logits": o["logits"]},
    "extra": lambda o: {**o, "more": np.zeros(1)},
    "bias in one channel": lambda o: {**o, "logits": o["logits"] + np.float32(1e-3) * (np.arange(7) == 3)},
    "last token": _set("logits", (3, 6), 9.0),
    "one integer": _set("ids", 5, 6),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught(name):
    outputs = {k: np.asarray(v, dtype=getattr(v, "dtype", None)) for k, v in mutant(MUTANTS[name]).items()}
    check = compare(outputs, REFERENCE, "float32")
    assert not check.equal
    assert check.problem


def test_a_transposed_square_output_is_caught():
    square = CHANCE.normal(size=(5, 5)).astype(np.float32)
    assert not compare({"y": np.ascontiguousarray(square.T)}, {"y": square}, "float32").equal


def test_a_wrong_imaginary_part_is_caught():
    values = np.array([1 + 1j, 2 - 1j], np.complex64)
    assert not compare({"y": values.conj()}, {"y": values}, "float32").equal


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_right_answers_raise_no_alarm(seed, dtype):
    values = np.random.default_rng(seed).normal(size=(16, 64)).astype(dtype)
    noisy = (
        values * (1 + np.random.default_rng(seed + 1).normal(size=values.shape) * TOLERANCES[dtype][0] / 10)
    ).astype(dtype)
    check = compare({"y": noisy}, {"y": values}, dtype)
    assert check.equal, check.problem
    assert 0 <= check.metrics["discrepancies_abs"] < 1


def test_equal_nans_and_infinities_are_equal():
    values = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    check = compare({"y": values.copy()}, {"y": values}, "float32")
    assert check.equal
    assert check.metrics["discrepancies_abs"] == 0
    assert not compare({"y": np.array([np.nan, -np.inf, -np.inf, 1], np.float32)}, {"y": values}, "float32").equal


def test_empty_outputs_compare():
    assert compare({"y": np.zeros((0, 3), np.float32)}, {"y": np.zeros((0, 3), np.float32)}, "float32").equal


def test_the_figures_are_the_discrepancies():
    check = compare({"y": np.array([1.0, 2.5], np.float32)}, {"y": np.array([1.0, 2.0], np.float32)}, "float32")
    assert check.metrics["discrepancies_abs"] == pytest.approx(0.5)
    assert check.metrics["discrepancies_rel"] == pytest.approx(0.25, rel=1e-4)
    assert check.metrics["discrepancies_avg"] == pytest.approx(0.25)
    assert check.metrics["discrepancies_n"] == 1
    assert check.metrics["discrepancies_share"] == pytest.approx(0.5 / (1e-5 + 2e-4))
