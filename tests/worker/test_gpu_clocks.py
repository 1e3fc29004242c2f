"""NVML's readings and what they are flagged for, with NVML replaced."""

import sys
from types import SimpleNamespace

import pytest

from benchlib.runtimes import _cuda
from benchlib.worker import gpu_clocks


class NVMLError(Exception):
    pass


@pytest.fixture
def nvml(monkeypatch):
    """A GPU at 0000:a1:00.0, whose temperature cannot be read; counts how often it is looked for."""
    looked = []

    def unsupported(*_):
        raise NVMLError("Not Supported")

    def find(address):
        looked.append(address)
        return "handle"

    fake = SimpleNamespace(
        NVMLError=NVMLError, NVML_CLOCK_SM=1, NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByPciBusId=find,
        nvmlDeviceGetClockInfo=lambda handle, kind: {"handle": {1: 1980}}[handle][kind],
        nvmlDeviceGetPowerUsage=lambda handle: 123_456,
        nvmlDeviceGetTemperatureV=unsupported,
        nvmlDeviceGetCurrentClocksEventReasons=lambda handle: 0x04,
        looked=looked,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(_cuda, "missing", lambda device: None)
    monkeypatch.setattr(_cuda, "bus_id", lambda device: "0000:a1:00.0")
    gpu_clocks._handle.cache_clear()
    yield fake
    gpu_clocks._handle.cache_clear()


def test_a_reading_has_what_the_gpu_tells_and_its_handle_is_kept(nvml):
    readings = [gpu_clocks.read("cuda:1") for _ in range(3)]
    assert readings == [{"sm_clock": 1980, "power": 123.456, "reasons": 0x04}] * 3
    assert nvml.looked == [b"0000:a1:00.0"]


def test_there_is_nothing_to_read_on_the_cpu_or_without_a_driver(nvml, monkeypatch):
    assert gpu_clocks.read("cpu") == {} and nvml.looked == []

    def broken():
        raise NVMLError("Driver Not Loaded")

    monkeypatch.setattr(nvml, "nvmlInit", broken)
    assert gpu_clocks.read("cuda") == {}


def test_the_names_are_those_of_the_installed_package():
    import pynvml

    for name in (
        "NVMLError", "NVML_CLOCK_SM", "NVML_TEMPERATURE_GPU", "nvmlInit", "nvmlDeviceGetHandleByPciBusId",
        "nvmlDeviceGetClockInfo", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetTemperatureV",
        "nvmlDeviceGetCurrentClocksEventReasons",
    ):  # fmt: skip
        assert hasattr(pynvml, name), name
    reasons = {
        "SwPowerCap", "HwSlowdown", "SwThermalSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown",
    }  # fmt: skip
    assert set(gpu_clocks.SLOWED) == {getattr(pynvml, f"nvmlClocksEventReason{name}") for name in reasons}


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"sm_clock": 1980, "reasons": 0}, {"sm_clock": 1980, "reasons": 0}, []),
        ({"sm_clock": 1980}, {"sm_clock": 1921}, []),  # 2.98 %
        ({"sm_clock": 1980}, {"sm_clock": 1920}, ["clock_moved"]),  # 3.03 %
        ({"sm_clock": 1900}, {"sm_clock": 1980}, ["clock_moved"]),
        ({"reasons": 0x01 | 0x02 | 0x10 | 0x100}, {"reasons": 0x01}, []),  # idle, settings
        ({"reasons": 0x04}, {"reasons": 0}, ["gpu_throttled"]),
        ({"reasons": 0}, {"reasons": 0x41}, ["gpu_throttled"]),
        ({"sm_clock": 1980, "reasons": 0}, {"sm_clock": 1500, "reasons": 0x80}, ["clock_moved", "gpu_throttled"]),
        ({}, {}, []),
    ],
)
def test_flags(before, after, wanted):
    assert gpu_clocks.flags(before, after) == wanted


def test_what_slowed_it_down_in_words():
    assert gpu_clocks.slowed({"reasons": 0x24}) == ["software power cap", "software thermal slowdown"]
