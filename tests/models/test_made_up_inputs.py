"""Inputs that a user would send: made up by use, name and dtype, and legal however they are moved."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from benchlib.models._input_kinds import kind_of
from benchlib.models._moves import InputTensor
from benchlib.models._use import Use
from tests.models.onnx_text import MadeUp, model_of

HIDDEN, FEATURES, T, B = 4, 8, 30, 4
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


def recurrent(operator, text, **more):
    weights = {"W": np.ones((1, GATES[operator] * HIDDEN, FEATURES), np.float32) / 9,
               "R": np.ones((1, GATES[operator] * HIDDEN, HIDDEN), np.float32) / 9}  # fmt: skip
    return model_of(text.replace("RNN", operator), **weights, **more)


def are_lengths(found, length, items):
    """The full length first, shorter ones after it, none of them 0."""
    assert found[0] == length and len(found) == items
    assert (found[1:] < max(length, 2)).all() and (found >= 1).all() and (np.diff(found) <= 0).all()


def keep_within(made, name, length):
    """Whatever is drawn or moved counts 1 to `length`."""
    for inputs in made.all():
        assert inputs[name].min() >= 1 and inputs[name].max() <= length
    assert any(not np.array_equal(inputs[name], made.inputs[name]) for inputs in made.moved())


# -- lengths -------------------------------------------------------------------------------------------------

BEFORE_A_RECURRENT_OPERATOR = {
    "as they are": ("int32[B] q", "x", ""),
    "batch first": ("int32[B] q", "v", "v = Transpose<perm=[1,0,2]>(x)"),
    "cast": ("int64[B] q", "x", ""),
    "of a wider type, batch first": ("int64[B] q", "v", "v = Transpose<perm=[1,0,2]>(x)"),
    "a column": ("int64[B, 1] q", "x", ""),
    "floats": ("float[B] q", "x", ""),
    "normalised before": ("int64[B] q", "v", "n = Mul(x, x) v = Transpose<perm=[1,0,2]>(n)"),
}


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("style", BEFORE_A_RECURRENT_OPERATOR)
def test_lengths_of_a_recurrent_operator_count_its_steps(operator, style):
    lens, data, nodes = BEFORE_A_RECURRENT_OPERATOR[style]
    cast = "r = Cast<to=6>(q)" + (" l = Squeeze(r, one)" if "1]" in lens else " l = Identity(r)")
    axes = "B, T" if data == "v" else "T, B"
    text = f"""g (float[{axes}, 8] x, {lens}) => (float[a,b,c,d] y) {{
        {nodes} {cast} y = RNN<hidden_size=4>({data}, W, R, , l) }}"""
    shapes = {"x": [B, T, 8] if data == "v" else [T, B, 8], "q": [B, 1] if "1]" in lens else [B]}
    made = MadeUp(recurrent(operator, text, one=np.array([1])), shapes=shapes)
    are_lengths(made.inputs["q"].reshape(-1), T, B)
    keep_within(made, "q", T)
    made.run()
    assert not made.guessed


@pytest.mark.parametrize("operator", GATES)
def test_lengths_with_the_batch_first_layout(operator):
    text = "g (float[B,T,8] x, int32[B] q) => (float[a,b,c,d] y) { y = RNN<hidden_size=4, layout=1>(x, W, R, , q) }"
    are_lengths(MadeUp(recurrent(operator, text), shapes={"x": [5, 11, 8]}).inputs["q"], 11, 5)


@pytest.mark.parametrize(("batch", "time"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_lengths_of_a_reversed_sequence(batch, time, length):
    text = f"""g (float[P,Q,3] x, int64[N] q) => (float[P,Q,3] y) {{
        y = ReverseSequence<batch_axis={batch}, time_axis={time}>(x, q) }}"""
    shape = [3, length, 3] if time else [length, 3, 3]
    made = MadeUp(model_of(text), shapes={"x": shape, "q": [3]})
    are_lengths(made.inputs["q"], length, 3)
    made.run()


ONES = "o = Shape<start=1, end=2>(x) c = ConstantOfShape<value=int64[1] {1}>(o)"
RANGE = "s = Shape(x) t = Gather(s, one) r = Range(zero, t, one)"
POSITIONS = {
    "range of the shape": RANGE,
    "range of a cast shape": "s = Shape(x) t = Gather(s, one) u = Cast<to=7>(t) r = Range(zero, u, one)",
    "range of a squeezed slice": "s = Shape<start=1, end=2>(x) t = Squeeze(s) r = Range(zero, t, one)",
    "a constant": "r = Identity(positions)",
    "a column turned": "r = Unsqueeze(positions, axis0)",
    "expanded": f"{RANGE.replace('r =', 'p =')} e = Shape<start=0, end=2>(x) r = Expand(p, e)",
    "a running sum": f"{ONES} k = CumSum(c, zero) r = Sub(k, one)",
    "what is not zero": f"{ONES} k = NonZero(c) r = Squeeze(k, axis0)",
}
COMPARED = {
    "less": "m = Less(r, l)",
    "greater": "m = Greater(l, r)",
    "not beyond": "h = GreaterOrEqual(r, l) m = Not(h)",
    "up to the last": "past = Add(r, one) m = LessOrEqual(past, l)",
    "last or before": "kk = Sub(l, one) m = LessOrEqual(r, kk)",
    "length or more": "past = Add(r, one) m = GreaterOrEqual(l, past)",
    "as floats": "f = Cast<to=1>(r) kk = Cast<to=1>(l) m = Less(f, kk)",
}
MASKED = "w = Unsqueeze(m, axis2) y = Where(w, x, none)"


def masked(positions, compared, lens="int64[B] q"):
    text = (
        f"g (float[B,T,8] x, {lens}) => (float[B,T,8] y) {{ {positions} l = Unsqueeze(q, axis1) {compared} {MASKED} }}"
    )
    return model_of(text, zero=np.array(0), one=np.array(1), positions=np.arange(T), axis0=np.array([0]),
                    axis1=np.array([1]), axis2=np.array([2]), none=np.array(0, np.float32))  # fmt: skip


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("compared", COMPARED)
def test_what_is_compared_with_positions_is_a_length(positions, compared):
    made = MadeUp(masked(POSITIONS[positions], COMPARED[compared]), shapes={"x": [B, T, 8]})
    are_lengths(made.inputs["q"], T, B)
    keep_within(made, "q", T)
    made.run()


@pytest.mark.parametrize("shape", [[B, T, 8], [B, T]])
def test_positions_up_to_the_longest_of_the_lengths_themselves(shape):
    """The range ends at what is given: the sequence says how far that may be."""
    dims = ",".join(["B", "T", "8"][: len(shape)])
    text = f"""g (float[{dims}] x, int64[B] q) => (float[{dims}] x2, bool[B,L] m) {{
        x2 = Identity(x) e = ReduceMax<keepdims=0>(q) r = Range(zero, e, one)
        l = Unsqueeze(q, one1) m = Less(r, l) }}"""
    made = MadeUp(model_of(text, zero=np.array(0), one=np.array(1), one1=np.array([1])), shapes={"x": shape})
    are_lengths(made.inputs["q"], T, B)


def test_lengths_that_are_halved_first_count_the_whole_sequence():
    compared = "two = Constant<value_int=2>() kk = Div(l, two) m = Less(r, kk)"
    positions = RANGE.replace("r =", "p =") + " i = Constant<value_int=2>() r = Mod(p, i)"
    text = masked(positions, compared)
    are_lengths(MadeUp(text, shapes={"x": [B, T, 8]}).inputs["q"], T, B)


def test_the_last_valid_step_and_the_end_of_a_slice_are_lengths():
    last = model_of(
        """g (float[B,T,8] x, int64[B,1,1] q) => (float[B,E,8] y) {
        i = Sub(q, one) j = Expand(i, to) y = GatherElements<axis=1>(x, j) }""",
        one=np.array(1), to=np.array([B, 1, 8]))  # fmt: skip
    made = MadeUp(last, shapes={"x": [B, T, 8], "q": [B, 1, 1]})
    are_lengths(made.inputs["q"].reshape(-1), T, B)
    made.run()
    end = model_of("g (float[B,T,8] x, int64[1] q) => (float[B,E,8] y) { y = Slice(x, zero, q, one) }",
                   zero=np.array([0]), one=np.array([1]))  # fmt: skip
    assert MadeUp(end, shapes={"x": [B, T, 8]}).inputs["q"].tolist() == [T]


def test_the_last_valid_step_of_each_item_by_pairs_of_indices():
    """`x[arange(len(x)), lengths - 1]`: the one index is the item, the other one the step."""
    text = """g (float[B,T,8] x, int64[B] q) => (float[B,8] y) {
        s = Shape<start=0, end=1>(x) n = Squeeze(s) r = Range(zero, n, one) i = Unsqueeze(r, axis)
        l = Sub(q, one) j = Unsqueeze(l, axis) k = Concat<axis=-1>(i, j) y = GatherND(x, k) }"""
    made = MadeUp(model_of(text, zero=np.array(0), one=np.array(1), axis=np.array([1])), shapes={"x": [B, T, 8]})
    are_lengths(made.inputs["q"], T, B)
    keep_within(made, "q", T)
    made.run()


def test_the_last_valid_step_of_each_item_where_items_lie_one_after_the_other():
    text = """g (float[B,T,8] x, int64[B] q) => (float[B,8] y) {
        s = Shape<start=0, end=1>(x) n = Squeeze(s) r = Range(zero, n, one) u = Shape<start=1, end=2>(x) o = Mul(r, u)
        l = Sub(q, one) k = Add(o, l) f = Reshape(x, flat) y = Gather(f, k) }"""
    weights = {"zero": np.array(0), "one": np.array(1), "flat": np.array([-1, 8])}
    made = MadeUp(model_of(text, **weights), shapes={"x": [B, T, 8]})
    are_lengths(made.inputs["q"], T, B)
    keep_within(made, "q", T)
    made.run()


NAMES = ("x_lens", "lengths", "num_frames", "input_lengths", "seq_len", "n_valid", "seq_lens", "length", "x_length",
         "seq_lengths", "sequence_length", "xLens", "n_frames", "num_tokens", "valid_len", "feature_lengths", "x_len",
         "encoder_lengths", "n_steps", "numFrames", "nvalid", "seqlens")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["int64", "int32"])
def test_what_is_called_a_length_is_one(name, kind):
    text = (
        f"g (float[N,T,8] x, {kind}[N] {name}) => (float[N,T,8] y, {kind}[N] z) {{ y = Relu(x) z = Identity({name}) }}"
    )
    made = MadeUp(model_of(text), shapes={"x": [B, T, 8]})
    are_lengths(made.inputs[name], T, B)
    keep_within(made, name, T)
    assert not made.guessed


@pytest.mark.parametrize(
    ("inputs", "shapes", "length"),
    [
        ("float[N,80,T] mel, int64[N] mel_lens", {"mel": [3, 80, 50], "mel_lens": [3]}, 50),
        ("float[N,80,frames] x, float[N,9] y, int64[N] num_frames", {"x": [3, 80, 50], "num_frames": [3]}, 50),
        ("float[T,N,8] x, int64[N] lengths", {"x": [50, 3, 8], "lengths": [3]}, 50),
        ("float[N,20] a, float[N,50] b, int64[N] b_len", {"a": [3, 20], "b": [3, 50], "b_len": [3]}, 50),
        ("float[N,20] a, int64[N,50] text, int64[N] text_lengths", {"text": [3, 50], "text_lengths": [3]}, 50),
        ("float[N,S,8] x, int64[N] x_len", {"x": [3, 50, 8], "x_len": [3]}, 50),
        ("float[3,50,8] x, int64[3] x_len", {}, 50),
        ("float[50] wave, int64 wave_len", {"wave": [50]}, 50),
        ("float[N,1,S] audio, int64[N] length", {"audio": [3, 1, 50], "length": [3]}, 50),
    ],
)
def test_a_length_counts_what_its_name_or_the_axes_tell(inputs, shapes, length):
    names = [part.split()[1] for part in inputs.replace(", float", ";float").replace(", int", ";int").split(";")]
    outputs = ", ".join(f"float[u] {name}_out" for name in names)
    text = f"g ({inputs}) => ({outputs}) {{ {' '.join(f'{n}_out = Cast<to=1>({n})' for n in names)} }}"
    made = MadeUp(model_of(text), shapes=shapes, batch_size=3)
    found = np.atleast_1d(made.inputs[names[-1]])
    are_lengths(found, length, len(found))


def test_masks_and_lengths_of_one_set_agree():
    text = """g (float[N,T,8] x, int64[N,T] x_mask, int64[N] x_lens) => (float[N,T,8] y, int64[N] z, int64[N,T] u) {
        y = Relu(x) z = Identity(x_lens) u = Identity(x_mask) }"""
    made = MadeUp(model_of(text), shapes={"x": [B, T, 8]})
    sets = [made.inputs, made.drawn(3), made.drawn(4)]
    for inputs in sets:
        assert inputs["x_mask"].sum(1).tolist() == inputs["x_lens"].tolist()
    assert len({tuple(inputs["x_lens"]) for inputs in sets}) == 3, "other sets have other lengths"


def test_a_length_of_many_items_is_shorter_than_the_first():
    text = "g (float[N,T,8] x, int64[N] lens) => (float[N,T,8] y, int64[N] z) { y = Relu(x) z = Identity(lens) }"
    for items, length in ((64, 30), (3, 2), (2, 1), (1, 9)):
        are_lengths(MadeUp(model_of(text), shapes={"x": [items, length, 8]}).inputs["lens"], length, items)


# -- what is no number of anything ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["image", "x", "img", "frames", "pixels", "input"])
@pytest.mark.parametrize("shape", [[1, 3, 32, 32], [2, 24, 24, 3], [1, 3, 6, 6], [8, 8, 3]])
def test_bytes_of_an_image_are_0_to_255(name, shape):
    dims = ",".join(map(str, shape))
    made = MadeUp(model_of(f"g (uint8[{dims}] {name}) => (float[{dims}] y) {{ y = Cast<to=1>({name}) }}"))
    found = made.inputs[name]
    assert found.dtype == np.uint8 and found.max() > 200 and found.min() < 50 and len(np.unique(found)) > 60
    assert not made.guessed
    made.run()


@pytest.mark.parametrize("nodes", ["y = Div(f, c)", "y = Sub(f, c)", "m = Mul(f, c) y = Add(m, c)", "y = MatMul(f, w)"])
def test_bytes_that_are_computed_with_are_0_to_255(nodes):
    text = f"g (uint8[4,100] x) => (float[4,a] y) {{ f = Cast<to=1>(x) {nodes} }}"
    made = MadeUp(model_of(text, c=np.float32(255), w=np.ones((100, 2), np.float32)))
    assert made.inputs["x"].max() > 240 and not made.guessed


@pytest.mark.parametrize(("kind", "least", "most"), [("uint8", 0, 255), ("int8", -128, 127)])
def test_quantised_numbers_take_the_whole_range(kind, least, most):
    text = f"g ({kind}[4,400] x) => (float[4,400] y) {{ y = DequantizeLinear(x, s) }}"
    found = MadeUp(model_of(text, s=np.float32(0.1))).inputs["x"]
    assert found.min() < least + 10 and found.max() > most - 10


@pytest.mark.parametrize("name", ["flags", "x", "mask", "attention_mask", "is_valid", "padding_mask"])
@pytest.mark.parametrize("shape", [[8], [1, 6], [3, 6], [2, 1, 5, 5]])
def test_booleans_take_both_values(name, shape):
    dims = ",".join(map(str, shape))
    made = MadeUp(model_of(f"g (bool[{dims}] {name}) => (bool[{dims}] y) {{ y = Not({name}) }}"))
    assert set(made.inputs[name].reshape(-1).tolist()) == {True, False}
    assert not made.guessed
    made.run()


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_whole_numbers_that_are_asked_for_yes_or_no_take_both(kind):
    text = f"g ({kind}[3,6] q, float[3,6] x) => (float[3,6] y) {{ b = Cast<to=9>(q) y = Where(b, x, x) }}"
    made = MadeUp(model_of(text))
    assert set(made.inputs["q"].reshape(-1).tolist()) == {0, 1} and not made.guessed
    assert all(inputs["q"].max() <= 1 for inputs in made.all())


@pytest.mark.parametrize("asked", ["b = Cast<to=9>(NAME)", "b = Equal(NAME, one)", "o = Equal(NAME, zero) b = Not(o)"])
@pytest.mark.parametrize("name", ["attention_mask", "mask", "token_type_ids", "position_ids", "x_lens"])
def test_a_name_says_more_than_a_question(asked, name):
    """Padding stays at the end, however the graph asks for it."""
    text = (
        f"g (int64[3,6] {name}, float[3,6] x) => (float[3,6] y) {{ {asked.replace('NAME', name)} y = Where(b, x, x) }}"
    )
    found = MadeUp(model_of(text, zero=np.array(0), one=np.array(1))).inputs[name]
    first = {"mask": [1] * 6, "token_type_ids": [0, 0, 0, 1, 1, 1], "position_ids": [0, 1, 2, 3, 4, 5], "x_lens": [6]}
    assert found[0].tolist()[: len(first.get(name, [1]))] == first.get(name, [1])
    assert "mask" not in name or (np.diff(found) <= 0).all()


@pytest.mark.parametrize("asked", ["e = Equal(x, zero)", "e = Cast<to=9>(x)"])
def test_floating_numbers_that_are_also_computed_with_are_ordinary(asked):
    """As a layer does that masks steps which are zero."""
    text = f"g (float[20,6] x) => (float[20,6] y) {{ {asked} f = Cast<to=1>(e) y = Mul(x, f) }}"
    assert len(np.unique(MadeUp(model_of(text, zero=np.float32(0))).inputs["x"])) > 100


def test_positions_that_are_compared_with_those_of_a_cache_are_positions():
    text = """g (int64[5] cache_position, float[1,9] x) => (float[5,9] y) {
        s = Shape<start=1, end=2>(x) n = Squeeze(s) r = Range(zero, n, one) p = Unsqueeze(cache_position, axis)
        m = LessOrEqual(r, p) f = Cast<to=1>(m) y = Add(f, x) }"""
    made = MadeUp(model_of(text, zero=np.array(0), one=np.array(1), axis=np.array([1])))
    assert made.inputs["cache_position"].tolist() == [0, 1, 2, 3, 4]


# -- states ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("name", ["h", "h0", "state", "q", "hidden", "initial"])
@pytest.mark.parametrize(
    "nodes", ["k = Identity(NAME)", "k = Reshape(NAME, to)", "i = Transpose<perm=[0,1,2]>(NAME) k = Cast<to=1>(i)"]
)
def test_what_a_recurrent_operator_begins_with_is_zero(operator, name, nodes):
    text = f"""g (float[T,N,8] x, float[1,N,4] {name}) => (float[a,b,c,d] y) {{
        {nodes.replace("NAME", name)} y = RNN<hidden_size=4>(x, W, R, , , k) }}"""
    made = MadeUp(recurrent(operator, text, to=np.array([1, -1, 4])), shapes={"x": [7, 3, 8]})
    assert made.inputs[name].shape == (1, 3, 4) and not made.inputs[name].any()
    assert any(inputs[name].any() for inputs in made.moved())
    made.run()


def test_both_states_of_an_lstm_in_one_tensor_and_in_two():
    two = """g (float[T,N,8] x, float[1,N,4] h, float[1,N,4] c) => (float[a,b,d,e] y) {
        y = RNN<hidden_size=4>(x, W, R, , , h, c) }"""
    made = MadeUp(recurrent("LSTM", two), shapes={"x": [7, 3, 8]})
    assert not made.inputs["h"].any() and not made.inputs["c"].any()
    one = """g (float[T,N,8] x, float[2,N,4] state) => (float[a,b,d,e] y) {
        h, c = Split<axis=0>(state) y = RNN<hidden_size=4>(x, W, R, , , h, c) }"""
    assert not MadeUp(recurrent("LSTM", one), shapes={"x": [7, 3, 8]}).inputs["state"].any()


@pytest.mark.parametrize(
    ("before", "after"), [("h", "hn"), ("state", "stateN"), ("h0", "h_out"), ("c", "new_c"), ("hidden", "next_hidden")]
)
def test_what_a_graph_gives_again_is_a_state(before, after):
    text = f"""g (float[N,4] x, float[N,4] {before}) => (float[N,4] y, float[N,4] {after}) {{
        s = Add(x, {before}) {after} = Tanh(s) y = Relu(s) }}"""
    assert not MadeUp(model_of(text), batch_size=3).inputs[before].any()


@pytest.mark.parametrize("name", ["h", "c", "hidden", "h0", "c0", "state", "cell", "hidden_state", "states", "h_0"])
@pytest.mark.parametrize(
    "nodes", ["y = Mul(x, NAME)", "m = MatMul(NAME, w) y = Add(m, x)", "y = Concat<axis=1>(NAME, x)"]
)
def test_what_is_only_called_a_state_holds_ordinary_numbers(name, nodes):
    text = f"g (float[N,6] x, float[N,6] {name}) => (float[N,a] y) {{ {nodes.replace('NAME', name)} }}"
    made = MadeUp(model_of(text, w=np.ones((6, 6), np.float32)), batch_size=20)
    assert 0.7 < made.inputs[name].std() < 1.3
    made.run()


def test_the_sequence_whose_first_step_a_recurrent_operator_begins_with_is_none():
    text = """g (float[T,N,4] x) => (float[a,b,c,d] y) {
        f = Gather<axis=0>(x, zero) k = Unsqueeze(f, axis) y = GRU<hidden_size=4>(x, W, R, , , k) }"""
    weight = np.ones((1, 12, 4), np.float32)
    made = MadeUp(model_of(text, W=weight, R=weight, zero=np.array(0), axis=np.array([0])), shapes={"x": [7, 3, 4]})
    assert made.inputs["x"].std() > 0.5


# -- categories ------------------------------------------------------------------------------------------------

WORDS, NUMBERS = '["red","green","blue"]', "[3,7,100]"
ENCODERS = {
    "labels of texts": ("string", f"ai.onnx.ml.LabelEncoder<keys_strings={WORDS}, values_int64s=[0,1,2]>(q)"),
    "labels to texts": ("string", f"ai.onnx.ml.LabelEncoder<keys_strings={WORDS}, values_strings={WORDS}>(q)"),
    "labels of numbers": ("int64", f"ai.onnx.ml.LabelEncoder<keys_int64s={NUMBERS}, values_floats=[0.5,1.5,2.5]>(q)"),
    "labels of floats": ("float", "ai.onnx.ml.LabelEncoder<keys_floats=[3.0,7.0,100.0], values_int64s=[0,1,2]>(q)"),
    "a mapper of texts": ("string", f"ai.onnx.ml.CategoryMapper<cats_strings={WORDS}, cats_int64s={NUMBERS}>(q)"),
    "a mapper of numbers": ("int64", f"ai.onnx.ml.CategoryMapper<cats_strings={WORDS}, cats_int64s={NUMBERS}>(q)"),
    "one hot of texts": ("string", f"ai.onnx.ml.OneHotEncoder<cats_strings={WORDS}, zeros=0>(q)"),
    "one hot of numbers": ("int64", f"ai.onnx.ml.OneHotEncoder<cats_int64s={NUMBERS}, zeros=0>(q)"),
    "one hot of texts that are numbers": (
        "string",
        "ai.onnx.ml.OneHotEncoder<cats_int64s=[3,7,100], zeros=0>(n)",
    ),
    "labels by the texts of numbers": (
        "int64",
        'ai.onnx.ml.LabelEncoder<keys_strings=["3","7","100"], values_int64s=[0,1,2]>(t)',
    ),
    "one hot of floats": ("float", f"ai.onnx.ml.OneHotEncoder<cats_int64s={NUMBERS}, zeros=0>(q)"),
}


def known_of(kind, encoder):
    if encoder == "one hot of texts that are numbers":
        return {"3", "7", "100"}
    return {"red", "green", "blue"} if kind == "string" else {3, 7, 100}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("shape", [[1], [6], [6, 1], [2, 3]])
def test_categories_are_the_keys_of_the_encoder(encoder, shape):
    kind, node = ENCODERS[encoder]
    text = f"g ({kind}[{','.join(map(str, shape))}] q) => (y) {{ {_cast(encoder)} z = {node} y = Identity(z) }}"
    model = model_of(text.replace("=> (y)", "=> (float[a] y)"))
    output = model.graph.output[0]
    output.CopyFrom(helper.make_value_info("y", helper.make_tensor_type_proto(_type_of(encoder), None)))
    made = MadeUp(model)
    if shape[0] == 6:
        assert set(made.inputs["q"].reshape(-1).tolist()) == known_of(kind, encoder)
    for inputs in made.all():
        assert set(inputs["q"].reshape(-1).tolist()) <= known_of(kind, encoder)
    assert any(not np.array_equal(inputs["q"], made.inputs["q"]) for inputs in made.moved())
    made.run()
    assert not made.guessed


def _cast(encoder):
    casts = {"one hot of texts that are numbers": "n = Cast<to=7>(q)"}
    return {**casts, "labels by the texts of numbers": "t = Cast<to=8>(q)"}.get(encoder, "")


def _type_of(encoder):
    to_texts = encoder in ("labels to texts", "a mapper of numbers")
    floats = encoder.startswith("one hot") or encoder == "labels of numbers"
    return TensorProto.STRING if to_texts else TensorProto.FLOAT if floats else TensorProto.INT64


@pytest.mark.parametrize("kind", ["float", "string", "int64"])
def test_each_column_of_a_table_has_its_own_categories(kind):
    """As pipelines of scikit-learn are exported: a column is taken out, cast, and encoded."""
    keys = 'cats_strings=["a","bb"]', 'cats_strings=["x","y","zzz"]'
    keys = keys if kind == "string" else ("cats_int64s=[1,2]", "cats_int64s=[10,20,30]")
    cast = "Identity" if kind == "string" else "Cast<to=7>"
    text = f"""g ({kind}[N,3] q) => (float[N,1,2] y, float[N,1,3] z) {{
        a = ai.onnx.ml.ArrayFeatureExtractor(q, zero) c = {cast}(a)
        b = ai.onnx.ml.ArrayFeatureExtractor(q, two) d = {cast}(b)
        y = ai.onnx.ml.OneHotEncoder<{keys[0]}, zeros=0>(c) z = ai.onnx.ml.OneHotEncoder<{keys[1]}, zeros=0>(d) }}"""
    made = MadeUp(model_of(text, zero=np.array([0]), two=np.array([2])), batch_size=12)
    first, last = ({"a", "bb"}, {"x", "y", "zzz"}) if kind == "string" else ({1, 2}, {10, 20, 30})
    for inputs in made.all():
        assert set(inputs["q"][:, 0].tolist()) == first and set(inputs["q"][:, 2].tolist()) <= last
    made.run()


def test_a_column_of_floats_that_is_looked_up_holds_rows_of_the_table():
    text = """g (float[N,3] x) => (float[N,5] y, float[N,3] z) {
        c = Gather<axis=1>(x, one) i = Cast<to=7>(c) y = Gather(table, i) z = Relu(x) }"""
    made = MadeUp(model_of(text, one=np.array(1), table=np.zeros((7, 5), np.float32)), batch_size=40)
    for inputs in made.all():
        assert set(inputs["x"][:, 1].tolist()) <= {*range(7)}
    assert len(np.unique(made.inputs["x"][:, 0])) == 40 and set(made.inputs["x"][:, 1].tolist()) == {*range(7)}
    made.run()


@pytest.mark.parametrize("constants", [[0], [5], [1, 2], [3, 30, 300]])
@pytest.mark.parametrize("kind", ["int64", "float", "string"])
def test_what_is_held_against_constants_takes_these(constants, kind):
    values = [f"k{c}" for c in constants] if kind == "string" else constants
    dtype = {"int64": np.int64, "float": np.float32, "string": object}[kind]
    nodes = " ".join(f"e{i} = Equal(q, c{i}) f{i} = Cast<to=1>(e{i})" for i in range(len(values)))
    text = f"g ({kind}[9] q) => (float[9] y) {{ {nodes} y = Sum({', '.join(f'f{i}' for i in range(len(values)))}) }}"
    made = MadeUp(model_of(text, opset=19, **{f"c{i}": np.array(v, dtype) for i, v in enumerate(values)}))
    found = set(made.inputs["q"].tolist())
    assert found >= set(values) and (found == set(values) or (len(values) == 1 and len(found) == 2))
    assert not made.guessed


@pytest.mark.parametrize("rows", [2, 7, 5000])
@pytest.mark.parametrize(
    "lookup",
    [
        "y = Gather(table, q)",
        "c = Cast<to=7>(q) y = Gather(table, c)",
        "c = Cast<to=6>(q) d = Transpose<perm=[1,0]>(c) y = Gather(table, d)",
        "c = Add(q, two) y = Gather(longer, c)",
        "u = Unsqueeze(q, last) y = GatherND(table, u)",
        "d = Transpose<perm=[1,0]>(table) y = Gather<axis=1>(d, q)",
        "y = Gather<axis=0>(halved, q)",
    ],
)
def test_ids_are_rows_of_the_table(rows, lookup):
    text = f"g (int64[N,T] q) => (float[a] y) {{ halved = Cast<to=1>(half) {lookup} }}"
    table = np.zeros((rows, 3), np.float32)
    weights = {"table": table, "longer": np.zeros((rows + 2, 3), np.float32), "half": table.astype(np.float16)}
    made = MadeUp(model_of(text, two=np.array(2), last=np.array([-1]), **weights), shapes={"q": [4, 64]})
    found = made.inputs["q"]
    assert found.min() <= rows * 0.05 and found.max() >= min(rows - 1, rows * 0.9) and found.max() < rows
    assert len(np.unique(found)) >= 0.95 * min(rows, found.size)
    assert all(inputs["q"].min() >= 0 and inputs["q"].max() < rows for inputs in made.all())
    made.run()
    assert not made.guessed


def test_ids_are_places_along_an_input_of_this_size():
    text = "g (float[N,8] x, int64[2,E] edge_index) => (float[2,E,8] y) { y = Gather(x, edge_index) }"
    made = MadeUp(model_of(text), shapes={"x": [9, 8], "edge_index": [2, 40]})
    assert set(made.inputs["edge_index"].reshape(-1)) == {*range(9)}
    made.run()


@pytest.mark.parametrize("depth", [2, 5, 40])
@pytest.mark.parametrize(
    "style", ["k = Identity(depth)", "s = Shape(eye) k = Gather(s, zero)", "k = Reshape(depth, one)"]
)
def test_classes_are_below_the_depth_of_one_hot(depth, style):
    text = f"g (int64[N] q) => (float[N,a] y) {{ {style} y = OneHot(q, k, values) }}"
    weights = {"depth": np.array(depth), "eye": np.eye(depth, dtype=np.float32), "zero": np.array([0])}
    made = MadeUp(model_of(text, values=np.array([0, 1], np.float32), one=np.array([1]), **weights), batch_size=200)
    assert set(made.inputs["q"]) == {*range(depth)} and not made.guessed
    made.run()


# -- what is not known -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "nodes", "guessed"),
    [
        ("int64[4] q", "y = Cast<to=1>(q)", ["q"]),
        ("int32[2,3] k", "c = Cast<to=1>(k) y = Mul(c, c)", ["k"]),
        ("int64 max_length, float[2,6] x", "s = Cast<to=1>(max_length) y = Add(x, s)", ["max_length"]),
        ("uint8[5] q", "y = Cast<to=1>(q)", ["q"]),
        ("int64 n, int64[2] m", "a = Cast<to=1>(n) b = Cast<to=1>(m) y = Add(a, b)", ["n", "m"]),
        ("float[4] q", "y = Relu(q)", []),
        ("int64[3] q, float[2] x", "y = Expand(x, q)", []),
        ("int64[1,9] input_ids", "y = Cast<to=1>(input_ids)", []),
        ("int64[1,9] attention_mask", "y = Cast<to=1>(attention_mask)", []),
        ("int64[1,9] position_ids", "y = Cast<to=1>(position_ids)", []),
        ("int64 sample_rate", "y = Cast<to=1>(sample_rate)", []),
    ],
)
def test_whole_numbers_of_which_nothing_is_known_are_said_to_be_guessed(inputs, nodes, guessed):
    assert MadeUp(model_of(f"g ({inputs}) => (float[a] y) {{ {nodes} }}")).guessed == guessed


def test_sizes_of_images_are_those_of_the_image():
    text = """g (float[N,3,H,W] image, int64[N,2] orig_sizes) => (float[a] y) {
        i = Cast<to=1>(orig_sizes) y = ReduceMean(i) }"""
    made = MadeUp(model_of(text), batch_size=2, height=20, width=36)
    assert made.inputs["orig_sizes"].tolist() == [[20, 36]] * 2 and not made.guessed


# -- one table ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sizes", "weights"),
    [
        ("g (float[N,T,8] x, int64[N] x_lens) => (float[N,T,8] y, int64[N] z) { y = Relu(x) z = Identity(x_lens) }",
         {"shapes": {"x": [B, T, 8]}}, {}),
        ("g (int64[N,T] ids) => (float[a] y) { y = Gather(table, ids) }", {"batch_size": 4, "seq_length": 9},
         {"table": np.zeros((50, 2), np.float32)}),
        ("g (bool[3,6] mask) => (bool[3,6] y) { y = Not(mask) }", {}, {}),
        ("g (uint8[1,3,32,32] x) => (float[a] y) { y = Cast<to=1>(x) }", {}, {}),
        ("g (int64[6] q) => (bool[6] y) { e = Equal(q, one) f = Equal(q, five) y = Or(e, f) }", {},
         {"one": np.array(1), "five": np.array(5)}),
    ],
)  # fmt: skip
def test_what_is_made_is_of_the_kind_that_it_was_made_as(text, sizes, weights):
    made = MadeUp(model_of(text, **weights), **sizes)
    for name, array in made.inputs.items():
        blank = InputTensor(name, np.zeros_like(array), made.uses.get(name, Use()), is_blank=True)
        assert kind_of(blank).name == kind_of(InputTensor(name, array, made.uses.get(name, Use()))).name


def test_classes_of_the_first_label_encoders_are_numbered():
    text = "g (int64[6] q, string[6] t) => (string[6] y, int64[6] z) { ENCODED }"
    node = 'ai.onnx.ml.LabelEncoder<classes_strings=["a","b","c"]>'
    made = MadeUp(model_of(text.replace("ENCODED", f"y = {node}(q) z = {node}(t)")))
    assert set(made.inputs["q"]) == {0, 1, 2} and set(made.inputs["t"]) == {"a", "b", "c"}
