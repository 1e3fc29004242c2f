"""Sessions: options as asked and read back, copies where promised, reasons where a device is missing."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from benchlib import mistakes, tensors
from benchlib.errors import Unavailable, UserError
from benchlib.exporters import ExportRequest
from benchlib.models import _saved
from benchlib.models._facts import weights_hash
from benchlib.registries import runtimes, sources
from benchlib.runtimes import OpenRequest, _cuda, _ort_session, _placement, onnxruntime
from benchlib.runtimes import torch as torch_runtime

NO_DRIVER = _cuda.devices()[1]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = sources.get("explicit").load("dict_io", mistakes.make({"model": "explicit/dict_io", "batch_size": 2}))
    path = tmp_path_factory.mktemp("saved") / "model.pt"
    _saved.save(model.module, path)
    return model, str(path)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """b = cast(a) + 1 twice over, in a dtype that is asked for."""

    def write(kind=TensorProto.FLOAT):
        path = tmp_path_factory.mktemp("graph") / "m.onnx"
        a, b = (helper.make_tensor_value_info(n, kind, [3]) for n in "ab")
        nodes = [helper.make_node("Identity", ["a"], ["m"]), helper.make_node("Identity", ["m"], ["b"])]
        made = helper.make_model(
            helper.make_graph(nodes, "g", [a], [b]), opset_imports=[helper.make_opsetid("", 17)], ir_version=9
        )
        onnx.save(made, path)
        return str(path)

    return write


def arrays(model):
    inputs = tensors.apply(tensors.to_numpy, model.inputs)
    return inputs, tensors.flatten(inputs)[0]


def test_torch_runs_the_saved_module_and_says_how(saved):
    model, path = saved
    session = torch_runtime.open(OpenRequest(path, "eager", threads=1))
    outputs = session.bind(*arrays(model))()
    torch.testing.assert_close(outputs["left"], model.call()["left"])
    assert outputs["left"].is_inference() and outputs["steps"] == 1
    assert session.facts["threads"] == torch.get_num_threads() == 1
    assert session.facts["interop_threads"] == 1
    assert session.facts["providers"] == "CPU" and session.facts["devices"] == ["cpu"]
    assert session.facts["weights_hash"] == weights_hash(model.module)
    assert session.facts["float32_matmul_precision"] == "highest"


def test_torch_prepares_the_module_and_hashes_the_weights_beneath(saved, monkeypatch):
    model, path = saved
    session = torch_runtime.open(OpenRequest(path, "inductor", threads=1))
    assert type(session.called).__name__ == "OptimizedModule"
    assert session.facts["weights_hash"] == weights_hash(model.module)


def test_onnxruntime_reads_its_settings_back(graph):
    asked = {
        "allow_spinning": False,
        "enable_mem_pattern": False,
        "enable_cpu_mem_arena": False,
        "execution_mode": "parallel",
        "inter_op_num_threads": 2,
        "use_deterministic_compute": True,
        "session_config": {"session.set_denormal_as_zero": True},
    }
    session = onnxruntime.open(OpenRequest(graph(), "onnx", threads=2, rtopt="off", options=asked))
    settings = session.session.get_session_options()
    assert session.facts["threads"] == 2 and session.facts["interop_threads"] == 2
    assert session.facts["providers"] == "CPUExecutionProvider"
    assert session.facts["graph_optimization"] == "ORT_DISABLE_ALL"
    assert session.facts["nodes_by_provider"] == {"CPUExecutionProvider": 2}
    assert not settings.enable_mem_pattern and not settings.enable_cpu_mem_arena
    assert settings.use_deterministic_compute
    assert str(settings.execution_mode).endswith("ORT_PARALLEL")
    assert settings.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert settings.get_session_config_entry("session.set_denormal_as_zero") == "1"


@pytest.mark.parametrize("rtopt", ["off", "basic", "extended", "all"])
def test_graph_optimisation_is_as_asked(graph, rtopt):
    session = onnxruntime.open(OpenRequest(graph(), "onnx", rtopt=rtopt))
    assert session.facts["graph_optimization"].lower().endswith({"off": "disable_all"}.get(rtopt, rtopt))
    a = np.arange(3, dtype=np.float32)
    np.testing.assert_array_equal(session.bind({"a": a}, {"a": a})()[0], a)


def test_bfloat16_goes_in_and_out_by_its_bits(graph):
    session = onnxruntime.open(OpenRequest(graph(TensorProto.BFLOAT16), "onnx"))
    a = tensors.labelled(np.array([0x3F80, 0x4000, 0xC000], np.uint16), "bfloat16")
    (b,) = session.bind({"a": a}, {"a": a})()
    assert tensors.dtype_of(b) == "bfloat16"
    assert tensors.values(b).tolist() == [1.0, 2.0, -2.0]


def test_feeds_by_name_else_by_position():
    a, b = np.zeros(1), np.ones(1)
    assert _ort_session.feeds(["b"], {}, {"a": a, "b": b}) == {"b": b}
    assert _ort_session.feeds(["in.1"], {"in.1": a}, {"in_1": a}) == {"in.1": a}, "a name that is no identifier"
    assert _ort_session.feeds(["p", "q"], {}, {"a": a, "b": b}) == {"p": a, "q": b}
    with pytest.raises(RuntimeError, match="the graph takes p; the inputs are a, b"):
        _ort_session.feeds(["p"], {}, {"a": a, "b": b})


def test_refusals_are_known_without_starting_anything():
    def refused(**parameters):
        return onnxruntime.refuse(mistakes.make({"model": "explicit/mlp", **parameters}))

    assert refused() is None
    assert "runs on cuda" in refused(provider="CUDA")
    assert "runs on cpu" in refused(provider="CPU", device="cuda")
    assert "bfloat16" in refused(dtype="bfloat16")
    assert refused(dtype="bfloat16", device="cuda") is None
    assert refused(dtype="float16") is None


def test_a_provider_that_this_build_lacks_is_unavailable(graph):
    with pytest.raises(Unavailable, match="has no MadeUpExecutionProvider"):
        onnxruntime.open(OpenRequest(graph(), "onnx", provider="MadeUp"))


def test_a_silent_fallback_is_a_failure(graph, monkeypatch):
    """As if the provider's library loaded and the session still left it out."""
    monkeypatch.setattr(onnxruntime, "_missing", lambda provider, device: None)
    monkeypatch.setattr(onnxruntime, "Stream", lambda index: SimpleNamespace(address=1))
    if NO_DRIVER is None:
        pytest.skip("the CUDA provider works here")
    with pytest.raises(RuntimeError, match="CUDAExecutionProvider would fall back to CPUExecutionProvider"):
        onnxruntime.open(OpenRequest(graph(), "onnx", device="cuda"))


class Part:
    def __init__(self, ep_name, *kinds):
        self.ep_name, self.kinds = ep_name, kinds

    def get_nodes(self):
        return [type("Node", (), {"op_type": kind}) for kind in self.kinds]


def test_work_that_a_provider_leaves_to_the_cpu_is_a_fallback():
    def placed(*parts):
        session = type("Session", (), {"get_provider_graph_assignment_info": lambda self: parts})()
        _placement.check(session, onnxruntime.CUDA)

    placed(Part(onnxruntime.CUDA, "MatMul"), Part(onnxruntime.CPU, "Shape", "Gather", "Concat"))
    with pytest.raises(RuntimeError, match="for 2 NonZero"):
        placed(Part(onnxruntime.CUDA, "MatMul"), Part(onnxruntime.CPU, "NonZero", "NonZero", "Shape"))
    with pytest.raises(RuntimeError, match="for all of the graph"):
        placed(Part(onnxruntime.CPU, "Shape"))


def test_a_wrong_session_config_is_one_line(graph):
    with pytest.raises(UserError, match="session_config"):
        onnxruntime.open(OpenRequest(graph(), "onnx", options={"session_config": {"": 1}}))


@pytest.mark.skipif(NO_DRIVER is None, reason="a CUDA device is here")
@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_a_missing_device_has_a_reason(name, saved, graph):
    runtime = runtimes.get(name)
    asked = mistakes.make({"model": "explicit/mlp", "device": "cuda"})
    assert runtime.lacks(asked) == f"no CUDA device: {NO_DRIVER}"
    assert runtime.lacks(mistakes.make({"model": "explicit/mlp"})) is None
    artifact = saved[1] if name == "torch" else graph()
    with pytest.raises(Unavailable, match="no CUDA device"):
        runtime.open(OpenRequest(artifact, "eager", device="cuda"))


@pytest.mark.process
def test_asking_for_a_device_imports_nothing_heavy():
    code = """
import sys
from types import SimpleNamespace
from benchlib.registries import runtimes
for name in ("torch", "onnxruntime"):
    print(runtimes.get(name).lacks(SimpleNamespace(device="cuda:7", provider="", dtype="float32")))
print(sorted({"torch", "onnxruntime"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    *reasons, heavy = run.stdout.splitlines()
    assert heavy == "[]" and len(reasons) == 2 and all(r.startswith("no ") for r in reasons)


@pytest.mark.process
def test_onnxruntimes_cuda_provider_lacks_nothing_but_the_driver():
    """The libraries of the extras are complete: only the driver's own libcuda.so.1 may be missing."""
    code = """
import onnxruntime
onnxruntime.preload_dlls()
from benchlib.runtimes.onnxruntime import load_problem
print("PROBLEM", load_problem())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    problem = next(line for line in run.stdout.splitlines() if line.startswith("PROBLEM"))
    try:
        ctypes.CDLL(_cuda.DRIVER)
    except OSError:
        assert problem.startswith("PROBLEM libcuda.so.1: cannot open shared object file"), problem
    else:
        assert problem == "PROBLEM None", problem


@pytest.mark.cuda
@pytest.mark.skipif(NO_DRIVER is not None, reason=str(NO_DRIVER))
def test_both_runtimes_on_cuda_agree_with_the_cpu(saved, tmp_path):
    from benchlib.registries import exporters

    model, path = saved
    inputs, flat = arrays(model)
    expected = [tensors.to_numpy(o) for o in tensors.flatten(model.call())[0].values()]
    session = torch_runtime.open(OpenRequest(path, "eager", device="cuda"))
    found = [tensors.to_numpy(o) for o in tensors.flatten(session.bind(inputs, flat)())[0].values()]
    assert session.facts["devices"] == ["cuda:0"]
    file = exporters.get("script").export(ExportRequest(model, tmp_path / "m"))["file"]
    ort = onnxruntime.open(OpenRequest(file, "script", device="cuda"))
    assert ort.facts["providers"] == "CUDAExecutionProvider"
    for outputs in (found, ort.bind(inputs, flat)()):
        for a, b in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
