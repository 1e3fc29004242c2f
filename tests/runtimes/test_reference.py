"""onnx's reference evaluator as a runtime."""

import numpy as np
import pytest

from benchlib import mistakes, tensors
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest, reference
from tests.runtimes import graphs
from tests.runtimes.graphs import gives, raises_in_a_line

A = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)


def opened(path):
    return reference.open(OpenRequest(str(path), "onnx"))


def test_it_computes_at_any_shape(tmp_path):
    session = opened(graphs.product(tmp_path / "m.onnx"))
    for rows in (4, 7, 0):
        a = np.resize(A, (rows, 3))
        gives(session, [a @ graphs.weight_of(3)], a=a)
    assert session.facts["providers"] == "CPU" and session.facts["input_names"] == ["a"]


def test_types_scalars_and_nothing(tmp_path):
    gives(opened(graphs.mixed(tmp_path / "m.onnx")), graphs.EXPECTED, **graphs.MIXED)


def test_bfloat16_goes_in_and_out_by_its_bits(tmp_path):
    kind = graphs.BFLOAT16
    path = graphs.save(
        tmp_path / "m.onnx", [("Add", ["a", "a"], ["b"])], [("a", kind, [3])], [("b", kind, [3])]
    )  # fmt: skip
    a = tensors.labelled(np.array([0x3F80, 0x4000, 0xC000], np.uint16), "bfloat16")
    (b,) = opened(path).bind({"a": a}, {"a": a})()
    assert tensors.dtype_of(b) == "bfloat16" and tensors.values(b).tolist() == [2.0, 4.0, -4.0]


@pytest.mark.parametrize(("make", "named"), [(graphs.unknown, "MadeUp"), (graphs.contrib, "FusedMatMul")])
def test_an_operator_that_the_standard_lacks_fails_by_name(tmp_path, make, named):
    with raises_in_a_line(RuntimeError, f"reference evaluator cannot open the graph: .*'{named}'"):
        opened(make(tmp_path / "m.onnx"))


@pytest.mark.parametrize(
    ("environment", "threads"),
    [({"OPENBLAS_NUM_THREADS": "3"}, 3), ({"OMP_NUM_THREADS": "2"}, 2), ({"OPENBLAS_NUM_THREADS": ""}, None)],
)
def test_threads_are_those_that_the_process_was_started_with(monkeypatch, environment, threads):
    import os

    for name in reference.BLAS_THREADS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert reference.blas_threads() == (threads or len(os.sched_getaffinity(0)))


def test_it_tells_an_error_of_the_runtime_from_one_of_the_exporter(tmp_path):
    """Both read the same file: what the two agree on is the file's doing."""
    from benchlib.runtimes import onnxruntime

    path = graphs.product(tmp_path / "m.onnx")
    (found,) = onnxruntime.open(OpenRequest(path, "onnx")).bind({"a": A}, {"a": A})()
    gives(opened(path), [found], a=A)


def test_it_declares_what_it_can():
    declared = runtimes.get("reference")
    assert not declared.contrib and not declared.profiles and declared.opens == ("onnx",)
    asked = {"model": "explicit/mlp", "exporter": "script", "runtime": "reference"}
    assert declared.refuse(mistakes.make(asked)) is None
    assert "optimises no graph" in declared.refuse(mistakes.make(asked | {"rtopt": "off"}))
