"""The checker against mutants: every planted error is caught, right answers never raise an alarm."""

import numpy as np
import pytest
from benchlib_planted import mutants

from benchlib import accuracy
from benchlib.accuracy import TOLERANCES, discrepancies, tolerance_for
from benchlib.dtypes import MIXED
from benchlib.tensors import labelled, values

CHANCE = np.random.default_rng(0)
RECORDED, OTHER = (CHANCE.normal(size=(1, 8)).astype(np.float32) for _ in range(2))


def compare(found, reference, dtype, *, exact=None, **more):
    """The comparison for one set of inputs."""
    exact = None if exact is None else {0: exact}
    return accuracy.compare({0: found}, {0: reference}, dtype, exact=exact, **more)


def widened(outputs):
    wide = {"f": np.float64, "c": np.complex128}
    return {name: a.astype(wide.get(a.dtype.kind, a.dtype)) for name, a in outputs.items()}


def rounded(numbers: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers in a dtype; bfloat16 as its bits, rounded to nearest."""
    if dtype != "bfloat16":
        return numbers.astype(dtype)
    bits = numbers.astype(np.float32).view(np.uint32)
    return labelled(((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16), "bfloat16")


@pytest.mark.parametrize("judge", ["float64", "its own dtype"])
@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_every_mutant_is_caught(name, judge):
    right = mutants.right(RECORDED)
    exact = widened(right) if judge == "float64" else None
    assert compare(right, right, "float32", exact=exact).equal
    check = compare(mutants.MUTANTS[name](right), right, "float32", exact=exact)
    assert not check.equal
    assert check.problem


def test_a_constant_in_the_place_of_an_input_is_caught_by_other_inputs():
    right, other = mutants.right(RECORDED), mutants.right(OTHER)
    assert compare(right, right, "float32").equal
    check = accuracy.compare({0: right, 1: right}, {0: right, 1: other}, "float32")
    assert not check.equal
    assert check.problem.startswith("right for the recorded inputs alone; for input set 1: output 0 `logits`")
    assert {row.inputs: row.passes for row in check.rows if row.name == "logits"}[0], "alone it is right"
    assert accuracy.compare({0: right, 1: other}, {0: right, 1: other}, "float32").equal


def test_what_is_valid_for_the_recorded_shape_alone_is_caught_by_other_shapes():
    def model(x):
        return {"y": x / x.shape[1] + np.arange(x.shape[1], dtype=np.float32)}

    def exported(x):  # the length 8 has become a constant
        return {"y": x / np.float32(8) + np.resize(np.arange(8, dtype=np.float32), x.shape[1])}

    shapes = {0: (1, 8), 1: (1, 7), 2: (3, 16)}
    inputs = {n: CHANCE.normal(size=shape).astype(np.float32) for n, shape in shapes.items()}
    checks = {n: compare(exported(x), model(x), "float32") for n, x in inputs.items()}
    assert [check.equal for check in checks.values()] == [True, False, False]
    found, right = ({n: f(x) for n, x in inputs.items()} for f in (exported, model))
    assert accuracy.compare(found, right, "float32").problem.startswith(
        "right for the recorded inputs alone; for input set 1: "
    )


@pytest.mark.parametrize("dtype", [name for name in TOLERANCES if name != MIXED])
@pytest.mark.parametrize("seed", range(20))
def test_right_answers_raise_no_alarm(seed, dtype):
    """Two roundings of one model: sums of products in another order; inputs, weights, the intermediate and the
    outputs in the dtype, half precision summed in float32, as kernels do."""
    chance = np.random.default_rng(seed)
    shapes = ((4, 64), (64, 64), (64, 9))
    x, first, second = (values(rounded(chance.normal(size=shape) / 8, dtype)) for shape in shapes)
    x, summed = 8 * x, np.float64 if dtype == "float64" else np.float32
    exact = {"logits": np.tanh(x.astype(np.float64) @ first.astype(np.float64)) @ second.astype(np.float64)}

    def product(left, right, order):
        return sum(np.outer(left[:, i], right[i]).astype(summed) for i in order)

    def model(order):
        hidden = values(rounded(np.tanh(product(x.astype(summed), first.astype(summed), order)), dtype))
        return {"logits": rounded(product(hidden.astype(summed), second.astype(summed), order), dtype)}

    eager, other = model(range(64)), model(range(63, -1, -1))
    for judge in (exact, None):
        check = compare(other, eager, dtype, exact=judge)
        assert check.equal, check.problem
        assert check.metrics["top1_agreement"] == 1
    assert compare(eager, eager, dtype, exact=exact).metrics["rmse_ratio"] == 1


def test_an_error_beyond_the_tolerance_is_right_where_eager_has_it_too():
    exact = {"y": CHANCE.normal(size=4000)}
    eager = {"y": (exact["y"] + 1e-3 * CHANCE.normal(size=4000)).astype(np.float32)}

    def other(error):
        return {"y": (exact["y"] + error * CHANCE.normal(size=4000)).astype(np.float32)}

    check = compare(other(1.5e-3), eager, "float32", exact=exact)
    assert check.equal
    assert check.metrics["tolerance_share"] > 1
    assert check.rows[0].passes == "eager's error"
    assert 1.3 < check.metrics["rmse_ratio"] < 1.7
    wrong = compare(other(3e-3), eager, "float32", exact=exact)
    assert not wrong.equal
    assert "times eager's own" in wrong.problem
    assert not compare(other(1.5e-3), eager, "float32").equal, "only float64 can excuse it"


def test_one_element_far_off_is_not_excused_by_the_mean():
    exact = {"y": CHANCE.normal(size=1_000_000)}
    eager = {"y": (exact["y"] + 1e-3 * CHANCE.normal(size=1_000_000)).astype(np.float32)}
    other = {"y": (exact["y"] + 1e-3 * CHANCE.normal(size=1_000_000)).astype(np.float32)}
    assert compare(other, eager, "float32", exact=exact).equal
    other["y"][77] += 1
    check = compare(other, eager, "float32", exact=exact)
    assert check.metrics["rmse_ratio"] < 2
    assert not check.equal


def test_whole_numbers_may_be_those_of_either_rounding():
    ids, exact = np.array([3, 1, 2]), np.array([3, 2, 1])
    for found in (ids, exact):
        assert compare({"ids": found}, {"ids": ids}, "float32", exact={"ids": exact}).equal
    check = compare({"ids": np.array([1, 2, 3])}, {"ids": ids}, "float32", exact={"ids": exact})
    assert check.problem == "output 0 `ids`: 2 of 3 elements are off"
    assert compare({"b": np.array([True])}, {"b": np.array([False])}, "float32").metrics["elements_beyond"] == 1


def test_equal_nans_and_infinities_are_equal():
    odd = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    check = compare({"y": odd.copy()}, {"y": odd}, "float32")
    assert check.equal
    assert check.metrics["rmse"] == 0
    assert not compare({"y": np.array([np.nan, -np.inf, -np.inf, 1], np.float32)}, {"y": odd}, "float32").equal


def test_empty_outputs_and_scalars_compare():
    for array in (np.zeros((0, 3), np.float32), np.float32(2).reshape(()), np.array(5)):
        assert compare({"y": array}, {"y": array}, "float32", exact=widened({"y": array})).equal
    assert not compare({"y": np.array(5)}, {"y": np.array(6)}, "float32").equal


def test_what_masks_does_not_widen_the_tolerance():
    masked = np.array([0.1, 0.2, -3.4028234663852886e38], np.float32)
    assert not compare({"y": masked + np.float32([0.001, 0, 0])}, {"y": masked}, "float32").equal


def test_the_figures_are_those_of_a_plain_loop():
    found, right = np.array([1.0, 2.5, -3.0], np.float32), np.array([1.0, 2.0, -4.0])
    (row,) = compare({"y": found}, {"y": right.astype(np.float32)}, "float32", exact={"y": right}).rows
    error = [abs(float(f) - float(r)) for f, r in zip(found, right, strict=True)]
    spread = (sum((r - sum(right) / 3) ** 2 for r in right) / 3) ** 0.5
    allowed = [1e-5 * max(1, spread) + 1e-4 * abs(r) for r in right]
    assert row.max_abs == row.q999_abs == 1
    assert row.mean_abs == pytest.approx(0.5)
    assert row.max_rel == pytest.approx(0.25, rel=1e-5)
    assert row.rmse == pytest.approx((sum(e * e for e in error) / 3) ** 0.5)
    assert row.rmse_ratio == np.inf
    assert row.share == pytest.approx(max(e / a for e, a in zip(error, allowed, strict=True)))
    assert row.beyond == 2
    assert row.cosine == pytest.approx(18 / (1 + 6.25 + 9) ** 0.5 / 21**0.5)


def test_figures_of_many_blocks_are_those_of_one(monkeypatch):
    from benchlib.accuracy import figures

    right = CHANCE.normal(size=1001) + 1j * CHANCE.normal(size=1001)
    found = right + 1e-3 * CHANCE.normal(size=1001)
    found[5] = complex(np.nan, np.inf)
    whole = figures.figures(found, right, TOLERANCES["float32"], "complex128", 1.0)
    monkeypatch.setattr(figures, "BLOCK", 7)
    parts = figures.figures(found, right, TOLERANCES["float32"], "complex128", 1.0)
    assert vars(whole) == pytest.approx(vars(parts), rel=1e-12)
    assert whole.nonfinite == 2


def test_discrepancies_are_those_from_the_reference():
    metrics = discrepancies(
        {"y": np.array([1.0, 2.5], np.float32), "n": np.array([1, 3])},
        {"y": np.array([1.0, 2.0], np.float32), "n": np.array([1, 1])},
        TOLERANCES["float32"],
    )
    assert metrics["discrepancies_abs"] == pytest.approx(2)
    assert metrics["discrepancies_avg"] == pytest.approx(2.5 / 4)
    assert metrics["discrepancies_n"] == 2
    assert metrics["discrepancies_share"] == np.inf


def test_a_study_may_set_another_tolerance():
    found, right = {"y": np.float32([1.01])}, {"y": np.float32([1.0])}
    assert not compare(found, right, "float32").equal
    own = tolerance_for("float32", {"rtol": 0.02, "reason": "as good as the sensor"})
    assert (own.rtol, own.atol, own.reason) == (0.02, 1e-5, "as good as the sensor")
    check = compare(found, right, "float32", tolerance=own)
    assert check.equal
    assert check.metrics["tolerance_reason"] == "as good as the sensor"


def noisy(array: np.ndarray, correlation: float) -> np.ndarray:
    """The array plus noise that leaves this correlation in each row."""
    noise = np.random.default_rng(1).normal(size=array.shape)
    centered = array - array.mean(axis=-1, keepdims=True)
    noise -= noise.mean(axis=-1, keepdims=True)
    noise -= centered * (noise * centered).sum(-1, keepdims=True) / (centered**2).sum(-1, keepdims=True)
    length = np.linalg.norm(centered, axis=-1, keepdims=True) * np.sqrt(1 / correlation**2 - 1)
    return (array + noise * length / np.linalg.norm(noise, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("dtype", "similar", "equal"), [("int8", 0.992, True), ("int8", 0.988, False), ("int4", 0.982, True)]
)
def test_few_bits_are_judged_by_correlation_and_never_by_closeness(dtype, similar, equal):
    right = {"y": np.random.default_rng(0).normal(size=(4, 256)).astype(np.float32) - 35}
    found = compare({"y": noisy(right["y"], similar)}, right, "float32", tolerance=tolerance_for(dtype))
    assert found.equal is equal
    assert found.rows[0].cosine > 0.999, "an offset is all that it sees"
    assert equal or "correlation 0.98" in found.problem
    close = {"y": (right["y"] + 35) * np.float32(1e-3)}
    turned = {"y": close["y"][::-1] * -1}
    assert not compare(turned, close, "float32", tolerance=tolerance_for(dtype)).equal  # close, and another direction


def test_few_bits_that_rank_other_classes_are_inaccurate():
    scores = np.tile(np.linspace(10, 0, 400, dtype=np.float32), (4, 1))
    swapped = scores.copy()
    swapped[:, :10] = scores[:, 9::-1]
    check = compare({"logits": swapped}, {"logits": scores}, "float32", tolerance=tolerance_for("int8"))
    assert "0% of the first five classes" in check.problem
    same = compare({"logits": scores + 0.01}, {"logits": scores}, "float32", tolerance=tolerance_for("int8"))
    assert same.equal
    assert same.rows[0].passes == "correlation and classes"


def test_a_single_number_of_few_bits_has_to_be_close():
    right = {"loss": np.float32(4.0)[None]}
    assert compare({"loss": right["loss"] * 1.05}, right, "float32", tolerance=tolerance_for("int8")).equal
    assert not compare({"loss": right["loss"] * 1.5}, right, "float32", tolerance=tolerance_for("int8")).equal


def test_one_bad_element_of_eager_excuses_no_other():
    exact = {"y": CHANCE.normal(size=(1, 400))}
    eager = exact["y"] + 1e-6 * CHANCE.normal(size=(1, 400))
    eager[0, 7] += 0.3
    other = eager.copy()
    other[0, :7] += 0.02
    other[0, 8:] += 0.02
    found, own = ({"y": a.astype(np.float32)} for a in (other, eager))
    assert compare(own, own, "float32", exact=exact).equal
    assert not compare(found, own, "float32", exact=exact).equal


def test_the_worst_slice_is_named_with_its_share():
    right = {"logits": CHANCE.normal(size=(4, 8, 30)).astype(np.float32)}
    wrong = {"logits": right["logits"].copy()}
    wrong["logits"][..., 5] = 0
    check = compare(wrong, right, "float32", exact=widened(right))
    assert check.problem.startswith("output 0 `logits`, class 5: off by ")
    assert check.metrics["worst_slice"] == "output 0 `logits`, class 5"
    assert check.metrics["slice_share"] > 1000
    assert check.rows[0].worst_slice == "class 5"


def test_right_by_the_tolerance_alone_is_counted():
    exact = {"y": CHANCE.normal(size=(4, 100))}
    eager = {"y": exact["y"].astype(np.float32)}
    near = {"y": (exact["y"] * (1 + 9e-5)).astype(np.float32)}
    check = compare(near, eager, "float32", exact=exact)
    assert check.equal
    assert check.metrics["passes_by_tolerance"] == 1
    assert compare(eager, eager, "float32", exact=exact).metrics["passes_by_tolerance"] == 0


def test_a_pass_that_computes_in_another_dtype_is_held_to_that_one():
    exact = {"y": np.maximum(CHANCE.normal(size=(8, 64)) - np.arange(64) / 30, 0)}
    half = {"y": exact["y"].astype(np.float16).astype(np.float32)}
    eager = {"y": exact["y"].astype(np.float32)}
    assert compare(half, eager, "float32", exact=exact, tolerance=tolerance_for("float16")).equal
    wrong = {"y": half["y"] * np.float32(1.05)}
    assert not compare(wrong, eager, "float32", exact=exact, tolerance=tolerance_for("float16")).equal
    assert not compare({"y": half["y"]}, eager, "float32", exact=exact).equal


def test_of_whole_numbers_a_coarse_dtype_may_give_some_others():
    ids = np.arange(100).reshape(10, 10)
    own, found = ids.copy(), ids.copy()
    own[0, :2] += 1
    found[5, :6] += 1
    for dtype, equal in (("float32", False), ("bfloat16", True)):
        assert compare({"ids": found}, {"ids": own}, dtype, exact={"ids": ids}).equal is equal
    found[6, :1] += 1
    assert not compare({"ids": found}, {"ids": own}, "bfloat16", exact={"ids": ids}).equal


def test_the_recorded_set_is_compared_in_full_beside_thinned_ones(monkeypatch):
    from benchlib import tensors

    monkeypatch.setattr(tensors, "THIN", 2000)
    full = {n: CHANCE.normal(size=(4, 32, 60)).astype(np.float32) for n in range(3)}
    right = {n: {"logits": tensors.thinned(a) if n else a} for n, a in full.items()}
    assert right[1]["logits"].shape[1] < 32
    assert accuracy.compare(right, right, "float32").equal
    for number in right:
        wrong = {n: {"logits": a["logits"].copy()} for n, a in right.items()}
        wrong[number]["logits"][1, 3] = 0
        assert not accuracy.compare(wrong, right, "float32").equal
