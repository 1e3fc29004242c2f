"""ONNX files: inputs from the graph's types, from files, and errors that say what to write."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchlib import mistakes, tensors
from benchlib.errors import Refused, UserError
from benchlib.models import _onnx_shapes, onnx_file, parse
from benchlib.models._onnx_graph import Value
from benchlib.plan.expand import expand
from benchlib.plan.study import from_options
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest

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
    mask = inputs["attention_mask"]
    assert mask[0].all() and mask[1].tolist() == [1, 1, 1, 1, 0, 0, 0]  # the second item is padded
    assert 1 <= inputs["input_ids"].min() <= inputs["input_ids"].max() < 100
    assert inputs["pixels"].dtype == np.float16 and inputs["again"].dtype == np.float64
    assert set(inputs["flags"].ravel()) == {True, False}
    assert tensors.dtype_of(inputs["half"]) == "bfloat16"


def test_the_items_of_a_call_are_those_that_the_inputs_have(tmp_path):
    """They are not `batch_size` where the file, `shapes` or given inputs say another number."""
    free = write(tmp_path / "a.onnx", {"state": (TensorProto.FLOAT, [2, "n"]), "x": (TensorProto.FLOAT, ["n", 3])})
    assert [load(free, **size).facts["items"] for size in ({}, {"batch_size": 4})] == [1, 4]
    assert load(free, shapes={"x": [6, 3]}).facts["items"] == 6
    assert load(write(tmp_path / "b.onnx", {"x": (TensorProto.FLOAT, [8, 3])})).facts["items"] == 8
    np.savez(tmp_path / "x.npz", x=np.ones((5, 3), np.float32), state=np.ones((2, 5), np.float32))
    assert load(free, inputs=str(tmp_path / "x.npz")).facts["items"] == 5
    assert "items" not in load(write(tmp_path / "c.onnx", {"x": (TensorProto.FLOAT, [8])})).facts


def test_inputs_that_contradict_the_graph_or_the_trial_are_one_line(tmp_path):
    path = write(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, ["n", 3])})

    def given(array, **parameters):
        np.savez(tmp_path / "x.npz", x=array)
        return load(path, inputs=str(tmp_path / "x.npz"), **parameters)

    assert given(np.ones((4, 3), np.float32), batch_size=4).inputs["x"].shape == (4, 3)
    with pytest.raises(UserError, match=r"x.npz': x is float\[n, 3\] in the graph, not float64\[4, 3\]"):
        given(np.ones((4, 3)))
    with pytest.raises(UserError, match=r"x is float\[n, 3\] in the graph, not float32\[4, 5\]"):
        given(np.ones((4, 5), np.float32))
    with pytest.raises(UserError, match="batch_size 8: the inputs that are given are of 4 items"):
        given(np.ones((4, 3), np.float32), batch_size=8)
    with pytest.raises(UserError, match="batch_size 8: the shapes that are given are of 4 items"):
        load(path, shapes={"x": [4, 3]}, batch_size=8)
    both = mistakes.make({"model": str(path), "exporter": "onnx", "inputs": "x.npz", "shapes": [[4, 3]]})
    assert "leave shapes out" in onnx_file.refuse(both)


def test_a_file_that_holds_no_inputs_is_one_line(tmp_path):
    path = write(tmp_path / "m.onnx", {"x": (TensorProto.FLOAT, [3])})
    np.save(tmp_path / "lone.npy", np.ones(3, np.float32))
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "empty.npz").write_bytes(b"")
    for file in ("lone.npy", "cut.npz", "empty.npz"):
        with pytest.raises(UserError, match=r"not a readable \.npz file"):
            load(path, inputs=str(tmp_path / file))


def test_what_is_not_known_is_listed_with_how_to_say_it(tmp_path):
    path = write(
        tmp_path / "m.onnx",
        {"a": (TensorProto.FLOAT, ["batch", "frames", 80]), "b": (TensorProto.FLOAT, [2])},
    )
    said = r"a float\[batch, frames, 80\]; b float\[2\]; say `shapes: {a: \[1, …, 80\]}` or `seq_length`"
    with pytest.raises(UserError, match=said):
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


@pytest.mark.parametrize("place", ["absolute", "above", "by a link", "inside", "in a folder"])
def test_external_data_outside_the_folder_is_refused_before_anything_runs(tmp_path, place):
    """A file must not read what it likes of this machine."""
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(bytes(8000))
    (folder / "linked").symlink_to(tmp_path / "secret")
    for own in (folder / "w.bin", folder / "data" / "w.bin"):
        own.write_bytes(bytes(8000))
    named = {"absolute": str(tmp_path / "secret"), "above": "../secret", "by a link": "linked"}
    location = named.get(place) or {"inside": "w.bin", "in a folder": "data/w.bin"}[place]
    path = write(folder / "m.onnx", {"a": (TensorProto.FLOAT, [2])})
    proto = onnx.load(path)
    weight = proto.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    path.write_bytes(proto.SerializeToString())
    study = from_options("one", {"model": [str(path)], "exporter": ["onnx"], "reference": ["none"]})
    if place not in named:
        assert set(onnx_file.identity(str(path), None)) == {"m.onnx", location}
        assert len(expand(study).trials) == 1
        return
    with pytest.raises(UserError, match=f"its external data {location} lies outside its folder") as error:
        expand(study)
    assert len(error.value.complaints) == 1


def test_what_an_onnx_file_cannot_be_asked():
    plain = {"with_loss": False, "dtype": "float32", "attn_implementation": None, "model_args": {}, "inputs": None}
    assert onnx_file.refuse(SimpleNamespace(**plain)) is None
    for other in ({"dtype": "float16"}, {"attn_implementation": "sdpa"}, {"model_args": {"a": 1}}, {"with_loss": True}):
        assert onnx_file.refuse(SimpleNamespace(**{**plain, **other}))


def test_shapes_may_be_given_in_the_graphs_order():
    wanted = {"a": Value("FLOAT", (1, "k")), "b": Value("FLOAT", ("n",))}
    assert _onnx_shapes.by_name([[1, 2], [3]], wanted) == {"a": [1, 2], "b": [3]}
    assert _onnx_shapes.by_name({"b": [3]}, wanted) == {"b": [3]}
    with pytest.raises(UserError, match="1 are given, the graph has 2 inputs: a, b"):
        _onnx_shapes.by_name([[1, 2]], wanted)


def save(path, nodes, inputs, outputs, weights=(), opset=18, ir=9):
    values = [helper.make_value_info(name, kind) for name, kind in inputs.items()]
    results = [helper.make_value_info(name, kind) for name, kind in outputs.items()]
    graph = helper.make_graph(nodes, "g", values, results, list(weights))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir), path)
    return path


def test_ids_are_drawn_from_the_whole_table_that_they_are_looked_up_in(tmp_path):
    table = numpy_helper.from_array(np.zeros((5000, 2), np.float32), "table")
    nodes = [helper.make_node("Cast", ["input_ids"], ["c"], to=TensorProto.INT64)]
    nodes += [helper.make_node("Gather", ["table", "c"], ["y"]), helper.make_node("Expand", ["y", "size"], ["z"])]
    ids = helper.make_tensor_type_proto(TensorProto.INT32, ["batch", "seq"])
    size = helper.make_tensor_type_proto(TensorProto.INT64, [3])
    out = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    path = save(tmp_path / "m.onnx", nodes, {"input_ids": ids, "size": size}, {"z": out}, [table])
    inputs = load(path, batch_size=4, seq_length=512).inputs
    found = inputs["input_ids"]
    assert found.min() >= 0 and 4500 < found.max() < 5000
    assert len(np.unique(found)) >= 0.95 * found.size
    assert inputs["size"].tolist() == [1, 1, 1]


def test_sequences_optionals_and_texts_are_made_and_run(tmp_path):
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, ["batch", 4])
    words = helper.make_tensor_type_proto(TensorProto.STRING, ["batch"])
    sequence, optional = helper.make_sequence_type_proto(tensor), helper.make_optional_type_proto(tensor)
    nodes = [
        helper.make_node("ConcatFromSequence", ["s"], ["all"], axis=0),
        helper.make_node("OptionalGetElement", ["o"], ["one"]),
        helper.make_node("Concat", ["all", "one"], ["y"], axis=0),
        helper.make_node("Identity", ["t"], ["u"]),
    ]
    inputs, out = {"s": sequence, "o": optional, "t": words}, helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    path = save(tmp_path / "m.onnx", nodes, inputs, {"y": out, "u": words})
    model = load(path, batch_size=2)
    tensors.save(tmp_path / "x.npz", model.inputs)
    flat, structure = tensors.load(tmp_path / "x.npz")
    made = tensors.unflatten(structure, flat)
    assert [a.shape for a in made["s"]] == [(2, 4)] * 3 and len(set(made["t"])) == 2
    for name in ("onnxruntime", "reference"):
        runtime = runtimes.get(name)
        options = {n: option.default for n, option in runtime.options.items()}
        found = runtime.open(OpenRequest(str(path), "onnx", options=options)).bind(made, flat)()
        np.testing.assert_array_equal(found[0], np.concatenate([*made["s"], made["o"]]))
        assert list(found[1]) == list(made["t"])


@pytest.mark.parametrize(
    ("name", "age", "says"),
    [
        ("onnxruntime", {"ir": 99}, r"reads IR versions up to \d+; the file has 99"),
        ("onnxruntime", {"opset": 99}, r"operator set ai\.onnx up to version \d+; the file has 99"),
        ("onnxruntime", {"opset": 5}, "does not run Relu of version 1"),
        ("reference", {"opset": 99}, r"knows the operator set up to version \d+; the file has 99"),
    ],
)
def test_a_file_too_new_or_too_old_for_a_runtime_is_one_line(tmp_path, name, age, says):
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [2])
    path = save(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], {"x": kind}, {"y": kind}, **age)
    options = {n: option.default for n, option in runtimes.get(name).options.items()}
    with pytest.raises(Refused, match=says):
        runtimes.get(name).open(OpenRequest(str(path), "onnx", options=options))


def test_a_stub_of_sparsezoo_is_one_line():
    with pytest.raises(UserError, match="give the path of its ONNX file"):
        parse("zoo:cv/classification/resnet_v1-50/pytorch/sparseml")
