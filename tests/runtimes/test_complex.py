"""Complex inputs and outputs: pairs of real numbers in a graph, complex numbers before and behind it."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchlib import accuracy, tensors
from benchlib.runtimes import OpenRequest, _ort_session, onnxruntime, openvino, reference

Z = (np.arange(6) + 1j * np.arange(6)[::-1]).astype(np.complex64).reshape(2, 3)


def write(path, kind, nodes, dims=(2, 3, 2)):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("z", kind, dims)], [value("y", kind, dims)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


@pytest.mark.parametrize("runtime", [onnxruntime, openvino, reference])
def test_a_graph_takes_complex_numbers_as_pairs_in_the_same_memory(runtime, tmp_path):
    file = write(tmp_path / "m.onnx", TensorProto.FLOAT, [helper.make_node("Neg", ["z"], ["y"])])
    session, z = runtime.open(OpenRequest(file, "onnx")), Z.copy()
    call = session.bind({"z": z}, {"z": z})
    (y,) = call()
    np.testing.assert_array_equal(accuracy.as_complex_of({"a": z}, {"y": y})["y"], -z)
    if getattr(session, "reads_in_place", False):
        z *= 2
        np.testing.assert_array_equal(accuracy.as_complex_of({"a": z}, {"y": call()[0]})["y"], -2 * Z)


def test_a_graph_that_declares_complex_numbers_gets_them(tmp_path):
    file = write(tmp_path / "m.onnx", TensorProto.COMPLEX64, [helper.make_node("Identity", ["z"], ["y"])], [2, 3])
    np.testing.assert_array_equal(reference.open(OpenRequest(file, "onnx")).bind({"z": Z}, {"z": Z})()[0], Z)


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 3), (2, 1, 4)])
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_pairs_are_the_same_numbers(shape, dtype):
    z = (np.random.default_rng(0).normal(size=shape) + 1j).astype(dtype)
    for leaf in (z, torch.from_numpy(np.asarray(z))):
        pairs = tensors.as_pairs(leaf)
        assert (
            tuple(pairs.shape) == (*shape, 2) and tensors.dtype_of(pairs) == f"float{32 if dtype[-2:] == '64' else 64}"
        )
        assert tensors.dtype_of(tensors.from_pairs(pairs)) == dtype
        np.testing.assert_array_equal(tensors.to_numpy(tensors.from_pairs(pairs)), z)


def test_what_is_not_contiguous_and_a_conjugate_have_pairs_too():
    np.testing.assert_array_equal(tensors.from_pairs(tensors.as_pairs(Z.T)), Z.T)
    conjugate = torch.from_numpy(Z).conj()
    np.testing.assert_array_equal(tensors.as_pairs(conjugate).numpy(), tensors.as_pairs(Z.conj()))


def test_feeds_keep_what_is_not_complex():
    x = np.ones(3, np.float32)
    feed = _ort_session.feeds(["z", "x"], {}, {"z": Z, "x": x})
    assert feed["z"].shape == (2, 3, 2) and feed["z"].dtype == np.float32 and feed["x"] is x
    assert _ort_session.feeds(["z"], {}, {"z": Z}, complex_names=["z"])["z"] is Z


def test_large_complex_outputs_are_thinned_as_their_pairs_are(monkeypatch):
    monkeypatch.setattr(tensors, "THIN", 1000)
    z = np.random.default_rng(0).normal(size=(40, 30, 20, 2)).view(np.complex128)[..., 0]
    thin = tensors.thinned(z)
    assert thin.size < z.size
    np.testing.assert_array_equal(thin, tensors.from_pairs(tensors.thinned(tensors.as_pairs(z))))


@pytest.mark.parametrize("wrong, words", [("conjugate", "output 0"), ("shape", "shape"), ("precision", "shape")])
def test_outputs_as_pairs_are_compared_as_complex_numbers(wrong, words):
    rng = np.random.default_rng(0)
    z = (rng.normal(size=(8, 32)) + 1j * rng.normal(size=(8, 32))).astype(np.complex64)
    pairs = tensors.as_pairs(z)
    for given, equal in ((pairs, True), (_spoilt(z, wrong), False)):
        check = accuracy.compare({0: accuracy.as_complex_of({"z": z}, {"y": given})}, {0: {"z": z}}, "float32")
        assert check.equal == equal
    assert words in check.problem


def _spoilt(z, how):
    pairs = tensors.as_pairs({"conjugate": z.conj(), "shape": z[:4], "precision": z}[how])
    return pairs.astype(np.float64) if how == "precision" else pairs
