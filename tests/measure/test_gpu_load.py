"""Others on the trial's GPU, with an NVML that is made up."""

from types import SimpleNamespace

import pytest

from benchlib.measure.gpu_load import GpuReading, GpuWatch


class NVMLError(Exception):
    pass


class Nvml:
    """Answers from its attributes; what is None it does not answer."""

    NVMLError = NVMLError

    def __init__(self, pids=(), use=(), reasons=0):
        self.pids, self.use, self.reasons, self.since = pids, use, reasons, []

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        if self.pids is None:
            raise NVMLError
        return [SimpleNamespace(pid=pid) for pid in self.pids]

    def nvmlDeviceGetProcessUtilization(self, handle, since):
        self.since.append(since)
        if self.use is None:
            raise NVMLError
        return [SimpleNamespace(pid=pid, smUtil=use, timeStamp=1000 + n) for n, (pid, use) in enumerate(self.use)]

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle):
        if self.reasons is None:
            raise NVMLError
        return self.reasons


def watch(nvml):
    return GpuWatch("cuda", lambda: [11, 12], (nvml, "handle"))


@pytest.mark.parametrize(
    ("nvml", "reading"),
    [
        (Nvml(), GpuReading(0, 0.0)),  # nobody computes
        (Nvml([11, 12]), GpuReading(0, 0.0)),
        (Nvml([11, 12, 99], [(11, 80), (99, 30)]), GpuReading(1, 0.3)),
        (Nvml([77, 99], [(99, 30)]), GpuReading(None, None)),  # the numbers are of another namespace
        (Nvml([11, 99], None), GpuReading(1, None)),
        (Nvml(None, None, None), GpuReading(None, None)),
        (Nvml([11], reasons=0x40 | 0x01), GpuReading(0, 0.0, ("hardware thermal slowdown",))),
    ],
)
def test_what_is_read(nvml, reading):
    assert watch(nvml).read() == reading


def test_others_that_only_hold_memory_keep_nobody_waiting():
    assert watch(Nvml([11, 99], [(99, 0)])).busy_in_words() == ""
    assert watch(Nvml([11, 98, 99], [(99, 30)])).busy_in_words() == "2 other processes compute on cuda"


def test_later_readings_ask_for_what_came_since():
    gpu = watch(nvml := Nvml([11, 99], [(99, 30), (11, 3)]))
    gpu.read(), gpu.read()
    assert nvml.since == [0, 1001]


def test_what_was_waited_for_before_a_replicate_is_none_of_its_own():
    gpu = watch(nvml := Nvml([11, 99], [(99, 80)]))
    for _ in range(5):
        gpu.busy_in_words()
    nvml.pids = [11]
    assert gpu.busy_in_words() == ""
    gpu.keep()
    assert gpu.readings == [GpuReading(0, 0.0)] and gpu.causes() == ()


def test_what_half_of_the_readings_show_disturbs():
    gpu = watch(Nvml())
    quiet, busy, slowed = GpuReading(0, 0.0), GpuReading(1, 0.4), GpuReading(0, 0.0, ("hardware power brake",))
    for readings, causes in (
        ([], ()),
        ([quiet] * 5, ()),
        ([busy, quiet, quiet, quiet, quiet], ()),
        ([busy, busy, quiet, slowed], ("gpu_busy",)),
        ([slowed] * 3, ("gpu_slowed",)),
    ):
        gpu.readings = readings
        assert gpu.causes() == causes


def test_on_the_cpu_there_is_nothing_to_read():
    gpu = GpuWatch("cpu", lambda: [])
    assert gpu.read() is None and gpu.busy_in_words() == "" and gpu.causes() == ()


def test_without_a_gpu_there_is_nothing_to_read(monkeypatch):
    from benchlib.errors import Unavailable
    from benchlib.measure import gpu_load

    def missing(device):
        raise Unavailable("no CUDA device")

    monkeypatch.setattr(gpu_load._cuda, "nvml_handle", missing)
    assert GpuWatch("cuda", lambda: []).read() is None
