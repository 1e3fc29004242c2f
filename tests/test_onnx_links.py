"""Weights behind links, as a hub's cache (symbolic) and installers of packages (hard) leave them."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchlib import onnx_links
from benchlib.errors import UserError
from benchlib.models import onnx_file, parse

WEIGHT = np.arange(64, dtype="f").reshape(8, 8)


@pytest.fixture
def plain(tmp_path):
    """A model with its weights in a folder below it, in plain files."""
    value = helper.make_tensor_value_info
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    ends = [value("x", TensorProto.FLOAT, [2, 8])], [value("y", TensorProto.FLOAT, [2, 8])]
    graph = helper.make_graph(nodes, "g", *ends, [numpy_helper.from_array(WEIGHT, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "plain" / "data").mkdir(parents=True)
    path = tmp_path / "plain" / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="data/weights", size_threshold=0)
    return path


def symbolic(path):
    weights = path.parent / "data" / "weights"
    weights.rename(path.parent / "data" / "elsewhere")
    weights.symlink_to("elsewhere")


def hard(path):
    os.link(path.parent / "data" / "weights", path.parent / "other")


def folder(path):
    (path.parent / "data").rename(path.parent / "moved")
    (path.parent / "data").symlink_to("moved")


@pytest.mark.parametrize("link", [symbolic, hard, folder])
def test_weights_behind_a_link_are_read_from_a_copy(plain, link):
    with onnx_links.without_links(plain) as file:
        assert file == plain
    link(plain)
    with pytest.raises(onnx.checker.ValidationError):
        onnx.load(plain)
    with onnx_links.without_links(plain) as file:
        assert file != plain
        np.testing.assert_array_equal(numpy_helper.to_array(onnx.load(file).graph.initializer[0]), WEIGHT)
    assert not file.parent.exists()
    np.testing.assert_array_equal(numpy_helper.to_array(onnx_links.load(plain).graph.initializer[0]), WEIGHT)


@pytest.fixture
def snapshot(plain, tmp_path):
    """The same as the cache of a hub holds it: each file a link into one folder of blobs."""
    blobs, folder = tmp_path / "hub" / "blobs", tmp_path / "hub" / "snapshots" / "0123abc"
    (folder / "data").mkdir(parents=True)
    blobs.mkdir()
    for number, name in enumerate(("model.onnx", "data/weights")):
        (plain.parent / name).rename(blobs / f"{number}")
        (folder / name).symlink_to(os.path.relpath(blobs / f"{number}", (folder / name).parent))
    return folder / "model.onnx"


def test_a_snapshot_of_a_hub_is_a_model_under_its_own_name(snapshot):
    assert parse(str(snapshot)) == ("onnx_file", str(snapshot))
    assert set(onnx_file.identity(str(snapshot), None)) == {"model.onnx", "data/weights"}
    np.testing.assert_array_equal(numpy_helper.to_array(onnx_links.load(snapshot).graph.initializer[0]), WEIGHT)


def test_a_link_out_of_the_blobs_is_refused(snapshot, tmp_path):
    (tmp_path / "secret").write_bytes(WEIGHT.tobytes())
    weights = snapshot.parent / "data" / "weights"
    weights.unlink()
    weights.symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match="its external data data/weights lies outside its folder"):
        onnx_file.identity(str(snapshot), None)
