"""onnxruntime's options: set, read back, effective where that can be seen, refused where they contradict; TensorRT."""

import ctypes
import os

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from benchlib import mistakes
from benchlib.errors import Unavailable, UserError
from benchlib.registries import runtimes
from benchlib.runtimes import OpenRequest, _ort_session, _ort_settings, onnxruntime

CPU, CUDA, TENSORRT = onnxruntime.CPU, onnxruntime.CUDA, onnxruntime.TENSORRT
A = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """b = identity(a) · W, of `rows` rows."""
    path = tmp_path_factory.mktemp("graph") / "m.onnx"
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3, 3], np.eye(3).ravel())
    nodes = [helper.make_node("Identity", ["a"], ["m"]), helper.make_node("MatMul", ["m", "w"], ["b"])]
    values = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, ["rows", 3])] for n in "ab"]
    made = helper.make_graph(nodes, "g", *values, [weight])
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


def opened(graph, threads=1, **options):
    return onnxruntime.open(OpenRequest(graph, "onnx", threads=threads, options=options))


def settings_of(graph, **options):
    return opened(graph, **options).session.get_session_options()


CHOICES = [
    ("execution_order", "priority_based", ort.ExecutionOrder.PRIORITY_BASED),
    ("enable_mem_reuse", False, False),
    ("allow_inter_op_spinning", False, "0"),
    ("force_spinning_stop", True, "1"),
    ("thread_affinities", "1", "1"),
    ("set_denormal_as_zero", True, "1"),
    ("enable_gelu_approximation", True, "1"),
    ("disable_prepacking", True, "1"),
    ("disabled_optimizers", ["EliminateIdentity", "ConstantFolding"], "EliminateIdentity;ConstantFolding"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), CHOICES)
def test_an_option_is_read_back(graph, name, value, wanted):
    settings = settings_of(graph, threads=2, **{name: value})
    target = _ort_settings.SETTINGS[name].target
    assert (_ort_settings.entry(settings, target) if "." in target else getattr(settings, target)) == wanted


def test_every_default_is_onnxruntimes_own(graph):
    """A session with all the defaults, as a study opens it, has the settings of one that sets nothing."""
    defaults = {name: option.default for name, option in onnxruntime.runtime.options.items()}
    ours, plain = settings_of(graph, **defaults), ort.SessionOptions()
    for setting in _ort_settings.SETTINGS.values():
        if "." not in setting.target and setting.target != "inter_op_num_threads":
            assert getattr(ours, setting.target) == getattr(plain, setting.target)
    entries = _ort_settings._entries(defaults)
    assert entries.pop("session.intra_op.allow_spinning") == entries.pop("session.inter_op.allow_spinning") == "1"
    assert set(entries.values()) == {"0"}


def test_every_attribute_of_the_options_is_accounted_for():
    """A new onnxruntime with another attribute fails here: is it one that a trial should choose?"""
    ours = {setting.target for setting in _ort_settings.SETTINGS.values()}
    decided = {"intra_op_num_threads", "graph_optimization_level", "enable_profiling", "profile_file_prefix"}
    of_files_and_logs = {"optimized_model_filepath", "logid", "log_severity_level", "log_verbosity_level"}
    attributes = {n for n in dir(ort.SessionOptions) if isinstance(getattr(ort.SessionOptions, n), property)}
    assert attributes - ours - decided - of_files_and_logs == {"use_per_session_threads"}


def test_a_named_key_overrides_the_option_of_the_same_entry(graph):
    settings = settings_of(graph, allow_spinning=True, session_config={"session.intra_op.allow_spinning": False})
    assert _ort_settings.entry(settings, "session.intra_op.allow_spinning") == "0"


def test_a_free_dimension_gets_its_size(graph):
    session = opened(graph, free_dimension_overrides={"rows": 2})
    assert session.session.get_inputs()[0].shape == [2, 3]
    np.testing.assert_array_equal(session.bind({"a": A}, {"a": A})()[0], A)
    with pytest.raises(UserError, match="free_dimension_overrides 'rows': '2' is not a whole number"):
        opened(graph, free_dimension_overrides={"rows": "2"})


def test_a_rewriting_can_be_left_out(graph, tmp_path):
    def nodes(**options):
        request = OpenRequest(graph, "onnx", rtopt="basic", profile=str(tmp_path), options=options)
        session = onnxruntime.open(request)
        return {row["operator"] for row in session.profile(session.bind({"a": A}, {"a": A}), 1)}

    assert nodes() == {"MatMul"}
    assert nodes(disabled_optimizers=["EliminateIdentity"]) == {"Identity", "MatMul"}


@pytest.mark.parametrize("io", ["host", "device"])
def test_memory_is_given_back_after_each_call(graph, io):
    session = onnxruntime.open(OpenRequest(graph, "onnx", io=io, options={"arena_shrinkage": True}))
    call = session.bind({"a": A}, {"a": A})
    np.testing.assert_array_equal(session.to_host(call())[0], A)
    given = session.bound.options if io == "device" else call.args[2]
    assert given.get_run_config_entry(_ort_session.SHRINK) == "cpu:0"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, {"denormals": "kept", "gelu": "exact"}),
        ({"set_denormal_as_zero": True}, {"denormals": "zero", "gelu": "exact"}),
        ({"enable_gelu_approximation": True}, {"denormals": "kept", "gelu": "approximated"}),
    ],
)
def test_what_changes_numbers_is_said(graph, options, wanted):
    found = opened(graph, **options).facts["precision"]
    assert found == {"matmul": "ieee", "convolution": "ieee", **wanted}


@pytest.mark.parametrize(("machine", "word"), [("aarch64", "bf16"), ("x86_64", "ieee")])
def test_fast_products_on_arm_are_no_float32(graph, monkeypatch, machine, word):
    monkeypatch.setattr(_ort_session.platform, "machine", lambda: machine)
    asked = {_ort_session.FAST_ON_ARM: 1}
    assert opened(graph, session_config=asked).facts["precision"]["matmul"] == word


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"runtime_args": {"session_config": {"session.intra_op_num_threads": 3}}}, "set by num_cores"),
        ({"runtime_args": {"arena_shrinkage": True, "enable_cpu_mem_arena": False}}, "needs the arena"),
        ({"runtime_args": {"disable_cpu_ep_fallback": True}}, "forbids CPUExecutionProvider"),
        ({"provider": "Tensorrt"}, "TensorrtExecutionProvider runs on cuda"),
        ({"device": "cuda", "provider": "Tensorrt", "runtime_args": {"provider_options": {"trt_cuda_graph_enable": 1}}},
         "set by cuda_graphs"),
        ({"device": "cuda", "provider": "Tensorrt", "runtime_args": {"disable_cpu_ep_fallback": True}}, None),
    ],
)  # fmt: skip
def test_contradictions_are_refused(parameters, rule):
    found = onnxruntime.refuse(mistakes.make({"model": "explicit/mlp", **parameters}))
    assert found is None if rule is None else rule in found


def test_as_code_sets_what_a_session_has(graph):
    options = {name: value for name, value, _ in CHOICES} | {"free_dimension_overrides": {"rows": 2}}
    space = {"onnxruntime": ort, "options": ort.SessionOptions()}
    exec("\n".join(_ort_settings.as_code(options)), space)
    written, made = space["options"], settings_of(graph, threads=2, **options)
    for name, _, _ in CHOICES:
        target = _ort_settings.SETTINGS[name].target
        read = _ort_settings.entry if "." in target else getattr
        assert read(written, target) == read(made, target), name


class Opened(Exception):
    pass


@pytest.fixture
def tensorrt(monkeypatch, graph, tmp_path):
    """What a session on TensorRT is opened with, up to the point where it would need the GPU."""

    def record(artifact, settings, providers):
        raise Opened(dict(providers))

    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "")
    monkeypatch.setenv(onnxruntime.COMPILE_CACHE, str(tmp_path / "caches"))
    monkeypatch.setattr(onnxruntime, "_missing", lambda provider, device: None)
    monkeypatch.setattr(onnxruntime, "Stream", lambda index: type("S", (), {"address": 4711}))
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(ort, "InferenceSession", record)

    def ask(cuda_graphs=False, **options):
        with pytest.raises(Opened) as found:
            request = OpenRequest(graph, "onnx", device="cuda:1", provider="Tensorrt", options=options,
                                  cuda_graphs=cuda_graphs)  # fmt: skip
            onnxruntime.open(request)
        return found.value.args[0]

    return ask


def test_tensorrt_keeps_no_engines_outside_a_trial(monkeypatch):
    """Such as in a shared temporary folder, under a name that anybody can guess: engines are code."""
    monkeypatch.delenv(onnxruntime.COMPILE_CACHE, raising=False)
    assert not any("engine" in name for name in onnxruntime.tensorrt_options("cuda:0", {}, cuda_graphs=False))


def test_tensorrt_stands_before_cuda_in_float32(tensorrt, tmp_path):
    chain = tensorrt()
    assert list(chain) == [TENSORRT, CUDA, CPU]
    assert chain[TENSORRT] == {
        "device_id": "1", "trt_fp16_enable": "0", "trt_bf16_enable": "0", "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(tmp_path / "caches" / "tensorrt"), "user_compute_stream": "4711",
    }  # fmt: skip
    assert (tmp_path / "caches" / "tensorrt").is_dir()
    assert chain[CUDA]["use_tf32"] == "0" and chain[CUDA]["user_compute_stream"] == "4711"
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0", "TensorRT computes in TensorFloat-32 unless this forbids it"


def test_tensorrts_own_options_go_to_it_and_others_to_cuda(tensorrt):
    given = {"trt_fp16_enable": True, "use_tf32": True, "cudnn_conv_algo_search": "EXHAUSTIVE"}
    chain = tensorrt(cuda_graphs=True, provider_options=given, disable_cpu_ep_fallback=True)
    assert list(chain) == [TENSORRT, CUDA]
    assert chain[TENSORRT]["trt_fp16_enable"] == "1" and chain[TENSORRT]["trt_cuda_graph_enable"] == "1"
    assert "use_tf32" not in chain[TENSORRT] and "enable_cuda_graph" not in chain[CUDA]
    assert chain[CUDA]["use_tf32"] == "1" and chain[CUDA]["cudnn_conv_algo_search"] == "EXHAUSTIVE"
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "", "left as it was"


@pytest.mark.parametrize(
    ("options", "word"),
    [({"use_tf32": "0", "trt_fp16_enable": "0"}, "ieee"), ({"trt_fp16_enable": "1"}, "fp16"),
     ({"trt_bf16_enable": "1"}, "bf16"), ({"trt_int8_enable": "True", "trt_fp16_enable": "1"}, "int8"),
     ({"use_tf32": "1"}, "tf32")],
)  # fmt: skip
def test_what_tensorrt_computes_in_is_said(monkeypatch, options, word):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    assert _ort_session._precision(options)["matmul"] == word


def test_without_tensorrts_library_it_is_unavailable_in_a_line(graph, monkeypatch):
    monkeypatch.setattr(onnxruntime._cuda, "missing", lambda device: None)
    try:
        ctypes.CDLL("libnvinfer.so.10")
    except OSError:
        pass
    else:
        pytest.skip("TensorRT is here")
    with pytest.raises(Unavailable, match=f"onnxruntime's {TENSORRT} does not load: lib") as found:
        onnxruntime.open(OpenRequest(graph, "onnx", device="cuda", provider="Tensorrt"))
    assert "\n" not in str(found.value)


def test_it_declares_own_operators_tensorrt_and_defaults_that_fit():
    runtime = runtimes.get("onnxruntime")
    assert runtime.contrib and runtime.providers[TENSORRT] == "cuda"
    for name, option in runtime.options.items():
        assert option.help and option.problem(option.default) is None, name
