"""Which passes may follow each other."""

import pytest

from benchlib import mistakes
from benchlib.passes._legal import illegal
from benchlib.registries import passes
from benchlib.way import Way


def way(text, exporter="script", **pass_args):
    return Way(exporter, "onnxruntime", "CPUExecutionProvider", opt_patterns=text, pass_args=pass_args)


@pytest.mark.parametrize(
    "text, words",
    [
        ("default+default", "pass default stands twice"),
        ("fp16-Gelu", r"fp16 has no rules that could be taken out \(fp16-Gelu\)"),
        ("ir", "ir works on what onnx_dynamo leaves, not on what script does"),
        ("int8-dynamic+fp16", "int8-dynamic makes the graph compute in int8, and fp16 would convert that to float16"),
        ("ort+int8-dynamic", "int8-dynamic has to come first"),
        ("ort+default+int8-static", "int8-static has to come first"),
        ("ort-transformers+bf16", "bf16 has to come first"),
        ("fp16+ort", "few kernels in float16"),
        ("ort+int4-weights", "ort-MatMulAddFusion leaves them"),
    ],
)
def test_illegal_combinations_are_refused_with_the_rule(text, words):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(illegal(way(text)))


@pytest.mark.parametrize(
    "text",
    [
        "", "default+ort", "default+fp16", "ort-transformers+fp16", "default+int8-dynamic", "slim+ort",
        "ort-transformers+int8-static", "int8-dynamic+ort", "ort-MatMulAddFusion+int4-weights", "default-CastCast+ort",
    ],
)  # fmt: skip
def test_legal_combinations(text):
    assert illegal(way(text)) is None


def test_what_an_option_or_an_exporter_makes_legal():
    assert illegal(way("ort+int8-dynamic", ort={"level": "basic"})) is None
    assert illegal(way("ir+ort", "onnx_dynamo")) is None
    assert illegal(way("ir", "onnx_dynamo")) is None


def test_bf16_is_refused_where_there_are_no_kernels():
    trial = mistakes.make({"model": "explicit/mlp", "exporter": "script", "opt_patterns": "bf16"})
    assert "no bfloat16 kernels" in passes.get("bf16").refuse(trial)
    assert passes.get("bf16").refuse(trial.model_copy(update={"device": "cuda"})) is None
