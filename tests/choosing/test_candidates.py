"""Which ways there are to choose from."""

import pytest
from onnx import TensorProto, helper, save

from benchlib.choosing.candidates import UNUSUAL, candidates
from benchlib.errors import UserError
from benchlib.mistakes import make

MODULE = {"model": "explicit/mlp"}


def labels(found):
    return [make(way).way.label for way in found.tried]


def test_of_a_module_the_usual_ways_are_tried_those_that_compile_last():
    found = candidates(MODULE)
    assert set(labels(found)) == {
        "eager", "jit", "script", "script openvino", "onnx_dynamo", "onnx_dynamo openvino", "inductor",
    }  # fmt: skip
    assert labels(found)[-1] == "inductor"


def test_each_way_that_is_left_out_has_its_rule():
    rules = candidates(MODULE).left_out
    assert rules["onnx_dynamo+ort"] == rules["aot_inductor"] == rules["script reference"] == UNUSUAL
    assert "another precision" in rules["onnx_dynamo+int8-dynamic"] and "another precision" in rules["script+fp16"]


def test_all_of_them_are_all_that_compute_in_the_precision_of_the_model():
    found = candidates(MODULE, every=True)
    assert set(labels(found)) >= {"onnx_dynamo+ort", "onnx_dynamo+ir", "script+slim openvino", "aot_inductor", "export"}
    assert set(found.left_out.values()) == {candidates(MODULE).left_out["script+fp16"]}
    assert not set(labels(found)) & set(found.left_out)


def test_what_is_given_is_not_varied():
    assert labels(candidates({**MODULE, "exporter": "script"})) == ["script", "script openvino"]
    assert labels(candidates({**MODULE, "runtime": "openvino"})) == ["onnx_dynamo openvino", "script openvino"]
    wanted = {**MODULE, "exporter": "onnx_dynamo", "opt_patterns": "int8-dynamic", "runtime": "onnxruntime"}
    assert labels(candidates(wanted)) == ["onnx_dynamo+int8-dynamic"]


def test_of_an_onnx_file_there_are_the_runtimes(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"])
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])] for name in ("x", "y")]
    save(helper.make_model(helper.make_graph([node], "g", *ends)), tmp_path / "m.onnx")
    assert labels(candidates({"model": str(tmp_path / "m.onnx")})) == ["onnx", "onnx openvino"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**MODULE, "exporter": "onnx"}, "no exporter that is asked for starts from mlp"),
        ({**MODULE, "batch_size": 0}, "batch_size"),
    ],
)
def test_a_question_without_ways_is_one_line(given, said):
    with pytest.raises(UserError, match=said):
        candidates(given)
