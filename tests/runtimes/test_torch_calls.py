"""How torch calls a module on CUDA, with torch.cuda replaced by a diary; tensors stay on the CPU."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from benchlib.runtimes import _torch_calls
from benchlib.runtimes import torch as torch_runtime
from benchlib.runtimes._torch_calls import GRAPH_WARMUP, CudaCalls, operator_table


@pytest.fixture
def diary(monkeypatch):
    """What happens on the device, in order; the stream that is current stands before it."""
    log, current = [], ["main"]

    class FakeStream:
        device = "cpu"

        def __init__(self, name):
            self.name = name

        def synchronize(self):
            log.append(f"{self.name} synchronize")

        def wait_stream(self, other):
            log.append(f"{self.name} waits for {other.name}")

    class FakeEvent:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self, stream):
            log.append(f"{stream.name} event")

        def synchronize(self):
            log.append("wait for event")

        def elapsed_time(self, behind):
            return 2.5  # milliseconds

    @contextmanager
    def on(name):
        before, current[0] = current[0], name
        yield
        current[0] = before

    @contextmanager
    def capture(graph):
        with on("capture"):
            yield

    main = FakeStream("main")
    graph = SimpleNamespace(replay=lambda: log.append(f"{current[0]} replay"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: FakeStream("side"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: on(stream.name))
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    return log, current


@pytest.fixture
def calls(diary):
    log, current = diary

    def make(graph=False):
        def forward(nested):
            log.append(f"{current[0]} forward")
            return {"y": nested["x"] * 2, "n": 3}

        return CudaCalls(forward, {"x": torch.ones(2)}, "cpu", graph)

    return make


def test_on_the_device_inputs_are_copied_once_before_any_call_and_the_call_waits(calls, diary, monkeypatch):
    made = calls()
    copies = []
    monkeypatch.setattr(made, "copy_in", lambda: copies.append(1) or {"x": torch.ones(2)})
    call = made.bound("device")
    assert len(copies) == 1
    first, second = call(), call()
    assert len(copies) == 1
    assert diary[0] == ["main forward", "main synchronize"] * 2
    assert first["y"].tolist() == [2, 2] and first["n"] == 3
    assert first["y"] is not second["y"]


def test_from_the_host_copies_both_ways_each_time(calls, diary):
    made = calls()
    assert made.from_host()["y"].tolist() == [2, 2]
    assert diary[0] == ["main forward"], "copying to the host waits by itself"


def test_a_graph_is_captured_once_after_a_warm_up_on_a_side_stream(calls, diary):
    made = calls(graph=True)
    first, second = made.on_device(), made.on_device()
    warm = ["side waits for main", *["side forward"] * GRAPH_WARMUP, "main waits for side"]
    assert diary[0] == [*warm, "capture forward", *["main replay", "main synchronize"] * 2]
    assert first["y"] is second["y"], "a graph writes to the same memory each time"


def test_elapsed_stands_between_events_on_the_current_stream(calls, diary):
    made = calls()
    assert made.elapsed(made.compute) == pytest.approx(2.5e-3)
    assert diary[0] == ["main event", "main forward", "main event", "wait for event"]


@pytest.mark.parametrize("io", ["host", "device"])
def test_the_parts_of_a_call(calls, diary, io):
    made = calls()
    parts = made.parts(io)
    assert parts.whole == (made.from_host if io == "host" else made.compute)
    assert parts.compute == made.compute and parts.elapsed == made.elapsed
    diary[0].clear()
    parts.wait()
    assert diary[0] == ["main synchronize"]
    if io == "host":
        assert parts.copy_in()["x"].tolist() == [1, 1] and parts.copy_out()["y"].tolist() == [2, 2]
    else:
        assert parts.copy_in is None and parts.copy_out is None


def event(key, kind, count, host=0.0, device=0.0, note=False):
    kinds = {"host": "CPU", "device": "CUDA"}
    return SimpleNamespace(
        key=key, count=count, self_cpu_time_total=host, self_device_time_total=device,
        device_type=SimpleNamespace(name=kinds[kind]), is_user_annotation=note,
    )  # fmt: skip


def test_the_cpu_table_is_of_the_operators_own_time():
    averages = [event("aten::mm", "host", 20, 300), event("aten::add", "host", 10, 50)]
    rows = operator_table(averages, 10, on_cuda=False)
    assert [(r["operator"], r["provider"], r["calls"]) for r in rows] == [
        ("aten::mm", "CPU", 2),
        ("aten::add", "CPU", 1),
    ]
    assert [r["seconds"] for r in rows] == pytest.approx([30e-6, 5e-6])


def test_the_cuda_table_is_of_operators_where_they_account_for_the_device():
    kernels = [event("sgemm", "device", 10, device=400), event("step", "device", 10, device=999, note=True)]
    rows = operator_table([event("aten::mm", "host", 10, 70, 400), *kernels], 10, on_cuda=True)
    assert [(r["operator"], r["provider"]) for r in rows] == [("aten::mm", "CUDA")]
    assert rows[0]["seconds"] == pytest.approx(40e-6)


def test_kernels_that_no_operator_launched_stand_under_their_own_names():
    kernels = [event("triton_fused_0", "device", 10, device=300), event("sgemm", "device", 20, device=400)]
    rows = operator_table([event("aten::mm", "host", 10, 70, 400), *kernels], 10, on_cuda=True)
    assert [(r["operator"], r["calls"]) for r in rows] == [("sgemm", 2), ("triton_fused_0", 1)]
    assert sum(r["seconds"] for r in rows) == pytest.approx(70e-6)


def test_torchs_profiler_gives_the_operators_of_a_call():
    module = torch.nn.Linear(4, 4)
    rows = _torch_calls.operators(lambda: module(torch.ones(2, 4)), 5, on_cuda=False)
    found = {row["operator"]: row for row in rows}
    assert found["aten::addmm"]["calls"] == 1 and found["aten::addmm"]["seconds"] > 0
    assert rows == sorted(rows, key=lambda row: -row["seconds"])


def test_a_module_that_is_partly_elsewhere_is_a_failure():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2, device="meta"))
    with pytest.raises(RuntimeError, match="a part of the module is on cpu, meta, the trial asks for cuda:0"):
        torch_runtime.check_devices(module, "cuda:0")
    with pytest.raises(RuntimeError, match="a part of the module is on meta"):
        torch_runtime.check_devices(module, "cpu")
    torch_runtime.check_devices(module[0], "cpu")


def test_precision_is_read_back_in_shared_words(monkeypatch):
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    try:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = False, True
        assert torch_runtime._precision(on_cuda=True) == {
            "matmul": "tf32", "convolution": "ieee", "convolution_search": "exhaustive",
            "fp16_reduction": "reduced", "bf16_reduction": "reduced", "denormals": "kept", "gelu": "exact",
        }  # fmt: skip
        torch.set_float32_matmul_precision("highest")
        found = torch_runtime._precision(on_cuda=False)
        assert (found["matmul"], found["convolution"]) == ("bf16", "bf16")
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before[1:]
