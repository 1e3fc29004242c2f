"""Whole numbers that operators and names settle: those of a search, of attention behind a cache, of a padding."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.models.onnx_text import MadeUp, model_of


def of_node(operator, inputs, outputs, dims, **attributes):
    """A graph of one node of com.microsoft: its inputs by name, with type and shape ("" leaves one out)."""
    values = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs if name]
    node = helper.make_node(operator, [n for n, _, _ in inputs], list(outputs), domain="com.microsoft", **attributes)
    given = [helper.make_tensor_value_info(name, kind, dims[name]) for name, kind in outputs.items()]
    graph = helper.make_graph([node], "g", values, given)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, ir_version=9, opset_imports=domains)


NO = ("", 0, [])
I32, F32 = TensorProto.INT32, TensorProto.FLOAT
SEARCHES = {
    "BeamSearch": ["max_length", "min_length", "num_beams", "num_return_sequences", "length_penalty",
                   "repetition_penalty", "vocab_mask", "prefix_vocab_mask"],
    "GreedySearch": ["max_length", "min_length", "repetition_penalty", "vocab_mask", "prefix_vocab_mask"],
    "Sampling": ["max_length", "min_length", "repetition_penalty", "vocab_mask", "prefix_vocab_mask"],
}  # fmt: skip
HELD = {"max_length": 18, "vocab_mask": 1, "prefix_vocab_mask": 1, "repetition_penalty": 1, "length_penalty": 1,
        "min_length": 1, "num_beams": 1, "num_return_sequences": 1}  # fmt: skip


@pytest.mark.parametrize("operator", SEARCHES)
@pytest.mark.parametrize("prefix", ["", "x"])
def test_what_a_search_takes_is_known_by_its_operator(operator, prefix):
    shapes = {"vocab_mask": [99], "prefix_vocab_mask": [2, 99]}
    inputs = [("input_ids", I32, [2, 8])]
    for number, name in enumerate(SEARCHES[operator]):
        called = f"{prefix}{number}" if prefix else name
        inputs.append((called, F32 if "penalty" in name else I32, shapes.get(name, [1])))
    made = MadeUp(of_node(operator, inputs, {"y": I32}, {"y": [2, 1, 18]}, eos_token_id=1, pad_token_id=0))
    for (called, _, _), name in zip(inputs[1:], SEARCHES[operator], strict=True):
        assert (made.inputs[called] == HELD[name]).all(), name
    assert not made.guessed


@pytest.mark.parametrize("name", ["num_return_sequences", "num_beams", "beam_size"])
def test_how_many_are_asked_for_is_one(name):
    text = f"g (int64[N,sequence] input_ids, int64 {name}) => (float[a,b] y) {{ y = Cast<to=1>({name}) }}"
    made = MadeUp(model_of(text), seq_length=8)
    assert made.inputs[name] == 1 and not made.guessed


def attention(items, own, past):
    inputs = [("q", F32, [items, own, 32]), ("k", F32, [items, own, 16]), ("v", F32, [items, own, 16])]
    inputs += [(n, F32, [items, 2, past, 8]) if past else NO for n in ("past_k", "past_v")]
    inputs += [("a", I32, [items]), ("b", I32, [1])]
    total = max(past + own, past)
    dims = {"y": [items, own, 32], "pk": [items, 2, total, 8], "pv": [items, 2, total, 8]}
    return of_node("GroupQueryAttention", inputs, dict.fromkeys(dims, F32), dims, num_heads=4, kv_num_heads=2)


@pytest.mark.parametrize(
    ("items", "own", "past", "last", "total"),
    [(3, 8, 0, [7, 6, 4], 8), (1, 8, 0, [7], 8), (2, 1, 5, [5, 5], 6), (1, 4, 5, [8], 9), (1, 1, 0, [0], 1)],
)
def test_the_lengths_of_attention_behind_a_cache(items, own, past, last, total):
    made = MadeUp(attention(items, own, past))
    assert made.inputs["a"].tolist() == last and made.inputs["b"].tolist() == [total] and not made.guessed
    import onnxruntime

    session = onnxruntime.InferenceSession(made.model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.isfinite(session.run(None, made.inputs)[0]).all()


def test_a_padding_pads_nothing():
    text = "g (float[1,3,8,8] x, int64[8] q) => (float[a,b,c,d] y) { y = Pad(x, q) }"
    made = MadeUp(model_of(text))
    assert not made.inputs["q"].any() and not made.guessed
    made.run()


def test_the_sizes_of_a_resize_are_those_that_it_has():
    text = 'g (float[1,3,8,6] x, int64[4] q) => (float[a,b,c,d] y) { y = Resize<mode="linear">(x, , , q) }'
    made = MadeUp(model_of(text))
    assert made.inputs["q"].tolist() == [1, 3, 8, 6] and not made.guessed
    made.run()


def test_a_seed_is_known_by_its_name():
    text = "g (float[1,9] x, int64 seed) => (float y, float[1,9] z) { y = Cast<to=1>(seed) z = Relu(x) }"
    made = MadeUp(model_of(text))
    assert made.inputs["seed"] == 0 and not made.guessed
