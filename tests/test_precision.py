import pytest

from benchlib import precision
from benchlib.precision import precision_differences

PLAIN = {"matmul": "ieee", "convolution": "ieee", "convolution_search": "heuristic", "bf16_reduction": "reduced"}


def test_contenders_that_agree_differ_in_nothing():
    torch, ort = PLAIN, {k: PLAIN[k] for k in ("matmul", "convolution")}
    assert precision_differences({"eager": torch, "script": ort}) == []
    assert precision_differences({"eager": torch, "planted": {}}) == []
    assert precision_differences({}) == []


def test_each_difference_is_a_sentence_that_names_the_contenders():
    other = PLAIN | {"convolution": "tf32", "convolution_search": "exhaustive"}
    assert precision_differences({"eager": PLAIN, "script": other}) == [
        "float32 convolutions: ieee in eager, tf32 in script",
        "cuDNN's choice of convolutions: heuristic in eager, exhaustive in script",
    ]


@pytest.mark.parametrize(
    ("allowed", "override", "found"), [(True, None, "tf32"), (False, None, "ieee"), (True, "0", "ieee")]
)
def test_the_variable_that_forbids_tf32_is_stronger_than_the_library(monkeypatch, allowed, override, found):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    if override:
        monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", override)
    assert precision.on_cuda(allowed) == found


@pytest.mark.parametrize(
    ("own", "mode", "found"),
    [("ieee", None, "ieee"), ("ieee", "STRICT", "ieee"), ("ieee", "BF16", "bf16"), ("tf32", "BF16", "tf32")],
)
def test_onednns_variable_counts_where_nothing_else_was_said(monkeypatch, own, mode, found):
    monkeypatch.delenv("ONEDNN_DEFAULT_FPMATH_MODE", raising=False)
    if mode:
        monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", mode)
    assert precision.of_onednn(own) == found
