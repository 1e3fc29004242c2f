"""How graphs call their free axes, and what sizes these get."""

import pytest

from benchlib.models import _names
from benchlib.models._onnx_batch import _is_batch
from benchlib.models._onnx_graph import Value, inputs_of
from benchlib.models._onnx_shapes import axes
from tests.models.onnx_text import MadeUp, model_of

SIZES = {"batch_size": 3, "seq_length": 11, "height": 20, "width": 28}


@pytest.mark.parametrize(
    ("called", "parameter"),
    [
        *((name, "batch_size") for name in ("batch", "N", "n", "B", "batch_size", "batchSize", "bs", "num_batches",
                                            "batch_axis", "image_batch", "Batch")),
        *((name, "seq_length") for name in ("seq", "T", "t", "time", "frames", "sequence_length", "seq_len", "S", "L",
                                            "num_frames", "time_steps", "timesteps", "tokens", "text_length",
                                            "max_seq_len",
                                            "past_sequence_length", "decoder_sequence_length", "audio_len",
                                            "numFrames")),
        *((name, "height") for name in ("height", "image_height", "H", "rows", "inputHeight", "img_height")),
        *((name, "width") for name in ("width", "image_width", "W", "cols", "imageWidth", "in_width")),
        *((name, None) for name in ("", "s0", "s77", "unk__12", "k", "dim_0", "input_dynamic_axes_1", "height_width",
                                    "features", "channels", "x_dim_1", "hidden")),
    ],
)  # fmt: skip
def test_what_the_name_of_a_free_axis_says(called, parameter):
    assert _names.parameter_of(called) == parameter


@pytest.mark.parametrize(
    ("dims", "shape"),
    [
        ("N,C,image_height,image_width", [3, 3, 20, 28]),
        ("batch,channels,H,W", [3, 3, 20, 28]),
        ("N,H,W,3", [3, 20, 28, 3]),
        ("batch,T,80", [3, 11, 80]),
        ("T,batch,80", [11, 3, 80]),
        ("N,time,8", [3, 11, 8]),
        ("time,N,8", [11, 3, 8]),
        ("B,8,frames", [3, 8, 11]),
        ("batch_size,seq", [3, 11]),
        ("seq,8", [11, 8]),
        ("s0,8", [3, 8]),
    ],
)
def test_free_axes_get_their_sizes_wherever_they_stand(dims, shape):
    assert MadeUp(model_of(f"g (float[{dims}] x) => (float[{dims}] y) {{ y = Relu(x) }}"), **SIZES).shapes["x"] == shape


def test_channels_are_as_many_as_the_convolution_takes():
    import numpy as np

    text = "g (float[N,channels,H,W] x) => (float[a,b,c,d] y) { n = Div(x, s) y = Conv<group=2>(n, w) }"
    weights = {"w": np.ones((4, 3, 1, 1), np.float32), "s": np.float32(255)}
    made = MadeUp(model_of(text, **weights), **SIZES)
    assert made.shapes["x"] == [3, 6, 20, 28]
    made.run()


def test_axes_that_follow_the_trial_are_those_that_are_called_so():
    text = """g (float[T,N,8] x, int64[N] lens, float[N,C,H,W] image) => (float[a] y, float[b] z, int64[N] u) {
        y = Relu(x) z = Relu(image) u = Identity(lens) }"""
    model = model_of(text)
    made = MadeUp(model, **SIZES)
    found = axes(inputs_of(model), made.inputs)
    assert found == {"x": {0: "seq_length", 1: "batch"}, "lens": {0: "batch"}, "image": {0: "batch"}}


def test_a_first_axis_that_is_the_time_is_no_batch():
    assert not _is_batch(Value("FLOAT", ("T", 4, 8)))
    assert _is_batch(Value("FLOAT", ("T", "N", 8))) and _is_batch(Value("FLOAT", ("k", 8)))
