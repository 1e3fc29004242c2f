"""Masks that are made up: in the sense in which the graph reads them, and never of a whole row."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchlib.models._mask_moves import ADDITIVE
from tests.models.onnx_text import MadeUp, model_of

B, L = 3, 8
SCORES = "t = Transpose<perm=[0,2,1]>(x) s = MatMul(x, t)"
WEIGHTS = {
    "lowest": np.float32(-np.inf), "low": np.float32(-1e4), "far": np.float32(1e9), "zero": np.float32(0),
    "one": np.float32(1), "none": np.array(0), "axis": np.array([1]), "last": np.array([2]),
}  # fmt: skip

TO_SCORES = {
    "torch's attention": ("ignored", "u = Unsqueeze(q, axis) a = Where(u, lowest, s)"),
    "torch's attention, added": ("ignored", "u = Unsqueeze(q, axis) f = Where(u, lowest, zero) a = Add(s, f)"),
    "kept where true": ("kept", "u = Unsqueeze(q, axis) a = Where(u, s, lowest)"),
    "kept where true, added": ("kept", "u = Unsqueeze(q, axis) f = Where(u, zero, low) a = Add(s, f)"),
    "the other way round first": ("kept", "n = Not(q) u = Unsqueeze(n, axis) a = Where(u, lowest, s)"),
    "and back": ("ignored", "n = Not(q) k = Not(n) u = Unsqueeze(k, axis) a = Where(u, lowest, s)"),
    "one less": ("kept", "c = Cast<to=1>(q) i = Sub(one, c) m = Mul(i, low) u = Unsqueeze(m, axis) a = Add(s, u)"),
    "less one": ("kept", "c = Cast<to=1>(q) i = Sub(c, one) m = Mul(i, far) u = Unsqueeze(m, axis) a = Add(s, u)"),
    "times": ("ignored", "c = Cast<to=1>(q) m = Mul(c, low) u = Unsqueeze(m, axis) a = Add(s, u)"),
}


def attention(nodes, mask):
    text = f"g (float[B,L,6] x, {mask}) => (float[B,L,6] y) {{ {SCORES} {nodes} p = Softmax(a) y = MatMul(p, x) }}"
    return model_of(text, **WEIGHTS)


def answers(made, inputs=None):
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    session = onnxruntime.InferenceSession(made.model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs or made.inputs)[0]


def are_numbers(made):
    """In the recorded set, in those that are drawn and in those that are moved."""
    for inputs in made.all():
        assert np.isfinite(answers(made, inputs)).all()


def test_a_mask_that_is_all_of_one_value_would_be_no_numbers():
    """What the tests here look for is there to be found."""
    made = MadeUp(attention(TO_SCORES["torch's attention"][1], "bool[B,L] q"), shapes={"x": [B, L, 6]})
    assert np.isnan(answers(made, {**made.inputs, "q": np.ones((B, L), bool)})).all()


@pytest.mark.parametrize("style", TO_SCORES)
@pytest.mark.parametrize("name", ["q", "padding", "attention_mask", "src_key_padding_mask"])
def test_the_graph_says_which_way_round_a_mask_is(style, name):
    sense, nodes = TO_SCORES[style]
    made = MadeUp(attention(nodes.replace("(q", f"({name}"), f"bool[B,L] {name}"), shapes={"x": [B, L, 6]})
    kept = made.inputs[name] == (sense == "kept")
    assert (
        kept[0].all() and kept[:, : L // 2].all() and not kept[1:, -1].any() and (np.diff(kept.astype(int)) <= 0).all()
    )
    are_numbers(made)
    assert not np.allclose(answers(made), answers(made, {**made.inputs, name: np.full((B, L), sense == "kept")}))
    assert not made.guessed


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("sense", ["kept", "ignored"])
@pytest.mark.parametrize("name", ["q", "attention_mask", "padding_mask"])
def test_whole_numbers_that_mask_do_so_in_the_sense_of_the_graph(kind, sense, name):
    chosen = "s, lowest" if sense == "kept" else "lowest, s"
    nodes = f"b = Cast<to=9>({name}) u = Unsqueeze(b, axis) a = Where(u, {chosen})"
    made = MadeUp(attention(nodes, f"{kind}[B,L] {name}"), shapes={"x": [B, L, 6]})
    assert made.inputs[name][0].tolist() == [int(sense == "kept")] * L
    assert made.inputs[name][-1].tolist() == ([1] * 4 + [0] * 4 if sense == "kept" else [0] * 4 + [1] * 4)
    are_numbers(made)


@pytest.mark.parametrize("items", [1, 3])
def test_a_mask_that_is_added_is_zero_where_something_counts(items):
    made = MadeUp(attention("u = Unsqueeze(attention_mask, axis) a = Add(s, u)", "float[B,L] attention_mask"),
                  shapes={"x": [items, L, 6]})  # fmt: skip
    mask = made.inputs["attention_mask"]
    assert not mask[0].any() and {*np.unique(mask).tolist()} == ({0.0} if items == 1 else {ADDITIVE, 0.0})
    assert not mask[:, :4].any() and (mask[1:, -1] == ADDITIVE).all()
    are_numbers(made)
    assert not made.guessed


def test_a_float_that_multiplies_is_a_mask_of_ones():
    text = "g (float[B,L,6] x, float[B,L] mask) => (float[B,L,6] y) { u = Unsqueeze(mask, last) y = Mul(x, u) }"
    mask = MadeUp(model_of(text, **WEIGHTS), shapes={"x": [B, L, 6]}).inputs["mask"]
    assert mask[0].all() and mask[-1].tolist() == [1] * 4 + [0] * 4


def test_scores_that_a_bias_is_added_to_are_no_mask():
    made = MadeUp(attention("a = Add(s, bias)", "float[B,L,L] bias"), shapes={"x": [B, L, 6]})
    assert len(np.unique(made.inputs["bias"])) > 100


@pytest.mark.parametrize("name", ["attn_mask", "src_mask", "causal", "q"])
@pytest.mark.parametrize("sense", ["kept", "ignored"])
def test_no_row_of_a_mask_of_pairs_is_masked_whole(name, sense):
    chosen = "s, lowest" if sense == "kept" else "lowest, s"
    made = MadeUp(attention(f"a = Where({name}, {chosen})", f"bool[L,L] {name}"), shapes={"x": [B, L, 6]})
    kept = made.inputs[name] == (sense == "kept")
    assert kept.any(-1).all() and not kept.all()
    assert name == "q" or (kept == np.tri(L, dtype=bool)).all()
    are_numbers(made)


def test_a_mask_of_pairs_that_is_added_is_causal():
    made = MadeUp(attention("a = Add(s, attn_mask)", "float[L,L] attn_mask"), shapes={"x": [B, L, 6]})
    assert (made.inputs["attn_mask"] == np.where(np.tri(L), 0, ADDITIVE)).all()
    are_numbers(made)


def test_zeros_in_place_of_what_is_masked_say_less_than_a_softmax():
    nodes = "w = Unsqueeze(q, last) z = Where(w, zero, x) u = Unsqueeze(q, axis) a = Where(u, s, lowest) o = Relu(z)"
    assert MadeUp(attention(nodes, "bool[B,L] q"), shapes={"x": [B, L, 6]}).inputs["q"][0].all()


@pytest.mark.parametrize(("chosen", "first"), [("zero, x", False), ("x, zero", True)])
def test_zeros_in_place_of_what_is_masked_tell_too(chosen, first):
    text = f"g (float[B,L] x, bool[B,L] q) => (float[B,L] y) {{ y = Where(q, {chosen}) }}"
    mask = MadeUp(model_of(text, **WEIGHTS), shapes={"x": [B, L]}).inputs["q"]
    assert (mask[0] == first).all() and (mask[-1] == [first] * 4 + [not first] * 4).all()


@pytest.mark.parametrize(("name", "first"), [("padding_mask", False), ("key_padding_mask", False), ("is_padded", False),
                                             ("attention_mask", True), ("pixel_mask", True)])  # fmt: skip
def test_where_the_graph_does_not_tell_the_name_does(name, first):
    text = f"g (bool[B,L] {name}) => (float[B,L] y) {{ y = Cast<to=1>({name}) }}"
    assert (MadeUp(model_of(text), shapes={name: [B, L]}).inputs[name][0] == first).all()


def test_the_mask_of_an_operator_of_its_own():
    """`key_padding_mask` of onnxruntime's attention is 1 where something counts."""
    nodes = [helper.make_node("MultiHeadAttention", ["x", "x", "x", "", "key_padding_mask"], ["y"],
                              domain="com.microsoft", num_heads=2)]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [B, L, 6]),
         helper.make_tensor_value_info("key_padding_mask", TensorProto.INT32, [B, L])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [B, L, 6])],
        [numpy_helper.from_array(np.zeros(1, np.float32), "unused")],
    )  # fmt: skip
    made = MadeUp(helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]))  # fmt: skip
    assert made.inputs["key_padding_mask"][0].all() and not made.inputs["key_padding_mask"][-1, -1]
    are_numbers(made)
