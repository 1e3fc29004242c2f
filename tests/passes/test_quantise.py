"""Graphs in which there is nothing to quantise, or little: the reason that is given is the graph's own."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchlib import tensors
from benchlib.errors import Refused
from benchlib.passes import PassRequest
from benchlib.registries import passes

PASSES = ("int8-dynamic", "int8-static", "int4-weights")
FLOAT = TensorProto.FLOAT


def node(operator, inputs, outputs=("y",), domain="", **attributes):
    return helper.make_node(operator, inputs, outputs, domain=domain, **attributes)


FOREST = node(
    "TreeEnsembleRegressor", ["x"], domain="ai.onnx.ml", n_targets=1,
    nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2], nodes_featureids=[0] * 3, nodes_values=[0.5, 0.0, 0.0],
    nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
    target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, -1.0],
)  # fmt: skip
SCALER = node("Scaler", ["x"], domain="ai.onnx.ml", offset=[0.0] * 32, scale=[1.0] * 32)
LINEAR = node("LinearRegressor", ["x"], domain="ai.onnx.ml", coefficients=[0.1] * 32, intercepts=[0.0])
NORMALIZER = node("Normalizer", ["x"], domain="ai.onnx.ml", norm="L2")
NOTHING = {
    "a forest": [FOREST],
    "a scaler": [SCALER],
    "a linear model": [LINEAR],
    "a norm": [NORMALIZER],
    "a product of two inputs": [node("Transpose", ["x"], ["t"], perm=[1, 0]), node("MatMul", ["x", "t"])],
    "a shape": [node("Reshape", ["x", "shape"])],
    "what is looked up in the input": [node("Gather", ["x", "at"], axis=1)],
    "a bias": [node("Add", ["x", "bias"])],
}


@pytest.fixture
def passed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def one(name, nodes, **how):
        value = helper.make_tensor_value_info
        rng = np.random.default_rng(0)
        arrays = {
            "shape": np.array([2, 2, 16]), "at": np.array([0, 2]), "bias": rng.normal(size=32).astype("f"),
            "w": rng.normal(size=(32, 64)).astype("f"), "kernel": rng.normal(size=(8, 2, 3, 3)).astype("f"),
        }  # fmt: skip
        read = {given for each in nodes for given in each.input}
        weights = [numpy_helper.from_array(array, key) for key, array in arrays.items() if key in read]
        graph = helper.make_graph(nodes, "g", [value("x", FLOAT, [2, 32])], [value("y", FLOAT, None)], weights)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "m.onnx", **how)
        tensors.save(tmp_path / "x.npz", {"x": rng.normal(size=(2, 32)).astype("f")})
        plugin = passes.get(name)
        options = {key: option.default for key, option in plugin.options.items()}
        inputs = (tmp_path / "x.npz",)
        return plugin.apply(PassRequest(tmp_path / "m.onnx", tmp_path / "q.onnx", options, (), inputs))

    return one


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("graph", NOTHING)
def test_where_nothing_can_be_quantised_that_is_the_reason(passed, name, graph):
    words = "MatMul" if name == "int4-weights" else "MatMul, Gemm or Conv"
    with pytest.raises(Refused) as error:
        passed(name, NOTHING[graph])
    assert str(error.value) == f"{name}: nothing to quantise: no {words} with constant weights"


PRODUCT = [node("MatMul", ["x", "w"])]
SOMETHING = {
    "a product": PRODUCT,
    "a product behind a scaler": [node("Scaler", ["x"], ["s"], "ai.onnx.ml", offset=[0.0] * 32, scale=[1.0] * 32),
                                  node("MatMul", ["s", "w"])],
    "a matrix that is computed": [node("Transpose", ["w"], ["t"]), node("Transpose", ["t"], ["u"]),
                                  node("MatMul", ["x", "u"])],
    "a matrix that is a constant": [
        node("Constant", [], ["c"], value=numpy_helper.from_array(np.eye(32, 64, dtype="f"))),
        node("MatMul", ["x", "c"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("graph", SOMETHING)
def test_a_matrix_among_other_things_is_quantised(passed, name, graph):
    assert passed(name, SOMETHING[graph])["quantized_weights"] == 1


@pytest.mark.parametrize("name", PASSES)
def test_a_small_matrix_in_a_file_of_its_own_is_quantised(passed, name):
    apart = {"save_as_external_data": True, "location": "m.data", "size_threshold": 0}
    assert passed(name, PRODUCT, **apart)["quantized_weights"] == 1


def test_a_convolution_has_nothing_for_products(passed):
    convolution = [node("Reshape", ["x", "square"], ["s"]), node("Conv", ["s", "kernel"])]
    convolution.insert(0, node("Constant", [], ["square"], value=numpy_helper.from_array(np.array([2, 2, 4, 4]))))
    assert passed("int8-static", convolution)["quantized_weights"] == 1
    with pytest.raises(Refused, match="no MatMul with constant weights"):
        passed("int4-weights", convolution)
