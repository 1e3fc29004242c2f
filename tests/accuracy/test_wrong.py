"""Wrong outputs of every kind are caught, in each dtype: what an average over a whole tensor does not show.

Each mutant is planted into outputs that pass without it. `right` are those of float64; the reference and the candidate
are off by what the dtype leaves.
"""

import numpy as np
import pytest

from benchlib import tensors
from benchlib.accuracy import compare, tolerance_for

SETS = 4
ERRORS = {"float32": 2e-7, "float16": 4e-4, "bfloat16": 3e-3, "int8": 0.06, "int4": 0.12}  # relative to the spread
FEW_BITS = ("int8", "int4")


def logits(chance):
    return {"logits": chance.normal(size=(4, 16, 40)) * 3}


def far_logits(chance):
    return {"logits": chance.normal(size=(4, 16, 40)) * 3 - 35}


def masked(value, added):
    def outputs(chance):
        array = logits(chance)["logits"]
        array[:, 4:9, 20:] = array[:, 4:9, 20:] + value if added else value
        return {"logits": array}

    return outputs


def tiny(chance):
    return {"features": chance.normal(size=(4, 16, 40)) * 1e-12}


def small(chance):
    return {"features": chance.normal(size=(4, 64)) * 1e-6}


def image_features(chance):
    return {"features": chance.normal(size=(64, 32)) + chance.normal(size=(1, 32))}


def feature_map(chance):
    return {"features": np.maximum(chance.normal(size=(2, 24, 8, 8)), 0)}


def boxes_beside_scores(chance):
    boxes, scores = chance.uniform(0, 640, (2, 4, 64)), chance.uniform(0, 1, (2, 3, 64))
    return {"output": np.concatenate([boxes, scores], 1)}


def boxes_beside_one_score(chance):
    boxes, score = chance.uniform(0, 640, (2, 4, 64)), chance.uniform(0, 1, (2, 1, 64))
    return {"output": np.concatenate([boxes, score], 1)}


def boxes_and_scores(chance):
    return {"boxes": chance.uniform(0, 640, (2, 64, 4)), "scores": chance.uniform(0, 1, (2, 64, 3))}


def padded_detections(chance):
    """Few detections among padding: boxes in pixels beside a score."""
    array = np.zeros((1, 100, 5))
    array[0, :3, :4], array[0, :3, 4] = chance.uniform(0, 640, (3, 4)), chance.uniform(0.3, 1, 3)
    return {"output": array}


def units_along(axis):
    def outputs(chance):
        array = chance.normal(size=(6, 16, 20))
        units = 10.0 ** np.linspace(-3, 3, array.shape[axis])
        return {"output": array * np.expand_dims(units, tuple(i for i in range(3) if i != axis))}

    return outputs


def regressor(chance):
    return {"price": 290 + 20 * chance.normal(size=(1, 1))}


def regressors(chance):
    return {"price": 290 + 20 * chance.normal(size=(16, 1))}


def price_and_chance(chance):
    return {"output": np.stack([290 + 20 * chance.normal(size=3), chance.uniform(0.2, 0.8, 3)], 1)}


def put(name, index, value):
    """`value` in the place of what stands at `index`: a number, or a function of what stands there."""

    def change(outputs):
        array = outputs[name]
        array[index] = value(array[index]) if callable(value) else value

    return change


def shuffled(name, axis):
    def change(outputs):
        order = np.random.default_rng(5).permutation(outputs[name].shape[axis])
        outputs[name] = np.take(outputs[name], order, axis)

    return change


def swapped(name, axis, one, other):
    def change(outputs):
        order = np.arange(outputs[name].shape[axis])
        order[[one, other]] = other, one
        outputs[name] = np.take(outputs[name], order, axis)

    return change


def noise_like(array):
    return np.random.default_rng(6).normal(size=array.shape) * array.std() + array.mean()


def mean_of(array):
    return np.full_like(array, array.mean())


def shuffled_behind(array):
    return array[..., ::-1]


EVERY = ...
MUTANTS = {
    "constant": (logits, put("logits", EVERY, mean_of)),
    "constant -35": (far_logits, put("logits", EVERY, -35.0)),
    "noise": (logits, put("logits", EVERY, noise_like)),
    "noise around -35": (far_logits, put("logits", EVERY, noise_like)),
    "x 1.2": (logits, put("logits", EVERY, lambda a: a * 1.2)),
    "x 1000": (logits, put("logits", EVERY, lambda a: a * 1000)),
    "x 1e-6": (far_logits, put("logits", EVERY, lambda a: a * 1e-6)),
    "negated": (logits, put("logits", EVERY, lambda a: -a)),
    "shuffled within each row": (logits, shuffled("logits", 2)),
    "positions shuffled": (logits, shuffled("logits", 1)),
    "one item zero": (logits, put("logits", (2,), 0.0)),
    "one image of 64 zero": (image_features, put("features", (37,), 0.0)),
    "two images of 64 swapped": (image_features, swapped("features", 0, 5, 6)),
    "one position zero": (logits, put("logits", (slice(None), 7), 0.0)),
    "one row shuffled": (logits, put("logits", (1, 3), shuffled_behind)),
    "one class zero": (logits, put("logits", (..., 11), 0.0)),
    "two classes swapped": (logits, swapped("logits", 2, 4, 9)),
    "one channel negated": (feature_map, put("features", (slice(None), 5), lambda a: a * 0.0)),
    "two channels swapped": (feature_map, swapped("features", 1, 3, 8)),
    "ties": (logits, put("logits", EVERY, lambda a: np.full_like(a, 2.0))),
    "two values": (logits, put("logits", EVERY, np.sign)),
    "negated beside -1e9": (masked(-1e9, False), put("logits", EVERY, lambda a: np.where(a > -1e8, -a, a))),
    "shuffled beside -1e9": (masked(-1e9, False), put("logits", (..., slice(0, 20)), shuffled_behind)),
    "shuffled beside -1e30": (masked(-1e30, False), put("logits", (..., slice(0, 20)), shuffled_behind)),
    "shuffled beside -1e4 added": (masked(-1e4, True), put("logits", (..., slice(0, 20)), shuffled_behind)),
    "negated beside the lowest": (
        masked(-3.4028234663852886e38, False),
        put("logits", EVERY, lambda a: np.where(a > -1e30, -a, a)),
    ),
    "shuffled beside -inf": (masked(-np.inf, False), put("logits", (..., slice(0, 20)), shuffled_behind)),
    "zero beside -inf": (masked(-np.inf, False), put("logits", (..., slice(0, 20)), 0.0)),
    "not masked": (masked(-1e9, False), put("logits", EVERY, lambda a: np.where(a < -1e8, 0.0, a))),
    "outputs of 1e-12 negated": (tiny, put("features", EVERY, lambda a: -a)),
    "outputs of 1e-12 zero": (tiny, put("features", EVERY, 0.0)),
    "outputs of 1e-6 negated": (small, put("features", EVERY, lambda a: -a)),
    "scores zero beside boxes": (boxes_beside_scores, put("output", (slice(None), slice(4, None)), 0.0)),
    "one class of scores zero": (boxes_beside_scores, put("output", (slice(None), 5), 0.0)),
    "the only score zero": (boxes_beside_one_score, put("output", (slice(None), 4), 0.0)),
    "few scores zero beside boxes": (padded_detections, put("output", (..., 4), 0.0)),
    "scores zero": (boxes_and_scores, put("scores", EVERY, 0.0)),
    "the smallest of units along items": (units_along(0), put("output", (0,), lambda a: -a)),
    "the smallest of units along positions": (units_along(1), put("output", (slice(None), 0), lambda a: -a)),
    "the smallest of units along channels": (units_along(2), put("output", (..., 0), lambda a: -a)),
    "one element": (logits, put("logits", (1, 2, 3), lambda a: a + 20.0)),
    "a regressor that answers 290": (regressor, put("price", EVERY, 290.0)),
    "regressors that answer 290": (regressors, put("price", EVERY, 290.0)),
    "regressors shuffled": (regressors, shuffled("price", 0)),
    "one NaN": (logits, put("logits", (0, 0, 0), np.nan)),
    "a chance turned over beside a price": (price_and_chance, put("output", (..., 1), lambda a: 1 - a)),
    "the same chance always beside a price": (price_and_chance, put("output", (..., 1), 0.5)),
}
FEW_OF_MIXED_UNITS = [name for name in MUTANTS if "beside a price" in name]  # too few for a correlation each
# float16 has no such numbers, whether right or wrong.
TOO_SMALL = ("outputs of 1e-12 negated", "outputs of 1e-12 zero", "outputs of 1e-6 negated")
TOO_LARGE = [name for name in MUTANTS if "1e9" in name or "1e30" in name or "lowest" in name or name == "not masked"]


def rounded(numbers, dtype):
    """Numbers as an array of the dtype; bfloat16 as its bits, rounded to nearest."""
    if dtype != "bfloat16":
        return numbers.astype("float32" if dtype in FEW_BITS else dtype)
    bits = numbers.astype(np.float32).view(np.uint32)
    return tensors.labelled(((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16), "bfloat16")


def noisy(outputs, chance, error):
    """The outputs with an error relative to their spread: along the axis whose indices differ most, where they do."""
    found = {}
    for name, array in outputs.items():
        ordinary = np.isfinite(array) & (np.abs(array) < 1e3) & (array != 0)
        numbers = np.ma.array(array, mask=~ordinary)
        along = [
            numbers.std(axis=tuple(i for i in range(array.ndim) if i != axis), keepdims=True)
            for axis in range(array.ndim)
        ]
        along = [size for size in along if size.count() == size.size and size.min() > 0]
        size = max(along, key=lambda size: size.max() / size.min(), default=numbers.std())
        size = (
            size
            if len(along) and size.max() > 5 * size.min()
            else max(float(numbers.std()), 1e-3 * float(np.abs(numbers).max()))
        )
        with np.errstate(invalid="ignore"):
            found[name] = np.where(
                ordinary, array + error * np.ma.getdata(size) * chance.normal(size=array.shape), array
            )
    return found


def computed(name, dtype, mutate):
    """For each set of inputs its number, the right outputs, what a way that computes in `dtype` gives for them, and the
    generator from which its reference's noise is drawn."""
    build, change = MUTANTS[name]
    chance = np.random.default_rng(3)
    for number in range(SETS):
        right = build(chance)
        own = noisy(right, chance, ERRORS[dtype])
        if mutate:
            change(own)
        yield number, right, own, chance


def planted(name, dtype, mutate=True):
    """The candidate's, the reference's and the right outputs for some sets of inputs."""
    candidate, reference, exact = {}, {}, {}
    for number, right, own, chance in computed(name, dtype, mutate):
        noise = right if dtype in FEW_BITS else noisy(right, chance, ERRORS[dtype])
        exact[number] = right
        candidate[number] = {n: rounded(a, dtype) for n, a in own.items()}
        reference[number] = {n: rounded(a, dtype) for n, a in noise.items()}
    return candidate, reference, exact


def check_of(name, dtype, mutate=True, judged_by_float64=True):
    candidate, reference, exact = planted(name, dtype, mutate)
    exact = exact if judged_by_float64 else None
    own = "float32" if dtype in FEW_BITS else dtype
    return compare(candidate, reference, own, exact=exact, tolerance=tolerance_for(dtype))


CASES = [
    (name, dtype)
    for name in MUTANTS
    for dtype in ERRORS
    if name not in {"float16": (*TOO_SMALL, *TOO_LARGE), **dict.fromkeys(FEW_BITS, FEW_OF_MIXED_UNITS)}.get(dtype, ())
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_every_mutant_is_caught(name, dtype):
    right = check_of(name, dtype, mutate=False)
    assert right.equal, right.problem
    assert not right.unverified, right.unverified
    wrong = check_of(name, dtype)
    assert not wrong.equal
    assert wrong.problem.startswith("output ")


def computed_in_half(name, dtype, mutate):
    """The check of a float32 trial whose way computes in half precision and casts its outputs back."""
    candidate, reference, exact = {}, {}, {}
    for number, right, own, chance in computed(name, dtype, mutate):
        noise = noisy(right, chance, ERRORS["float32"])
        exact[number] = right
        candidate[number] = {n: tensors.values(rounded(a, dtype)).astype(np.float32) for n, a in own.items()}
        reference[number] = {n: a.astype(np.float32) for n, a in noise.items()}
    return compare(candidate, reference, "float32", exact=exact, tolerance=tolerance_for(dtype))


HALF = [(name, dtype) for name, dtype in CASES if dtype in ("float16", "bfloat16") and "lowest" not in name]


@pytest.mark.parametrize(("name", "dtype"), HALF)
def test_mutants_of_passes_to_half_precision_are_caught(name, dtype):
    right = computed_in_half(name, dtype, mutate=False)
    assert right.equal, right.problem
    assert not computed_in_half(name, dtype, mutate=True).equal


@pytest.mark.parametrize(("name", "dtype"), CASES[::3])
def test_mutants_are_caught_without_float64(name, dtype):
    right = check_of(name, dtype, mutate=False, judged_by_float64=False)
    assert right.equal, right.problem
    assert not check_of(name, dtype, judged_by_float64=False).equal
