"""onnxruntime with inputs and outputs that stay where they are: on the CPU provider, where binding works as well."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchlib import tensors
from benchlib.runtimes import OpenRequest, _bound, _ort_session, onnxruntime
from benchlib.worker import verbs
from benchlib.worker.messages import GiveOutputs
from benchlib.worker.service import Worker


def save(path, nodes, inputs, outputs, weights=()):
    values = [[helper.make_tensor_value_info(*v) for v in side] for side in (inputs, outputs)]
    graph = helper.make_graph([helper.make_node(*n) for n in nodes], "g", *values, list(weights))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return str(path)


@pytest.fixture
def doubling(tmp_path):
    """b = a + a, and which of its elements are not zero: an output whose shape only the run knows."""
    nodes = [("Add", ["a", "a"], ["b"]), ("NonZero", ["a"], ["where"])]
    outputs = [("b", TensorProto.FLOAT, [3]), ("where", TensorProto.INT64, [1, "n"])]
    return save(tmp_path / "m.onnx", nodes, [("a", TensorProto.FLOAT, [3])], outputs)


A = np.array([0.5, 0.0, -2.0], np.float32)


def opened(file, **request):
    return onnxruntime.open(OpenRequest(file, "onnx", io="device", **request))


@pytest.mark.parametrize("graphs", [False, True])
def test_outputs_stay_where_they_are_and_come_to_the_host_when_asked(doubling, graphs):
    # On the CPU provider there is no graph to capture; what a graph needs, memory of fixed addresses, is the same.
    session = opened(doubling, cuda_graphs=graphs)
    call = session.bind({"a": A}, {"a": A})
    first, second = call(), call()
    assert [v.data_ptr() for v in first] == [v.data_ptr() for v in second]
    assert all(hasattr(v, "data_ptr") for v in second), "values, not arrays"
    b, where = session.to_host(second)
    np.testing.assert_array_equal(b, A + A)
    np.testing.assert_array_equal(where, [[0, 2]])


def test_the_inputs_are_bound_once_and_followed(doubling):
    own = A.copy()
    session = opened(doubling)
    call = session.bind({"a": own}, {"a": own})
    own[:] = 4
    np.testing.assert_array_equal(session.to_host(call())[0], [8, 8, 8])


def test_bfloat16_is_bound_by_its_bits(tmp_path):
    kind = TensorProto.BFLOAT16
    file = save(tmp_path / "m.onnx", [("Identity", ["a"], ["b"])], [("a", kind, [3])], [("b", kind, [3])])
    a = tensors.labelled(np.array([0x3F80, 0x4000, 0xC000], np.uint16), "bfloat16")
    session = opened(file)
    (b,) = session.to_host(session.bind({"a": a}, {"a": a})())
    assert tensors.dtype_of(b) == "bfloat16" and tensors.values(b).tolist() == [1.0, 2.0, -2.0]


def test_the_worker_stores_and_hashes_what_stayed_on_the_device(doubling, tmp_path):
    worker = Worker(channel=None)
    worker.session = opened(doubling)
    worker.time_calls(worker.session.bind({"a": A}, {"a": A}))
    reply = verbs.give_outputs(worker, GiveOutputs(tmp_path / "out.npz"))
    flat, _ = tensors.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(next(iter(flat.values())), A + A)
    assert reply.output_size == 5 and reply.hash == tensors.content_hash(flat)


def test_only_the_host_call_gives_arrays(doubling):
    session = onnxruntime.open(OpenRequest(doubling, "onnx"))
    outputs = session.bind({"a": A}, {"a": A})()
    assert all(isinstance(o, np.ndarray) for o in outputs)
    assert all(a is b for a, b in zip(session.to_host(outputs), outputs, strict=True))
    assert session.device_calls() is None, "the CPU has no clock but the host's"


def test_the_parts_of_a_call_are_of_the_inputs_that_were_bound_first(doubling):
    session = onnxruntime.open(OpenRequest(doubling, "onnx"))
    calls = [session.bind({"a": own}, {"a": own}) for own in (A, A[::-1])]
    session.stream = HostStream()
    parts = session.device_calls()
    assert parts.whole == calls[0]
    for call in (calls[0], parts.whole):
        np.testing.assert_array_equal(call()[0], A + A)
    np.testing.assert_array_equal(calls[1]()[0], (A + A)[::-1])
    parts.compute()
    np.testing.assert_array_equal(session._bound(session.feed).call()[0].numpy(), A + A)


class HostStream:
    """A stream of the CPU: copies are done at once, its clock counts what it was given to do."""

    address = 4711

    def __init__(self, index=0):
        self.log = []

    def wait(self):
        self.log.append("wait")

    def elapsed(self, work):
        work()
        return 1e-3

    def copy_in(self, address, array):
        self.log.append(("in", address, array.nbytes))

    def copy_out(self, array, address):
        import ctypes

        self.log.append(("out", address, array.nbytes))
        ctypes.memmove(array.ctypes.data, address, array.nbytes)


@pytest.mark.parametrize("io", ["host", "device"])
def test_the_parts_of_a_call(doubling, io):
    session = onnxruntime.open(OpenRequest(doubling, "onnx", io=io))
    call = session.bind({"a": A}, {"a": A})
    session.stream = HostStream()
    if session.bound:
        session.bound.stream = session.stream
    parts = session.device_calls()
    bound = parts.compute.__self__
    assert parts.whole == (call if io == "host" else parts.compute)
    parts.compute()
    if io == "device":
        assert parts.copy_in is None and parts.copy_out is None
        return
    parts.copy_in()
    assert session.stream.log == [("in", bound.values["a"].data_ptr(), 12)]
    b, where = parts.copy_out()
    np.testing.assert_array_equal(b.view(np.float32), A + A)
    np.testing.assert_array_equal(where.view(np.int64), [0, 2])
    assert session.stream.log[-1] == "wait", "the copies have arrived"


def test_calls_that_are_not_waited_for_say_so_to_onnxruntime(doubling):
    session = opened(doubling)
    session.bind({"a": A}, {"a": A})
    assert session.bound.do_not_wait.get_run_config_entry("disable_synchronize_execution_providers") == "1"
    asked = []
    session.bound.session = SimpleNamespace(run_with_iobinding=lambda binding, options: asked.append(options))
    session.bound.enqueue()
    assert asked == [session.bound.do_not_wait]


def test_the_run_that_finds_the_shapes_captures_no_graph(doubling):
    session = opened(doubling, cuda_graphs=True)
    call, asked = session.bind({"a": A}, {"a": A}), []
    real = session.session

    def run(binding, options=None):
        asked.append(options and options.get_run_config_entry("gpu_graph_id"))
        real.run_with_iobinding(binding, options)

    session.bound.session = SimpleNamespace(run_with_iobinding=run, get_outputs=real.get_outputs)
    call()
    call()
    own = asked[1]
    assert asked == ["-1", own, own] and int(own) > 0
    other = session.bind({"a": 2 * A}, {"a": 2 * A})
    asked.clear()
    other()
    assert session.bound.call is not other  # the first binding stays the one that is timed


class Opened(Exception):
    pass


@pytest.fixture
def asked_for(monkeypatch, doubling):
    """What a session on CUDA is opened with, up to the point where it would need the GPU."""
    import onnxruntime as ort

    def record(artifact, settings, providers):
        raise Opened(settings, providers)

    monkeypatch.setattr(onnxruntime, "_missing", lambda provider, device: None)
    monkeypatch.setattr(onnxruntime, "Stream", HostStream)
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(ort, "InferenceSession", record)

    def ask(**request):
        with pytest.raises(Opened) as found:
            onnxruntime.open(OpenRequest(doubling, "onnx", **request))
        settings, providers = found.value.args
        return settings, dict(providers)

    return ask


def test_cuda_gets_our_stream_and_torchs_precision(asked_for):
    _, providers = asked_for(device="cuda:1")
    assert list(providers) == [onnxruntime.CUDA, onnxruntime.CPU]
    assert providers[onnxruntime.CUDA] == {
        "device_id": "1",
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",
        "user_compute_stream": "4711",
    }


def test_cuda_options_of_the_trial_come_through(asked_for):
    options = {"provider_options": {"use_tf32": 1, "cudnn_conv_algo_search": "EXHAUSTIVE"}}
    _, providers = asked_for(device="cuda", io="device", cuda_graphs=True, options=options)
    assert providers[onnxruntime.CUDA] == {
        "device_id": "0",
        "use_tf32": "1",
        "cudnn_conv_algo_search": "EXHAUSTIVE",
        "enable_cuda_graph": "1",
        "user_compute_stream": "4711",
    }


def test_a_profile_of_cuda_waits_for_each_kernel(asked_for, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "0")
    settings, _ = asked_for(device="cuda", profile=str(tmp_path))
    assert settings.enable_profiling and settings.profile_file_prefix == str(tmp_path / "onnxruntime")
    import os

    assert os.environ["CUDA_LAUNCH_BLOCKING"] == "1"


@pytest.mark.parametrize(
    ("options", "environment", "wanted"),
    [
        (None, {}, {"matmul": "ieee", "convolution": "ieee"}),
        (
            {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
            {},
            {"matmul": "ieee", "convolution": "ieee", "convolution_search": "heuristic", "fp16_reduction": "reduced"},
        ),
        (
            {"use_tf32": "1", "cudnn_conv_algo_search": "EXHAUSTIVE"},
            {"ORT_CUDA_GEMM_OPTIONS": "2"},
            {"matmul": "tf32", "convolution": "tf32", "convolution_search": "exhaustive", "fp16_reduction": "full"},
        ),
        ({"use_tf32": "1"}, {"NVIDIA_TF32_OVERRIDE": "0"}, {"matmul": "ieee", "convolution": "ieee"}),
    ],
)
def test_precision_in_shared_words(monkeypatch, options, environment, wanted):
    for name in ("ORT_CUDA_GEMM_OPTIONS", "NVIDIA_TF32_OVERRIDE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wanted.items() <= _ort_session._precision(options).items()


def test_a_value_on_a_device_is_copied_by_the_stream():
    bits = np.array([0x3F80, 0xC000], np.uint16)
    value = SimpleNamespace(
        data_type=lambda: "tensor(bfloat16)",
        shape=lambda: [2],
        device_name=lambda: "Cuda",
        data_ptr=lambda: bits.ctypes.data,
    )
    stream = HostStream()
    array = _bound.to_array(value, stream)
    assert tensors.values(array).tolist() == [1.0, -2.0]
    assert stream.log == [("out", bits.ctypes.data, 4), "wait"]
