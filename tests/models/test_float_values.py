"""Floating numbers that mean something: settings, ranges, boxes, pictures of bytes, by the graph and by their names."""

import numpy as np
import pytest

from tests.models.onnx_text import MadeUp, model_of
from tests.models.test_made_up_masks import answers

C = {"c255": np.float32(255), "c127": np.float32(127.5), "c1": np.float32(1 / 255), "half": np.float32(0.5),
     "mean": np.array([123.675, 116.28, 103.53], np.float32).reshape(1, 3, 1, 1), "eps": np.float32(1e-6),
     "low": np.float32(-1e4), "i0": np.array(0), "i1": np.array([1]), "i11": np.array([1, 1]),
     "hundred": np.array([100]),
     "w": np.ones((3, 4), np.float32), "items": np.zeros(5, np.int64), "fifty": np.array([50], np.float32)}  # fmt: skip


def are_numbers(made, *also):
    for inputs in (made.inputs, made.drawn(5), made.drawn(6), *also):
        assert np.isfinite(answers(made, inputs)).all()


# -- by name ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["speed", "length_scale", "temperature", "guidance_scale", "repetition_penalty",
                                  "inputs.temperature", "scale_factor"])  # fmt: skip
@pytest.mark.parametrize("dims", ["", "[1]", "[3]", "[N]"])
def test_numbers_that_scale_are_one(name, dims):
    name = name.replace(".", "_")
    text = f"g (float[2,50] x, float{dims} {name}) => (float[2,50] y, float z) {{ y = Relu(x) z = ReduceMax({name}) }}"
    made = MadeUp(model_of(text), batch_size=8)
    assert (made.inputs[name] == 1).all() and not made.guessed
    assert any((inputs[name] != 1).any() for inputs in made.moved())


def test_the_scales_of_a_voice():
    text = "g (float[2,50] x, float[3] scales) => (float[2,50] y, float[3] z) { y = Relu(x) z = Relu(scales) }"
    assert MadeUp(model_of(text)).inputs["scales"].round(3).tolist() == np.float32([0.667, 1, 0.8]).round(3).tolist()


@pytest.mark.parametrize("name", ["score_threshold", "iou_threshold", "conf_thresh", "nms_thr"])
def test_a_threshold_is_half(name):
    text = f"g (float[2,50] x, float[1] {name}) => (float[2,50] y) {{ y = Sub(x, {name}) }}"
    made = MadeUp(model_of(text))
    assert made.inputs[name] == 0.5 and not made.guessed


@pytest.mark.parametrize("kind", ["float", "int64"])
@pytest.mark.parametrize("name", ["timestep", "timesteps", "decoder_timestep"])
def test_a_timestep_is_one_of_a_thousand(kind, name):
    text = f"g (float[2,50] x, {kind}[2] {name}) => (float[2,50] y, {kind}[2] z) {{ y = Relu(x) z = Identity({name}) }}"
    made = MadeUp(model_of(text))
    for inputs in made.all():
        assert (inputs[name] >= 0).all() and (inputs[name] < 1000).all() and (inputs[name] % 1 == 0).all()
    assert not made.guessed and made.inputs[name].max() > 20


@pytest.mark.parametrize(("name", "dims"), [("sigma", "[1]"), ("std", "[3]"), ("noise", ""), ("noise_level", "[2]"),
                                            ("sigma", "[2,1,1]"), ("probs", "[2,50]")])  # fmt: skip
def test_what_measures_a_spread_is_positive(name, dims):
    text = f"g (float[2,50] x, float{dims} {name}) => (float[2,50] y, float z) {{ y = Relu(x) z = ReduceMax({name}) }}"
    made = MadeUp(model_of(text))
    assert (made.inputs[name] > 0).all() and (made.inputs[name] <= 1).all() and not made.guessed


def test_noise_that_is_an_image_of_it_is_normal():
    made = MadeUp(model_of("g (float[2,4,8,8] noise) => (float[2,4,8,8] y) { y = Relu(noise) }"))
    assert made.inputs["noise"].min() < -1


@pytest.mark.parametrize("kind", ["float", "int64"])
def test_one_hot_labels_are(kind):
    text = f"g ({kind}[4,6] one_hot_label) => (float[4,6] y) {{ y = Cast<to=1>(one_hot_label) }}"
    made = MadeUp(model_of(text))
    for inputs in made.all():
        assert (inputs["one_hot_label"].sum(-1) == 1).all() and set(np.unique(inputs["one_hot_label"])) == {0, 1}


def test_the_prompts_of_segment_anything():
    text = """g (float[1,8,16,16] embeddings, float[1,N,2] point_coords, float[1,N] point_labels,
        float[1,1,64,64] mask_input, float[1] has_mask_input, float[2] orig_im_size) => (float[a] y) {
        a = ReduceMax(embeddings) b = ReduceMax(point_coords) c = ReduceMax(point_labels) d = Sum(a, b, c)
        e = ReduceMax(mask_input) f = Sum(d, e, has_mask_input, orig_im_size) y = ReduceMax(f) }"""
    made = MadeUp(model_of(text), shapes={"point_coords": [1, 5, 2], "point_labels": [1, 5]})
    own = made.inputs
    assert own["point_coords"].min() >= 0 and own["point_coords"].max() > 50 and not made.guessed
    assert {*np.unique(own["point_labels"]).tolist()} == {0, 1}
    assert not own["mask_input"].any() and own["has_mask_input"] == 0 and (own["orig_im_size"] >= 16).all()
    made.run()


def test_the_size_of_an_image_is_that_of_the_image():
    text = """g (float[N,3,H,W] image, float[N,2] im_shape, float[N,2] scale_factor) => (float[a] y) {
        a = Div(im_shape, scale_factor) y = ReduceMax(a) b = Relu(image) }"""
    made = MadeUp(model_of(text), batch_size=2, height=20, width=36)
    assert made.inputs["im_shape"].tolist() == [[20, 36]] * 2 and (made.inputs["scale_factor"] == 1).all()


# -- by what the graph does ------------------------------------------------------------------------------------

SUPPRESSED = """g (float[1,200,4] b, float[1,5,200] s, float[1] t, float[1] u) => (int64[k,3] y) {
    y = NonMaxSuppression(b, s, hundred, u, t) }"""


def test_the_thresholds_of_a_suppression_keep_some_and_drop_some():
    made = MadeUp(model_of(SUPPRESSED, **C))
    assert made.inputs["t"] == 0.5 and made.inputs["u"] == 0.5 and not made.guessed
    assert (made.inputs["b"][..., :2] < made.inputs["b"][..., 2:]).all()
    assert 20 < len(answers(made)) < 500
    made.run()


@pytest.mark.parametrize(("shape", "inside"), [([1, 8, 16, 24], (24, 16)), ([1, 8, 32, 16], (16, 32))])
def test_regions_lie_within_the_image(shape, inside):
    text = f"""g (float[{",".join(map(str, shape))}] x, float[5,4] r) => (float[5,8,2,2] y) {{
        y = RoiAlign<output_height=2, output_width=2, spatial_scale=0.25>(x, r, items) }}"""
    made = MadeUp(model_of(text, **C))
    corners = made.inputs["r"]
    assert (corners[:, :2] < corners[:, 2:]).all() and corners.min() >= 0
    assert (corners[:, 2:] <= np.array(inside) * 4).all() and corners.max() > 10
    assert len(np.unique(answers(made))) > 50
    made.run()


LOGS = {
    "log": "y = Log(q)", "log of some more": "a = Add(q, eps) y = Log(a)", "root": "y = Sqrt(q)",
    "root behind a cast": "a = Cast<to=11>(q) b = Cast<to=1>(a) y = Sqrt(b)", "half a power": "y = Pow(q, half)",
    "log of a part": "a = Mul(q, half) b = Add(a, eps) y = Log(b)",
}  # fmt: skip


@pytest.mark.parametrize("nodes", LOGS.values(), ids=LOGS)
def test_what_goes_into_a_logarithm_or_a_root_is_positive(nodes):
    made = MadeUp(model_of(f"g (float[3,50] q) => (float[3,50] y) {{ {nodes} }}", **C))
    are_numbers(made, *made.moved())
    assert not np.allclose(answers(made), answers(made, made.drawn(5)))


def test_a_root_of_what_was_squared_asks_nothing():
    made = MadeUp(model_of("g (float[3,50] q) => (float[3,50] y) { a = Mul(q, q) y = Sqrt(a) }"))
    assert made.inputs["q"].min() < -1


BYTES = {
    "divided": "y = Div(x, c255)", "multiplied": "y = Mul(x, c1)", "halved": "a = Div(x, c127) y = Sub(a, half)",
    "mean first": "y = Sub(x, mean)", "turned": "a = Transpose<perm=[0,1,2,3]>(x) y = Div(a, c255)",
}  # fmt: skip


@pytest.mark.parametrize("nodes", BYTES.values(), ids=BYTES)
def test_a_picture_that_the_graph_scales_down_is_of_bytes(nodes):
    x = MadeUp(model_of(f"g (float[1,3,40,40] x) => (float[1,3,40,40] y) {{ {nodes} }}", **C)).inputs["x"]
    assert x.min() >= 0 and x.max() > 200 and (x % 1 == 0).all()


@pytest.mark.parametrize("nodes", ["y = Mul(x, half)", "a = Sub(x, half) y = Div(a, half)", "y = Relu(x)"])
def test_other_pictures_stay_normal(nodes):
    assert MadeUp(model_of(f"g (float[1,3,40,40] x) => (float[1,3,40,40] y) {{ {nodes} }}", **C)).inputs["x"].min() < -1


@pytest.mark.parametrize(("opset", "taken"), [(10, "x, s"), (13, "x, , s"), (17, "x, , s")])
def test_the_scales_of_a_resize(opset, taken):
    text = f'g (float[1,3,8,8] x, float[4] s) => (float[1,3,a,b] y) {{ y = Resize<mode="linear">({taken}) }}'
    made = MadeUp(model_of(text, opset=opset))
    assert made.inputs["s"].tolist() == [1, 1, 2, 2] and answers(made).shape == (1, 3, 16, 16)


def test_sizes_that_are_cast_from_floats():
    text = """g (float[1,1,8,8] x, float[2] NAME) => (float[1,1,a,b] y) {
        i = Cast<to=7>(NAME) n = Concat<axis=0>(i11, i) y = Resize<mode="linear">(x, , , n) }"""
    for name in ("orig_im_size", "q"):
        made = MadeUp(model_of(text.replace("NAME", name), **C))
        assert (made.inputs[name] >= 1).all()
        answers(made)


def test_the_ratio_of_a_dropout():
    made = MadeUp(model_of("g (float[1,9] x, float q) => (float[1,9] y) { y = Dropout(x, q) }"))
    assert 0 <= made.inputs["q"] < 1 and not made.guessed


def test_the_grid_of_a_sample_lies_within_the_picture():
    text = "g (float[1,3,8,8] x, float[1,8,8,2] q) => (float[1,3,8,8] y) { y = GridSample(x, q) }"
    made = MadeUp(model_of(text))
    assert np.abs(made.inputs["q"]).max() <= 1 and np.abs(made.inputs["q"]).max() > 0.9


# -- what is not known -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "nodes", "guessed"),
    [
        ("float[2,50] x, float q", "y = Div(x, q)", ["q"]),
        ("float[2,50] x, float[1] q", "y = Div(x, q)", ["q"]),
        ("float[2,2] x, float[1,2] q", "y = Div(x, q)", ["q"]),
        ("float[2,50] x, float[3] q", "a = ReduceMax(q) y = Div(x, a)", ["q"]),
        ("float[2,50] x, float[1] q, int64 k", "a = Cast<to=1>(k) b = Mul(q, a) y = Div(x, b)", ["q", "k"]),
        ("float[3] q", "y = Relu(q)", []),
        ("float[2,50] x, float[4] q", "a = ReduceMax(q) y = Div(x, a)", []),
        ("float[2,50] x, float[N,3] q", "a = ReduceMax(q) y = Div(x, a)", []),
        ("float[2,50] x, float[1,3] q", "a = MatMul(q, w) b = ReduceMax(a) y = Div(x, b)", []),
        ("float[2,50] x, float[1,3] q", "d = Sub(q, half) a = MatMul(d, w) b = ReduceMax(a) y = Div(x, b)", []),
        ("float[2,50] x, float[1] temperature", "y = Div(x, temperature)", []),
    ],
)
def test_a_few_numbers_beside_the_data_are_one_and_said_to_be_guessed(inputs, nodes, guessed):
    made = MadeUp(model_of(f"g ({inputs}) => (float[a,b] y) {{ {nodes} }}", **C))
    assert made.guessed == guessed
    for name in {"q"} & {*guessed}:
        assert (made.inputs[name] == 1).all()


def test_a_voice_that_is_as_long_as_its_speed_says():
    """As Kokoro's: a negative or tiny speed would fail, or give hours."""
    text = """g (int64[1,seq] input_ids, float[1] speed) => (float[a,b,c] y) { e = Gather(table, input_ids)
        d = Div(fifty, speed) n = Cast<to=7>(d) r = Concat<axis=0>(i1, n, i1) y = Tile(e, r) }"""
    made = MadeUp(model_of(text, table=np.ones((60, 4), np.float32), **C), seq_length=7)
    assert answers(made).shape == (1, 350, 4)


def test_what_is_said_of_guesses_names_the_numbers():
    from benchlib.models._guessed import guessed_in_words
    from benchlib.models._onnx_graph import inputs_of

    wanted = inputs_of(model_of("g (float[2,50] x, float[1] q, int64 k) => (float[2,50] y) { y = Relu(x) }"))
    assert "which numbers fit, so 1.0 was taken" in guessed_in_words(["q"], wanted)
    assert "which whole numbers are legal, so 0 and 1 were taken" in guessed_in_words(["k"], wanted)
    assert "which numbers fit, so 0 and 1, and 1.0 of floats, were taken" in guessed_in_words(["q", "k"], wanted)
    assert "x, q, k would settle it" in guessed_in_words(["q"], wanted) and not guessed_in_words([], wanted)
