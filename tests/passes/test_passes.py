"""Every pass on real graphs: what it leaves still computes the model, and its rules, casts and sizes are as said."""

import numpy as np
import onnx
import pytest

from benchlib import tensors
from benchlib.errors import Refused, UserError
from benchlib.onnx_facts import onnx_facts
from benchlib.passes import _onnx_io, ort, ort_transformers
from benchlib.registries import passes
from tests.passes.conftest import cosine

pytestmark = pytest.mark.slow

GRAPHS = ("script", "onnx_dynamo")
OPTIMISERS = ("default", "ort", "slim")


def operators(file):
    return onnx_facts(file)["operators"]


@pytest.mark.parametrize("exporter", GRAPHS)
@pytest.mark.parametrize(
    "name, key",
    [(name, key) for name in OPTIMISERS for key in ("bert", "resnet", "conv_bn")] + [("ort-transformers", "bert")],
)
def test_optimisers_keep_what_is_computed(graph, name, key, exporter):
    g = graph(key, exporter)
    file, _ = g.passed(name)
    onnx.checker.check_model(str(file))
    np.testing.assert_allclose(g.run(file), g.expected, rtol=1e-4, atol=1e-5)
    if exporter == "script":
        assert sum(operators(file).values()) < sum(g.operators.values())
    assert sorted(p.name for p in g.folder.iterdir()) == [file.name], "one file, nothing left over"


def test_ir_does_what_the_exporter_itself_does_later(graph):
    g = graph("bert", "onnx_dynamo")
    file, _ = g.passed("ir")
    assert operators(file) == g.operators, "optimised already"
    np.testing.assert_allclose(g.run(file), g.expected, rtol=1e-4, atol=1e-5)


def test_a_graph_that_onnxslim_cannot_serialise_is_refused(graph, monkeypatch):
    monkeypatch.setattr(onnx.checker, "MAXIMUM_PROTOBUF", 1000)
    with pytest.raises(Refused, match=r"^slim: onnxslim takes no graph of 2 GB"):
        graph("conv_bn", "script").passed("slim")


@pytest.mark.parametrize(
    "key, name, rule, operator",
    [
        ("resnet", "default", "FuseBatchNormIntoConv", "BatchNormalization"),
        ("resnet", "slim", "FusionConvBN", "BatchNormalization"),
        ("resnet", "ort", "ConvBNFusion", "BatchNormalization"),
        ("bert", "slim", "constant_folding", "Constant"),
        ("bert", "ort", "MatMulAddFusion", "MatMul"),
        ("bert", "ort-transformers", "SkipLayerNorm", "LayerNormalization"),
    ],
)
def test_a_rule_that_is_taken_out_leaves_its_operators(graph, key, name, rule, operator):
    g = graph(key, "script")
    whole, without = (operators(g.passed(text)[0]).get(operator, 0) for text in (name, f"{name}-{rule}"))
    assert without > whole


def test_attention_is_fused_where_the_model_says_its_heads(graph):
    g = graph("bert_eager")
    fused = [operators(g.passed("ort-transformers")[0])]
    g.facts = {**g.facts, "num_heads": 4, "hidden_size": 256}
    fused += [operators(g.passed(text)[0]) for text in ("ort-transformers", "ort-transformers-Attention")]
    assert [found.get("com.microsoft.Attention", 0) for found in fused] == [0, 2, 0]


def test_two_rules_can_be_taken_out(graph):
    file, _ = graph("resnet").passed("ort-ConvBNFusion-ConvActivationFusion-ConvAddActivationFusion")
    assert not any("." in name for name in operators(file))


@pytest.mark.parametrize(
    "text, words",
    [
        ("default-FuseBatchNormIntoCon", "did you mean 'FuseBatchNormIntoConv'?"),
        ("ort-GeluFusio", "did you mean 'GeluFusion'?"),
        ("slim-FusionConvB", "did you mean 'FusionConvBN'?"),
        ("ort-transformers-Nonsense", "known: Attention, BiasGelu"),
    ],
)
def test_an_unknown_rule_is_named_with_the_nearest(graph, text, words):
    with pytest.raises(UserError, match="has no rule") as error:
        graph("bert").passed(text)
    assert words in str(error.value)


def test_rules_of_onnxruntime_are_those_it_logs(graph, capfd):
    """The names that its log can show: those of rule-based transformers stay hidden."""
    import re

    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 0
    onnxruntime.InferenceSession(str(graph("conv_bn").file), options, providers=["CPUExecutionProvider"])
    logged = set(re.findall(r"GraphTransformer (\w+) modified", capfd.readouterr().err))
    assert len(logged) > 20
    assert len(logged & set(ort.RULES)) > 0.8 * len(logged)


@pytest.mark.parametrize("level, found", [("basic", False), ("extended", True)])
def test_levels_of_ort(graph, level, found):
    file, _ = graph("resnet").passed("ort", ort={"level": level})
    assert ("com.microsoft.FusedConv" in operators(file)) == found
    assert passes.get("ort").contrib({"level": level}) == found


@pytest.mark.parametrize("exporter", GRAPHS)
@pytest.mark.parametrize("key", ["bert", "resnet"])
def test_fp16_counts_its_casts_and_halves_the_file(graph, key, exporter):
    g = graph(key, exporter)
    file, facts = g.passed("fp16")
    onnx.checker.check_model(str(file))
    assert facts["casts_added"] == operators(file).get("Cast", 0) - g.operators.get("Cast", 0)
    assert g.size / onnx_facts(file)["onnx_filesize"] == pytest.approx(2, abs=0.1)
    assert g.run(file).dtype == np.float32
    assert cosine(g.run(file), g.expected) > 0.9999


def test_fp16_blocks_operators_besides_its_own_list(graph):
    g = graph("conv_bn", "onnx_dynamo")
    plain = g.passed("fp16")[1]["casts_added"]
    assert plain == 2
    assert g.passed("fp16", fp16={"op_block_list": ["Relu"]})[1]["casts_added"] > plain
    file, facts = g.passed("fp16", fp16={"keep_io_types": False})
    kind = onnx.load(file).graph.input[0].type.tensor_type.elem_type
    assert (facts["casts_added"], kind) == (0, onnx.TensorProto.FLOAT16)


@pytest.mark.parametrize("exporter", GRAPHS)
@pytest.mark.parametrize("key", ["bert", "resnet"])
def test_bf16_is_valid_and_runs_where_there_are_kernels(graph, key, exporter):
    import openvino

    g = graph(key, exporter)
    file, facts = g.passed("bf16")
    onnx.checker.check_model(str(file), full_check=True)
    casts = operators(file)["Cast"]
    assert facts["casts_added"] == casts - g.operators.get("Cast", 0)
    compiled = openvino.Core().compile_model(str(file), "CPU")
    flat, _ = tensors.load(g.inputs)
    found = next(iter(compiled({i.any_name: flat[i.any_name] for i in compiled.inputs}).values()))
    assert found.dtype == np.float32
    assert np.abs(found - g.expected).max() > 0 and cosine(found, g.expected) > 0.999


def test_bf16_says_what_it_cannot_convert(graph, tmp_path):
    from onnx import TensorProto, helper

    branch = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "b", [], [helper.make_tensor_value_info("y", 1, [2])]
    )
    node = helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch)
    inputs = [helper.make_tensor_value_info("c", TensorProto.BOOL, []), helper.make_tensor_value_info("x", 1, [2])]
    made = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("z", 1, [2])])
    g = graph("conv_bn")
    for opset, words in ((18, "control flow"), (12, "opset 13")):
        g.file = tmp_path / "made.onnx"
        onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9), g.file)
        with pytest.raises(UserError, match=words):
            g.passed("bf16")


@pytest.mark.parametrize("exporter", GRAPHS)
@pytest.mark.parametrize("key, text", [("bert", "int8-dynamic"), ("resnet", "int8-dynamic"), ("resnet", "int8-static")])
def test_int8_makes_files_three_to_four_times_smaller(graph, key, text, exporter):
    g = graph(key, exporter)
    file, facts = g.passed(text)
    onnx.checker.check_model(str(file))
    assert 3 < g.size / onnx_facts(file)["onnx_filesize"] <= 4.1
    assert cosine(g.run(file), g.expected) > 0.995
    assert facts["quantized_weights"] >= 14


def test_embeddings_and_tied_weights_are_quantised(graph):
    g = graph("bert")
    proto = onnx.load(g.passed("int8-dynamic")[0])
    large = {tuple(t.dims): t.data_type for t in proto.graph.initializer if len(t.dims) == 2}
    assert {(1000, 256), (256, 1000)} <= set(large), "embedding and last layer share a weight, transposed"
    assert set(large.values()) == {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}


def test_calibration_inputs_are_recorded(graph):
    g = graph("conv_bn")
    _, facts = g.passed("int8-static", int8_static={"format": "QOperator", "per_channel": True})
    assert facts["calibration_samples"] == 1
    assert facts["calibration_inputs"] == tensors.content_hash(tensors.load(g.inputs)[0])


@pytest.mark.parametrize("exporter", GRAPHS)
def test_int4_weights(graph, exporter):
    g = graph("bert", exporter)
    file, facts = g.passed("int4-weights")
    assert facts["quantized_weights"] == operators(file)["com.microsoft.MatMulNBits"] == 14
    assert g.size / onnx_facts(file)["onnx_filesize"] > 3.5
    assert cosine(g.run(file), g.expected) > 0.98


def test_a_pass_that_finds_nothing_to_do_says_so(graph):
    with pytest.raises(Refused, match="int4-weights: nothing to quantise: no MatMul with constant weights"):
        graph("resnet").passed("int4-weights")
    with pytest.raises(UserError, match="no dynamic quantisation of 'Convv'; did you mean 'Conv'"):
        graph("resnet").passed("int8-dynamic", int8_dynamic={"op_types": ["Convv"]})


@pytest.mark.parametrize(
    "text, near",
    [
        ("default+ort", 0.999999), ("ir+ort", 0.999999), ("slim+ort", 0.999999), ("ort+default", 0.999999),
        ("ort+slim", 0.999999), ("ort-transformers+ort", 0.999999), ("default+fp16", 0.9999),
        ("ort-transformers+fp16", 0.9999), ("default+int8-dynamic", 0.999), ("ort-transformers+int8-dynamic", 0.999),
        ("int8-dynamic+ort", 0.999), ("ort-MatMulAddFusion+int4-weights", 0.98),
    ],
)  # fmt: skip
def test_passes_follow_each_other(graph, text, near):
    g = graph("bert", "onnx_dynamo" if "ir" in text.split("+") else "script")
    file, _ = g.passed(text)
    assert cosine(g.run(file), g.expected) > near


@pytest.mark.parametrize("text", ["default+ort", "slim+fp16", "ort-transformers+int8-dynamic", "int4-weights"])
def test_large_weights_go_beside_the_file(graph, monkeypatch, text):
    monkeypatch.setattr(_onnx_io, "ONE_FILE", 1 << 20)
    g = graph("bert")
    file, _ = g.passed(text)
    beside = file.with_name(f"{file.name}.data")
    assert beside.stat().st_size > 10 * file.stat().st_size
    assert onnx_facts(file)["onnx_filesize"] == file.stat().st_size + beside.stat().st_size
    assert cosine(g.run(file), g.expected) > 0.98


@pytest.mark.parametrize(
    "facts, kind",
    [
        ({"model_class": "BertForMaskedLM"}, "bert"),
        ({"model_class": "RobertaModel"}, "bert"),
        ({"model_class": "GPT2LMHeadModel", "model_type": "gpt2"}, "gpt2"),
        ({"model_class": "ViTForImageClassification"}, "vit"),
        ({"model_type": "xlm-roberta"}, "bert"),
        ({"model_class": "ResNet"}, None),
    ],
)
def test_types_of_transformers(facts, kind):
    if kind:
        assert ort_transformers.type_of(facts) == kind
    else:
        with pytest.raises(UserError, match="no fusions for ResNet; its option model_type"):
            ort_transformers.type_of(facts)
