"""Memory of a known size in real small workers, read as a trial reads it: phase by phase, from fresh processes."""

import functools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from benchlib_planted.allocator import Plant, touched

from benchlib.errors import Unavailable
from benchlib.measure import memory
from benchlib.measure.memory import Watched
from benchlib.record import Footprint, MemoryRecord
from benchlib.worker import footprint
from benchlib.worker.client import start_fresh
from benchlib.worker.messages import ImportModules, MakeCalls, OpenSession, ReadFootprint, ResetPeak

MB = 1 << 20


@pytest.fixture
def watch(tmp_path):
    """Fresh workers at their baseline, with the planted allocator in them."""
    started = []

    def start(*modules: str, folder: str = "") -> Watched:
        worker = start_fresh("m" * 16, tmp_path / "log", {}, tmp_path, 1)
        started.append(worker)
        watched = Watched(worker, lambda: 60.0, folder=folder)
        watched.phase("baseline", ImportModules(["benchlib_planted.allocator", *modules], "cpu"))
        return watched

    yield start
    for worker in started:
        worker.kill()


def peak(watched: Watched, phase: str = "plant") -> float:
    """MB."""
    return memory.increments([watched.phases], phase)[0] / MB


def at_end(watched: Watched, phase: str = "plant") -> float:
    return (watched.phases[phase].rss - watched.phases["baseline"].rss) / MB


@pytest.mark.process
def test_what_is_touched_and_kept(watch):
    watched = watch()
    watched.phase("plant", Plant(held=256))
    assert peak(watched) == pytest.approx(256, abs=2)
    assert at_end(watched) == pytest.approx(256, abs=2)


@pytest.mark.process
def test_what_is_only_mapped_does_not_count(watch):
    watched = watch()
    watched.phase("plant", Plant(reserved=1024))
    assert peak(watched) <= 1


@pytest.mark.process
def test_what_is_freed_within_the_phase_counts_in_its_peak(watch):
    watched = watch()
    watched.phase("plant", Plant(freed=256))
    assert peak(watched) == pytest.approx(256, abs=2)
    assert at_end(watched) <= 4


@pytest.mark.process
def test_a_fat_parent_does_not_show_in_its_child(watch):
    thin = watch()
    thin.phase("plant", Plant(held=10))
    before = int(footprint._kilobytes(Path("/proc/self/status"))["VmRSS"])
    burden = touched(300)
    assert footprint._kilobytes(Path("/proc/self/status"))["VmRSS"] - before > 295 * MB
    child = watch()
    child.phase("plant", Plant(held=10))
    burden.close()
    assert child.phases["plant"].peak <= thin.phases["plant"].peak + MB
    assert peak(child) == pytest.approx(10, abs=1)


@pytest.mark.process
def test_the_peak_is_reset_between_phases(watch):
    watched = watch()
    watched.phase("one", Plant(freed=200))
    watched.phase("two", Plant(freed=100))
    assert peak(watched, "one") == pytest.approx(200, abs=2)
    assert peak(watched, "two") == pytest.approx(100, abs=2)


@pytest.mark.process
def test_mapped_weights_are_seen_and_shared(watch, tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(os.urandom(100 * MB))
    one, two = watch(), watch()
    one.phase("plant", Plant(file=str(file)))
    alone = one.phases["plant"]
    two.phase("plant", Plant(file=str(file)))
    one.phase("shared", Plant())
    assert peak(one) == pytest.approx(100, abs=2)
    own = one.phases["baseline"]
    assert (alone.file - own.file) / MB == pytest.approx(100, abs=4)
    for watched, phase in ((one, "shared"), (two, "plant")):
        found = watched.phases[phase]
        assert (found.file - own.file) / MB == pytest.approx(50, abs=4)
        assert found.rss == pytest.approx(alone.rss, abs=2 * MB), "each still has all of it"
        assert found.private == pytest.approx(own.private, abs=2 * MB), "and none of it alone"


@pytest.mark.process
def test_what_is_mapped_and_not_read_is_known(watch, tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(os.urandom(64 * MB))
    watched = watch(folder=str(tmp_path))
    assert watched.phases["baseline"].untouched == 0
    watched.phase("plant", Plant(file=str(file), read=16 * MB))
    assert watched.phases["plant"].untouched / MB == pytest.approx(48, abs=1)


WEIGHT = 4096 * 4096 * 4  # bytes: 64 MB


@pytest.fixture(scope="module")
def multiplication(tmp_path_factory):
    """y = x @ w with a weight of 64 MB, and inputs for it."""
    import onnx

    from benchlib import tensors

    folder = tmp_path_factory.mktemp("matmul")
    weight = onnx.numpy_helper.from_array(np.full((4096, 4096), 0.5, np.float32), "w")
    value = functools.partial(onnx.helper.make_tensor_value_info, elem_type=onnx.TensorProto.FLOAT, shape=[1, 4096])
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "matmul", [value("x")], [value("y")], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    tensors.save(folder / "inputs.npz", {"x": np.ones((1, 4096), np.float32)})
    return folder


@pytest.mark.process
@pytest.mark.parametrize("strategy", ["kSameAsRequested", "kNextPowerOfTwo"])
def test_onnxruntime_holds_its_weights(watch, multiplication, strategy):
    watched = watch("onnxruntime", "benchlib.runtimes.onnxruntime")
    request = OpenSession(
        "onnxruntime",
        multiplication / "model.onnx",
        multiplication / "inputs.npz",
        exporter="onnx",
        runtime_args={"arena_extend_strategy": strategy},
    )
    session = watched.phase("session", request)
    watched.phase("first", MakeCalls(1))
    assert session.details["arena"]["arena_extend_strategy"] == strategy
    held = max(peak(watched, "session"), peak(watched, "first")) * MB
    assert WEIGHT <= held <= 2.2 * WEIGHT


def test_the_exact_text_that_resets(tmp_path, monkeypatch):
    monkeypatch.setattr(footprint, "_SELF", tmp_path)
    (tmp_path / "clear_refs").touch()
    footprint.reset_peak(None, ResetPeak("cpu"))
    assert (tmp_path / "clear_refs").read_text() == "5"


def test_a_kernel_that_resets_nothing_is_no_figure_but_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(footprint, "_SELF", tmp_path / "absent")
    with pytest.raises(Unavailable, match="clear_refs cannot be written"):
        footprint.reset_peak(None, ResetPeak("cpu"))


@pytest.fixture
def gpu(monkeypatch):
    """A GPU that is not there: torch's allocator and NVML answer what they are told to."""
    from benchlib.runtimes import _cuda

    told = SimpleNamespace(allocated=500, reserved=700, processes=[(os.getpid() + 1, 10**9), (os.getpid(), 900)])
    cuda = SimpleNamespace(
        is_initialized=lambda: told.allocated is not None,
        max_memory_allocated=lambda device: told.allocated,
        max_memory_reserved=lambda device: told.reserved,
        reset_peak_memory_stats=lambda device: setattr(told, "allocated", 20),
    )
    found = lambda handle: [SimpleNamespace(pid=p, usedGpuMemory=m) for p, m in told.processes]  # noqa: E731
    nvml = SimpleNamespace(NVMLError=RuntimeError, nvmlDeviceGetComputeRunningProcesses=found)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(_cuda, "nvml_handle", lambda device: "handle")
    return told


def cuda_figures(device: str = "cuda:1") -> tuple:
    found = footprint.read_footprint(None, ReadFootprint(device, "/absent"))
    return found.cuda_allocated, found.cuda_reserved, found.nvml


def test_a_gpu_has_its_allocators_peaks_and_what_nvml_says_of_this_process(gpu):
    assert cuda_figures() == (500, 700, 900)
    footprint.reset_peak(None, ResetPeak("cuda:1"))
    assert cuda_figures() == (20, 700, 900)
    gpu.processes.pop()
    gpu.allocated = None
    assert cuda_figures() == (None, None, None), "a torch without CUDA, and a process that NVML does not know"
    assert cuda_figures("cpu") == (None, None, None)


@pytest.mark.process
def test_settings_of_allocators_are_recorded():
    script = "import json; from benchlib.worker import footprint; print(json.dumps(footprint.allocator_settings()))"
    env = {**os.environ, "MALLOC_ARENA_MAX": "2", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64", "OTHER": "1"}
    text = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    modes = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    assert '"MALLOC_ARENA_MAX": "2", "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64"' in text
    assert "OTHER" not in text
    assert not modes.exists() or any(f'"{mode}"' in text for mode in ("always", "madvise", "never"))


BLANK = Footprint(peak=10, rss=10, pss=7, private=0, file=0, untouched=3)


def process(session: int, first: int, **more) -> dict:
    """The phases of a process with a baseline of 10 bytes, as the worker tells them."""
    return {"baseline": BLANK, "session": replace(BLANK, peak=session), "first": replace(BLANK, peak=first),
            "steady": replace(BLANK, peak=11, **more)}  # fmt: skip


def export_process(peak: int) -> dict:
    """The same of a process that exports, with a baseline of 5 bytes."""
    return {"baseline": replace(BLANK, rss=5), "load": replace(BLANK, peak=6), "export": replace(BLANK, peak=peak)}


def subject(label: str, sessions: list, exports: list = (), problem: str = "") -> MemoryRecord:
    return MemoryRecord(label, problem, sessions=sessions, exports=list(exports))


def test_medians_and_maxima_over_processes():
    way = subject("way", [process(110, 50), process(20, 310), process(30, 40)], [export_process(905)])
    found = memory.metrics([subject("eager", [process(12, 13)] * 3), way])
    assert (found["memory_vmhwm_session"], found["memory_vmhwm_session_max"]) == (20, 100)
    assert (found["memory_vmhwm_first"], found["memory_vmhwm_first_max"]) == (40, 300)
    assert (found["memory_vmhwm_peak"], found["memory_vmhwm_peak_max"]) == (100, 300)
    assert (found["memory_vmhwm_load"], found["memory_vmhwm_export"]) == (1, 900)
    assert (found["memory_rss_baseline"], found["memory_pss_end"], found["memory_file_untouched"]) == (10, 7, 3)
    assert found["memory_vmhwm_peak_reference"] == 3
    assert found["memory_not_measured"] == ""
    assert "memory_vmhwm_export_reference" not in found
    assert "memory_cuda_allocated_peak" not in found and "memory_nvml_used" not in found


def test_what_failed_half_way_has_words_and_no_figure():
    found = memory.metrics([subject("script", [process(110, 50)], problem="the worker died")])
    assert found == {"memory_not_measured": "script: the worker died"}
    assert memory.metrics([]) == {}


def test_every_metric_is_declared():
    from benchlib.record.metrics import METRICS

    cuda = {"cuda_allocated": 4, "cuda_reserved": 5, "nvml": 6}
    full = {phase: replace(found, **cuda) for phase, found in process(1, 2).items()}
    way = subject("way", [full] * 3, [export_process(9)])
    found = memory.metrics([way, way])
    assert set(found) == {name for name, metric in METRICS.items() if metric.group == "memory"}
    assert (found["memory_cuda_allocated_peak"], found["memory_nvml_used"]) == (4, 0)


@pytest.mark.parametrize(
    ("metrics", "suspect"),
    [
        ({"weights_size": 100 * MB, "memory_vmhwm_session": 101 * MB}, False),
        ({"weights_size": 100 * MB, "memory_vmhwm_session": 60 * MB, "memory_vmhwm_first": 100 * MB - 1000}, False),
        ({"weights_size": 100 * MB, "memory_vmhwm_session": 60 * MB, "memory_vmhwm_first": 99 * MB}, True),
        ({"weights_size": 100 * MB, "memory_vmhwm_first": 60 * MB, "memory_file_untouched": 41 * MB}, False),
        ({"weights_size": 100 * MB, "onnx_filesize": 50 * MB, "memory_vmhwm_first": 60 * MB}, False),
        ({"weights_size": 100 * MB}, False),
        ({"device": "cuda", "weights_size": 100 * MB, "memory_vmhwm_session": 900 * MB,
          "memory_cuda_allocated_peak": 60 * MB}, True),
        ({"device": "cuda", "weights_size": 100 * MB, "memory_nvml_used": 160 * MB}, False),
    ],
)  # fmt: skip
def test_less_memory_than_weights_is_suspect(metrics, suspect):
    assert bool(memory.shortfall(metrics)) == suspect
