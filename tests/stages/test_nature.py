"""What a model is besides its answers: decided far beyond rounding, so that no healthy model is called random."""

from dataclasses import replace

import numpy as np
import pytest

from benchlib.stages.nature import Nature, Observed, differ, listed, moved, nature_of

DTYPES = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


def outputs(seed: int, size: int = 400) -> dict[str, np.ndarray]:
    return {"y": np.random.default_rng(seed).normal(size=size).astype(np.float32)}


RIGHT = outputs(0)
FUNCTION = Observed(RIGHT, RIGHT, [], "", draws=False, operators=[], changed_state=[], changed_inputs=[])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset, scale", [(0, 1), (290, 1), (0, 1e-9), (-35, 3), (1e6, 10)])
@pytest.mark.parametrize("suspected", [False, True])
def test_sums_in_another_order_are_no_randomness(dtype, offset, scale, suspected):
    for seed in range(50):
        right = np.random.default_rng(seed).normal(offset, scale, 1000)
        rounding = np.random.default_rng(seed + 1000).uniform(-4, 4, 1000) * DTYPES[dtype] * np.abs(right)
        assert not differ({"y": right}, {"y": right + rounding}, dtype, suspected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 8, 50_000])
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e9])
def test_another_draw_differs_whatever_its_size(dtype, size, scale):
    first, second = ({"y": np.random.default_rng(seed).normal(size=size) * scale} for seed in (1, 2))
    assert differ(first, second, dtype, suspected=False)


def test_one_number_that_large_ones_left_is_no_randomness():
    """Sums of a thousand in another order, which cancel each other."""
    chance = np.random.default_rng(3)
    left = [{"loss": np.array([n + 1e-6 * chance.normal()], np.float32)} for n in (0.001, 0.7, -0.4, 1.2)]
    again = {"loss": left[0]["loss"] + np.float32(3e-6)}
    assert differ(left[0], again, "float32", suspected=False)
    assert not differ(left[0], again, "float32", False, left[1:])
    drawn = [{"loss": chance.normal(size=1)} for _ in range(5)]
    assert differ(drawn[0], drawn[1], "float32", False, drawn[2:])
    assert nature_of(replace(FUNCTION, first=left[0], elsewhere=again, others=left[1:]), "float32") == Nature()


def test_of_few_numbers_each_has_its_own_measure():
    answers = [{"y": np.array([[2.9e5 + 900 * n, 0.2 + 0.1 * n]])} for n in range(4)]
    price, chance = ({"y": answers[0]["y"] + off} for off in (np.array([3e-2, 0]), np.array([0, 3e-2])))
    assert not differ(answers[0], price, "float32", False, answers[1:])
    assert differ(answers[0], chance, "float32", False, answers[1:])


def test_masked_logits_hide_no_randomness():
    first, second = ({"y": np.random.default_rng(seed).normal(size=100)} for seed in (1, 2))
    for found in (first, second):
        found["y"][::3] = -1e9
    assert differ(first, second, "float32", suspected=False)


def test_a_tie_that_rounding_decides_turns_one_class_of_many_and_is_no_randomness():
    first, second = np.arange(400) % 7, np.arange(400) % 7
    second[13] += 1
    assert not differ({"y": first}, {"y": second}, "float32", suspected=False)
    assert differ({"y": first}, {"y": second}, "float32", suspected=True)


def test_nan_is_itself_and_other_shapes_differ():
    holes = {"y": np.array([1.0, np.nan, np.inf])}
    assert not differ(holes, holes, "float32", suspected=True)
    assert differ(holes, {"y": np.array([1.0, np.nan, -np.inf])}, "float32", suspected=True)
    assert differ({"y": np.zeros(3)}, {"y": np.zeros(4)}, "float32", suspected=False)


def test_a_function_is_one_whatever_its_buffers_count():
    assert nature_of(FUNCTION, "float32") == Nature()
    counts = replace(FUNCTION, changed_state=["buffer `num_batches_tracked`"], draws=True, operators=["dropout"])
    assert nature_of(counts, "float32") == Nature(), "it draws and counts, and answers alike"


def test_what_differs_between_processes_is_random():
    found = nature_of(replace(FUNCTION, elsewhere=outputs(1), operators=["dropout", "rand_like"]), "float32")
    assert (found.kind, found.repeats) == ("random", False)
    assert found.sentence == "the model draws random numbers: dropout, rand_like"
    unknown = nature_of(replace(FUNCTION, elsewhere=outputs(1)), "float32")
    assert unknown.in_words == "random: its answers differ from process to process"


def test_one_random_element_counts_where_a_generator_moved_on():
    one = {"y": RIGHT["y"].copy()}
    one["y"][7] += 0.5
    assert nature_of(replace(FUNCTION, elsewhere=one, draws=True, operators=["bernoulli"]), "float32").kind == "random"


def test_what_differs_within_a_process_has_a_state():
    found = nature_of(replace(FUNCTION, again=[outputs(1)], changed_state=["buffer `last`"]), "float32")
    assert found.in_words == "stateful: its buffer `last`"
    assert found.sentence.startswith("the model remembers its calls: each changes its buffer `last`")
    assert nature_of(replace(FUNCTION, again=[outputs(1)]), "float32").in_words == "stateful: its state"
    assert nature_of(replace(FUNCTION, fails_again="the cache is full"), "float32").kind == "stateful"


def test_what_writes_into_its_inputs_is_a_function_all_the_same():
    found = nature_of(replace(FUNCTION, changed_inputs=["x"]), "float32")
    assert (found.in_words, found.repeats, found.sentence) == ("changes its inputs: `x`", True, "")


def test_an_output_that_hardly_moves_has_moved():
    base = {"y": np.linspace(0.0, 1.0, 100)}
    assert moved(base, {"y": base["y"] + 1e-6 * (np.arange(100) == 50)}, "float64")
    assert not moved(base, {"y": base["y"] * (1 + 2.0**-53)}, "float64")
    assert moved({"y": np.array([1, 2])}, {"y": np.array([1, 3])}, "float64")


def test_many_names_are_told_by_their_first():
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert listed([]) == ""
