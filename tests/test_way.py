"""Ways: how passes are spelled, what they make of the precision, how a way is called."""

import pytest

from benchlib.errors import UnknownName
from benchlib.mistakes import make, problems
from benchlib.way import PassCall, computes, passes_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("default", (PassCall("default"),)),
        ("default+ort+fp16", (PassCall("default"), PassCall("ort"), PassCall("fp16"))),
        ("ort-transformers", (PassCall("ort-transformers"),)),
        ("ort-GeluFusion", (PassCall("ort", ("GeluFusion",)),)),
        ("ort-transformers-Attention-Gelu", (PassCall("ort-transformers", ("Attention", "Gelu")),)),
        ("int8-dynamic+slim", (PassCall("int8-dynamic"), PassCall("slim"))),
    ],
)
def test_passes_are_read_in_order_with_the_rules_taken_out(text, found):
    assert passes_of(text) == found


def test_an_unknown_pass_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="unknown pass 'defualt'; did you mean 'default'"):
        passes_of("defualt+ort")


@pytest.mark.parametrize(
    ("text", "dtype", "found"),
    [("", "float32", "float32"), ("default+fp16", "float32", "float16"), ("int8-dynamic", "float32", "int8"),
     ("ort", "float16", "float16"), ("default+Onnxruntime-Cast", "float32", "float32")],
)  # fmt: skip
def test_what_a_way_computes_in(text, dtype, found):
    assert computes(text, dtype) == found


def test_a_label_says_what_differs_from_the_exporters_own_way():
    trial = make({
        "model": "explicit/mlp", "exporter": "script", "opt_patterns": "default+fp16", "dynamic": True,
        "pass_args": {"fp16": {"keep_io_types": False}}, "rtopt": "off",
    })  # fmt: skip
    assert trial.way.label == "script+default+fp16 dynamic rtopt=off fp16.keep_io_types=False"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"opt_patterns": "nothing"}, "opt_patterns: unknown pass 'nothing'"),
        ({"opt_patterns": "ort", "pass_args": {"fp16": {}}}, "pass_args: opt_patterns has no pass 'fp16'"),
        ({"opt_patterns": "ort", "pass_args": {"ort": {"levle": "all"}}}, "did you mean 'level'"),
        ({"opt_patterns": "ort", "pass_args": {"ort": {"level": "most"}}}, "'most' is none of"),
    ],
)
def test_wrong_passes_and_options_get_one_clear_line(given, complaint):
    (_, message), *others = problems({"model": "explicit/mlp", **given})
    assert complaint in message
    assert not others


def test_another_systems_name_of_an_exporter_is_the_same_trial():
    ours = make({"model": "explicit/mlp", "exporter": "script"})
    theirs = make({"model": "explicit/mlp", "exporter": "torch_script"})
    assert theirs == ours
    assert theirs.key() == ours.key()
