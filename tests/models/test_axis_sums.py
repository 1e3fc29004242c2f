"""Axes that are as long as others together, and the positions behind a past."""

import numpy as np
import pytest

from benchlib.errors import UserError
from tests.models.onnx_text import MadeUp, model_of

PAST = "past_sequence_length"
MASK = f"{PAST} + sequence_length"


def decoder(mask=MASK, past=PAST, more=""):
    """As optimum exports one: the parser of texts does not take such names, so they are set afterwards."""
    text = f"""g (int64[N,sequence_length] input_ids, int64[N,M] attention_mask, float[N,2,P,4] past_key_values_key
        {more}) => (float[N,a,b] y, int64[N,c] m, float[N,2,P,4] k) {{ y = Gather(table, input_ids)
        m = Identity(attention_mask) k = Identity(past_key_values_key) }}"""
    model = model_of(text, table=np.zeros((50, 4), np.float32))
    for value in model.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in ("M", "P"):
                dim.dim_param = mask if dim.dim_param == "M" else past
    return model


@pytest.mark.parametrize(
    ("mask", "sizes", "length"),
    [
        (MASK, {"seq_length": 6}, 12),
        (MASK, {"shapes": {"input_ids": [1, 6], "past_key_values_key": [1, 2, 5, 4]}}, 11),
        (MASK, {"seq_length": 6, "shapes": {"past_key_values_key": [1, 2, 5, 4]}}, 11),
        (MASK.replace(" ", ""), {"seq_length": 6, "shapes": {"past_key_values_key": [1, 2, 5, 4]}}, 11),
        (f"{PAST} + 1", {"seq_length": 1, "shapes": {"past_key_values_key": [1, 2, 5, 4]}}, 6),
        (f"2*{PAST} + 3", {"seq_length": 1, "shapes": {"past_key_values_key": [1, 2, 5, 4]}}, 13),
        ("total_sequence_length", {"seq_length": 6, "shapes": {"past_key_values_key": [1, 2, 5, 4]}}, 11),
        ("total_sequence_length", {"shapes": {"input_ids": [1, 6], "past_key_values_key": [1, 2, 5, 4]}}, 11),
        ("total_sequence_length", {"seq_length": 6, "shapes": {"attention_mask": [1, 9]}}, 9),
    ],
)
def test_an_axis_that_is_a_sum_is_as_long_as_its_parts(mask, sizes, length):
    made = MadeUp(decoder(mask), **sizes)
    assert made.shapes["attention_mask"] == [1, length]
    made.run()


@pytest.mark.parametrize(("called", "size"), [("s77 + s27", 12), ("s27 + 1", 10), ("2*s77", 6), ("s77*s27 + 2", 29)])
def test_sums_of_symbols(called, size):
    text = "g (float[2,A] x, float[2,B] y, float[2,C] z) => (float[2,A] u) { u = Relu(x) }"
    model = model_of(text)
    for value, name in zip(model.graph.input, ("s77", "s27", called), strict=True):
        value.type.tensor_type.shape.dim[1].dim_param = name
    assert MadeUp(model, shapes={"x": [2, 3], "y": [2, 9]}).shapes["z"] == [2, size]


def test_a_sum_of_what_is_not_known_is_not_known():
    with pytest.raises(UserError, match=r"the sizes of .*attention_mask.* are not known"):
        MadeUp(decoder(), shapes={"past_key_values_key": [1, 2, 5, 4]})


def test_a_total_without_a_past_is_the_sequence():
    text = "g (int64[N,sequence_length] x, float[N,total_sequence_length] m) => (float[N,a] y) { y = Relu(m) }"
    assert MadeUp(model_of(text), seq_length=7).shapes["m"] == [1, 7]


@pytest.mark.parametrize(
    ("name", "dims"), [("position_ids", "N,sequence_length"), ("cache_position", "sequence_length")]
)
@pytest.mark.parametrize("own", [6, 1])
def test_positions_go_on_behind_the_past(name, dims, own):
    made = MadeUp(decoder(more=f", int64[{dims}] {name}"), seq_length=own, shapes={"past_key_values_key": [1, 2, 5, 4]})
    assert made.inputs[name].reshape(-1).tolist() == [*range(5, 5 + own)]
    assert not made.guessed


def test_positions_without_a_past_begin_at_zero():
    text = "g (int64[N,seq] position_ids) => (float[N,seq] y) { y = Cast<to=1>(position_ids) }"
    assert MadeUp(model_of(text), seq_length=3).inputs["position_ids"].tolist() == [[0, 1, 2]]


def test_the_past_of_an_unnamed_axis_is_that_of_its_keys():
    text = """g (int64[1,2] position_ids, float[1,2,7,4] past_key_0) => (float[1,2] y, float[1,2,7,4] k) {
        y = Cast<to=1>(position_ids) k = Relu(past_key_0) }"""
    assert MadeUp(model_of(text)).inputs["position_ids"].tolist() == [[7, 8]]
