"""Another batch for a file that is made for one, or the operator that forbids it."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchlib import mistakes
from benchlib.errors import Refused, UserError
from benchlib.models import onnx_file

RNG = np.random.default_rng(0)


def write(path, nodes, shape, out, state=None, ir_version=9, also=(), **weights):
    """A graph of `x`, and of a `state` of that shape, that gives `y`, and outputs `also`."""
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    given += [helper.make_tensor_value_info("state", TensorProto.FLOAT, state)] if state else []
    gives = [helper.make_tensor_value_info("y", TensorProto.FLOAT, out), *also]
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "g", given, gives, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=ir_version), path)
    return path


def load(path, **parameters):
    return onnx_file.load(str(path), mistakes.make({"model": str(path), "exporter": "onnx", **parameters}))


def classifier(path):
    nodes = [helper.make_node("Reshape", ["x", "to"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"])]
    weight = RNG.standard_normal((12, 5)).astype(np.float32)
    return write(path, nodes, [2, 3, 4], [2, 5], to=np.array([2, 12]), w=weight)


@pytest.mark.parametrize("size", [{"batch_size": 6}, {"shapes": {"x": [1, 3, 4]}}])
def test_each_item_is_computed_as_by_the_file_itself(tmp_path, size):
    path = classifier(tmp_path / "m.onnx")
    model = load(path, **size)
    batch = size.get("batch_size", 1)
    assert model.file is None and model.facts["batch_rewritten"] == f"2 → {batch}"
    (tmp_path / "new").mkdir()
    x = model.inputs["x"]
    assert x.shape == (batch, 3, 4)
    found = onnxruntime.InferenceSession(model.write(tmp_path / "new")).run(None, {"x": x})[0]
    padded = np.resize(x, (max(2, batch), 3, 4))
    own = onnxruntime.InferenceSession(path)
    right = [own.run(None, {"x": padded[i : i + 2]})[0] for i in range(0, len(padded), 2)]
    np.testing.assert_allclose(found, np.concatenate(right)[:batch], rtol=1e-5)


def test_the_operator_that_forbids_another_batch_is_named(tmp_path):
    flat = helper.make_node("Reshape", ["x", "to"], ["y"], name="flat")
    with pytest.raises(Refused, match="made for a batch of 2, and node Reshape 'flat'"):
        load(write(tmp_path / "a.onnx", [flat], [2, 3, 6], [6, 6], to=np.array([6, 6])), batch_size=4)
    cat = helper.make_node("Concat", ["c", "x"], ["y"], axis=1, name="cat")
    with pytest.raises(Refused, match="node Concat 'cat'"):
        load(write(tmp_path / "b.onnx", [cat], [1, 3], [1, 6], c=np.ones((1, 3), np.float32)), batch_size=4)
    mean = helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1)
    apart = helper.make_node("Sub", ["x", "m"], ["y"], name="apart")
    with pytest.raises(Refused, match="Sub 'apart' does not compute the items of a batch apart"):
        load(write(tmp_path / "c.onnx", [mean, apart], [2, 3], [2, 3]), batch_size=4)
    nodes = [mean, helper.make_node("Sub", ["x", "m"], ["d"]), helper.make_node("Mul", ["d", "small"], ["y"])]
    with pytest.raises(Refused, match="does not compute the items of a batch apart"):  # however small the outputs are
        load(write(tmp_path / "d.onnx", nodes, [2, 3], [2, 3], small=np.float32(1e-6)), batch_size=4)


def test_every_item_is_looked_at_and_state_that_mixes_them_is_seen(tmp_path):
    """The items in the middle are doubled here; and a state of zeros would hide to which item its rows belong."""
    ends = {"one": [1], "last": [-1], "zero": [0], "end": [99]}
    nodes = [
        helper.make_node("Slice", ["x", "zero", "one", "zero"], ["first"]),
        helper.make_node("Slice", ["x", "one", "last", "zero"], ["middle"]),
        helper.make_node("Slice", ["x", "one", "end", "zero"], ["rest"]),
        helper.make_node("Slice", ["rest", "last", "end", "zero"], ["final"]),
        helper.make_node("Add", ["middle", "middle"], ["doubled"]),
        helper.make_node("Concat", ["first", "doubled", "final"], ["y"], axis=0),
    ]
    with pytest.raises(Refused, match="does not compute the items of a batch apart"):
        load(write(tmp_path / "a.onnx", nodes, [1, 3], [1, 3], **ends), batch_size=4)
    add = [helper.make_node("Add", ["x", "state"], ["y"]), helper.make_node("Tanh", ["state"], ["new_state"])]
    given_again = [helper.make_tensor_value_info("new_state", TensorProto.FLOAT, [1, 1, 8])]
    with pytest.raises(Refused, match="does not compute the items of a batch apart"):
        load(write(tmp_path / "b.onnx", add, [1, 4, 8], [1, 4, 8], state=[1, 1, 8], also=given_again), batch_size=4)


def test_a_free_dimension_beside_the_batch_takes_its_size_from_the_trial(tmp_path):
    path = write(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [6, "seq", 8], [6, "seq", 8])
    assert load(path, batch_size=2, seq_length=16).inputs["x"].shape == (2, 16, 8)
    assert load(path, shapes={"x": [7, 5, 8]}).inputs["x"].shape == (7, 5, 8)
    with pytest.raises(UserError, match=r"say `shapes: \{x: \[2, …, 8\]\}`"):
        load(path, batch_size=2)


def test_outputs_may_be_sequences_or_have_nothing_to_do_with_the_batch(tmp_path):
    split = helper.make_node("SplitToSequence", ["x"], ["s"], axis=1)
    parts = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    table = helper.make_tensor_value_info("t", TensorProto.FLOAT, [2, 7])
    nodes = [split, helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Identity", ["w"], ["t"])]
    path = write(tmp_path / "m.onnx", nodes, [2, 3], [2, 3], also=[parts, table], w=np.ones((2, 7), np.float32))
    assert load(path, batch_size=4).inputs["x"].shape == (4, 3)


def test_a_shape_may_be_given_as_whole_numbers_and_a_subgraph_sees_the_batch(tmp_path):
    branches = {
        name: helper.make_graph(
            [helper.make_node(operator, ["x"], [name])], name, [], [helper.make_tensor_value_info(name, 1, None)]
        )
        for name, operator in (("then_branch", "Relu"), ("else_branch", "Neg"))
    }
    nodes = [
        helper.make_node("Constant", [], ["to"], value_ints=[2, 12]),
        helper.make_node("If", ["c"], ["chosen"], **branches),
        helper.make_node("Reshape", ["chosen", "to"], ["y"]),
    ]
    path = write(tmp_path / "m.onnx", nodes, [2, 3, 4], [2, 12], c=np.array(True))
    assert load(path, batch_size=4).inputs["x"].shape == (4, 3, 4)


def test_a_version_that_onnxruntime_does_not_read_is_said_as_such(tmp_path):
    path = write(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [2, 3], [2, 3], ir_version=99)
    with pytest.raises(Refused, match=r"onnxruntime .* reads IR versions up to"):
        load(path, batch_size=4)


def test_a_file_without_a_batch_is_not_asked_for_one(tmp_path):
    path = write(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [7], [7])
    assert load(path).inputs["x"].shape == (7,)
    with pytest.raises(Refused, match="no dimension of the file's inputs can be its batch"):
        load(path, batch_size=2)
    none = write(tmp_path / "none.onnx", [helper.make_node("Relu", ["x"], ["y"])], [0, 7], [0, 7])
    with pytest.raises(Refused, match="no dimension of the file's inputs can be its batch"):
        load(none, batch_size=2)


def test_weights_that_lie_apart_are_written_anew(tmp_path):
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = write(tmp_path / "m.onnx", [product], [2, 64], [2, 64], w=np.eye(64, dtype=np.float32))
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="m.data")
    model = load(path, batch_size=6)
    for folder in (tmp_path / "new", tmp_path / "again"):
        folder.mkdir()
        session = onnxruntime.InferenceSession(model.write(folder))
        np.testing.assert_array_equal(session.run(None, {"x": model.inputs["x"]})[0], model.inputs["x"])
