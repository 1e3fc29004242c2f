"""ONNX files: inputs from the graph's types, from files, and errors that say what to write."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchlib import mistakes, tensors
from benchlib.errors import UserError
from benchlib.models import onnx_file, parse

SILERO = "package:silero_vad/data/silero_vad.onnx"


def load(model, **parameters):
    _, path = parse(str(model))
    return onnx_file.load(path, mistakes.make({"model": str(model), "exporter": "onnx", **parameters}))


def write(path, inputs, **save):
    """A graph that passes its inputs through; inputs: name -> (type, dims)."""
    values = [helper.make_tensor_value_info(n, t, d) for n, (t, d) in inputs.items()]
    outputs = [helper.make_tensor_value_info(f"{n}_out", t, d) for n, (t, d) in inputs.items()]
    nodes = [helper.make_node("Identity", [n], [f"{n}_out"]) for n in inputs]
    weight = numpy_helper.from_array(np.arange(2000, dtype=np.float32), "w")
    graph = helper.make_graph(nodes, "g", values, outputs, [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path, **save)
    return path


def test_silero_gets_speech_a_rate_and_fresh_states():
    model = load(SILERO, batch_size=3)
    sound, state, rate = (model.inputs[n] for n in ("input", "state", "sr"))
    assert sound.shape == (3, 64 + 512) and sound.dtype == np.float32
    assert 0.01 < np.abs(sound).mean() < 1
    assert state.shape == (2, 3, 128) and not state.any()
    assert rate.shape == () and rate.dtype == np.int64 and rate == 16000
    assert model.module is None and model.file.name == "silero_vad.onnx"
    assert model.facts["params_size"] > 500_000


def test_silero_hears_speech_rather_than_silence():
    """The signal is speech-like to the model that is asked, more so than silence is."""
    import onnxruntime

    model = load(SILERO)
    session = onnxruntime.InferenceSession(model.file, providers=["CPUExecutionProvider"])

    def heard(sound):
        state, found = model.inputs["state"], 0.0
        for _ in range(8):
            out, state = session.run(None, {**model.inputs, "input": sound, "state": state})
            found = max(found, float(out[0, 0]))
        return found

    assert heard(model.inputs["input"]) > heard(np.zeros_like(model.inputs["input"]))


def test_dimensions_come_from_parameters_and_shapes(tmp_path):
    wanted = {
        "input_ids": (TensorProto.INT64, ["batch", "sequence_length"]),
        "attention_mask": (TensorProto.INT64, ["batch", "sequence_length"]),
        "pixels": (TensorProto.FLOAT16, ["n", 3, "height", "width"]),
        "flags": (TensorProto.BOOL, ["batch", "k"]),
        "again": (TensorProto.DOUBLE, ["batch", "k"]),
        "half": (TensorProto.BFLOAT16, [4]),
    }
    path = write(tmp_path / "m.onnx", wanted)
    size = {"seq_length": 7, "height": 8, "width": 9, "shapes": {"flags": [2, 6]}}
    inputs = load(path, batch_size=2, **size).inputs
    assert {n: a.shape for n, a in inputs.items()} == {
        "input_ids": (2, 7),
        "attention_mask": (2, 7),
        "pixels": (2, 3, 8, 9),
        "flags": (2, 6),
        "again": (2, 6),
        "half": (4,),
    }
    assert inputs["attention_mask"].all() and 1 <= inputs["input_ids"].min() <= inputs["input_ids"].max() < 100
    assert inputs["pixels"].dtype == np.float16 and inputs["again"].dtype == np.float64
    assert set(inputs["flags"].ravel()) == {True, False}
    assert tensors.dtype_of(inputs["half"]) == "bfloat16"


def test_what_is_not_known_is_listed_with_how_to_say_it(tmp_path):
    path = write(
        tmp_path / "m.onnx",
        {"a": (TensorProto.FLOAT, ["batch", "frames", 80]), "b": (TensorProto.FLOAT, [2])},
    )
    with pytest.raises(UserError, match=r"a float\[batch, frames, 80\]; b float\[2\]; say `shapes: {a: \[1, …, 80\]}`"):
        load(path)
    with pytest.raises(UserError, match="no input 'aa'; did you mean 'a'"):
        load(path, shapes={"aa": [1]})
    with pytest.raises(UserError, match=r"a is \[batch, frames, 80\] in the graph, not \[1, 5, 81\]"):
        load(path, shapes={"a": [1, 5, 81]})
    assert load(path, shapes={"a": [1, 5, 80]}).inputs["a"].shape == (1, 5, 80)


def test_inputs_from_an_npz_and_from_onnx_test_data(tmp_path):
    path = write(tmp_path / "m.onnx", {"a": (TensorProto.FLOAT, [2]), "b": (TensorProto.INT64, [1])})
    a, b = np.array([1.5, 2.5], np.float32), np.array([3])
    np.savez(tmp_path / "named.npz", b=b, a=a)
    np.savez(tmp_path / "ordered.npz", a, b)
    data = tmp_path / "data" / "test_data_set_0"
    data.mkdir(parents=True)
    for i, array in enumerate((a, b)):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
    for given in ("named.npz", "ordered.npz", "data"):
        inputs = load(path, inputs=str(tmp_path / given)).inputs
        assert list(inputs) == ["a", "b"]
        np.testing.assert_array_equal(inputs["a"], a)
        np.testing.assert_array_equal(inputs["b"], b)
    np.savez(tmp_path / "wrong.npz", c=a)
    for bad, words in (
        ("wrong.npz", "hold c; the model takes a, b"),
        ("none.npz", "no such file"),
        ("m.onnx", "not a readable"),
    ):
        with pytest.raises(UserError, match=words):
            load(path, inputs=str(tmp_path / bad))


@pytest.mark.parametrize("content", [b"", b"not protobuf at all", b"\x00" * 64])
def test_a_corrupt_file_is_one_line(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match="ONNX"):
        load(path)


def test_identity_covers_external_data(tmp_path):
    kinds = {"a": (TensorProto.FLOAT, [2])}
    path = write(tmp_path / "m.onnx", kinds, save_as_external_data=True, location="m.data", size_threshold=0)
    before = onnx_file.identity(str(path), None)
    assert set(before) == {"m.onnx", "m.data"}
    (tmp_path / "m.data").write_bytes((tmp_path / "m.data").read_bytes() + b"x")
    assert onnx_file.identity(str(path), None) != before
    (tmp_path / "m.data").unlink()
    with pytest.raises(UserError, match=r"m\.data is not beside it"):
        onnx_file.identity(str(path), None)


def test_what_an_onnx_file_cannot_be_asked():
    plain = {"with_loss": False, "dtype": "float32", "attn_implementation": None, "model_args": {}}
    assert onnx_file.refuse(SimpleNamespace(**plain)) is None
    for other in ({"dtype": "float16"}, {"attn_implementation": "sdpa"}, {"model_args": {"a": 1}}, {"with_loss": True}):
        assert onnx_file.refuse(SimpleNamespace(**{**plain, **other}))


def test_shapes_may_be_given_in_the_graphs_order(tmp_path):
    names = ["a", "b"]
    assert onnx_file._by_name([[1, 2], [3]], names) == {"a": [1, 2], "b": [3]}
    assert onnx_file._by_name({"b": [3]}, names) == {"b": [3]}
    with pytest.raises(UserError, match="1 are given, the graph has 2 inputs: a, b"):
        onnx_file._by_name([[1, 2]], names)
