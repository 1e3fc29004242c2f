"""A stream through the driver's library, which is a stand-in that writes down what it is asked."""

import ctypes

import numpy as np
import pytest

from benchlib.runtimes import _cuda
from benchlib.runtimes._stream import NON_BLOCKING, Stream


class Driver:
    """libcuda as far as streams go: handles are numbers, every call is noted, `broken` fails."""

    def __init__(self, broken=""):
        self.calls, self.broken, self.handles = [], broken, iter(range(100, 200))

    def __getattr__(self, name):
        if not name.startswith("cu"):
            raise AttributeError(name)

        def call(*arguments):
            self.calls.append((name, *map(plain, arguments)))
            if name == self.broken:
                return 999
            return getattr(self, f"_{name}", lambda *a: 0)(*arguments)

        return call

    def made(self, pointer, *_):
        pointer._obj.value = next(self.handles)
        return 0

    _cuDevicePrimaryCtxRetain = _cuStreamCreate = _cuEventCreate = made

    def _cuDeviceGet(self, pointer, index):
        pointer._obj.value = index
        return 0

    def _cuEventElapsedTime(self, pointer, before, behind):
        pointer._obj.value = 2.5  # milliseconds
        return 0

    def _cuMemcpyHtoDAsync_v2(self, target, source, size, stream):
        ctypes.memmove(target.value, source.value, size.value)
        return 0

    def _cuMemcpyDtoHAsync_v2(self, target, source, size, stream):
        ctypes.memmove(target.value, source.value, size.value)
        return 0

    def _cuGetErrorName(self, code, pointer):
        pointer._obj.value = b"CUDA_ERROR_UNKNOWN"
        return 0


def plain(argument):
    return argument.value if isinstance(argument, ctypes._SimpleCData) else argument


def test_it_is_made_in_the_primary_context_and_waits_for_nobody():
    driver = Driver()
    stream = Stream(1, driver)
    names = [name for name, *_ in driver.calls]
    assert names[:5] == ["cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuStreamCreate"]
    assert driver.calls[1][2] == 1
    assert driver.calls[3] == ("cuCtxSetCurrent", 100)
    assert driver.calls[4][2] == NON_BLOCKING == 1
    assert stream.address == 101


def test_elapsed_stands_between_events_on_the_stream_and_is_in_seconds():
    driver = Driver()
    stream = Stream(0, driver)
    driver.calls.clear()
    assert stream.elapsed(lambda: driver.calls.append(("work",))) == pytest.approx(2.5e-3)
    before, behind = 102, 103
    assert driver.calls[:4] == [
        ("cuEventRecord", before, stream.address),
        ("work",),
        ("cuEventRecord", behind, stream.address),
        ("cuEventSynchronize", behind),
    ]
    assert driver.calls[4][0] == "cuEventElapsedTime" and driver.calls[4][2:] == (before, behind)


def test_copies_go_over_the_stream_and_are_whole():
    driver = Driver()
    stream = Stream(0, driver)
    source, device, target = np.arange(5.0), np.zeros(5), np.zeros(5)
    stream.copy_in(device.ctypes.data, source)
    stream.copy_out(target, device.ctypes.data)
    stream.wait()
    np.testing.assert_array_equal(target, source)
    assert [c[-1] for c in driver.calls[-3:]] == [stream.address] * 3
    stream.copy_in(1, np.empty(0))
    assert driver.calls[-1][0] == "cuStreamSynchronize", "nothing is copied where there is nothing"


def test_addresses_beyond_32_bits_are_whole():
    driver = Driver()
    driver._cuMemcpyHtoDAsync_v2 = lambda *a: 0
    Stream(0, driver).copy_in(0x7F12_3456_7890, np.zeros(1))
    assert driver.calls[-1][1] == 0x7F12_3456_7890


@pytest.mark.parametrize("name", ["cuInit", "cuStreamCreate", "cuEventRecord"])
def test_an_error_has_the_drivers_own_name(name):
    with pytest.raises(RuntimeError, match=f"the NVIDIA driver reports CUDA_ERROR_UNKNOWN from {name}"):
        Stream(0, Driver(broken=name)).elapsed(lambda: None)


def test_the_address_on_the_bus_comes_from_the_driver(monkeypatch):
    class Bus(Driver):
        def _cuDeviceGetPCIBusId(self, text, size, device):
            text.value = b"0000:%02x:00.0" % (device.value + 0xA0)
            return 0

    monkeypatch.setattr(_cuda.ctypes, "CDLL", lambda name: Bus())
    assert _cuda.bus_id("cuda:2") == "0000:a2:00.0"
    monkeypatch.setattr(_cuda.ctypes, "CDLL", lambda name: Driver(broken="cuDeviceGet"))
    with pytest.raises(RuntimeError, match="CUDA_ERROR_UNKNOWN"):
        _cuda.bus_id("cuda")
