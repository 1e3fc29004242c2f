"""The parts of a call, from a session whose device and clocks are made up."""

import gc
from types import SimpleNamespace

import pytest

from benchlib.record import OperatorTime
from benchlib.runtimes import DeviceCalls
from benchlib.worker.device import time_on_device, time_parts
from benchlib.worker.messages import DeviceReply, Profile, ProfileCalls, TimeOnDevice
from benchlib.worker.profiled import profile_calls
from benchlib.worker.service import Worker

SECONDS = {"whole": 3e-3, "compute": 2e-3, "copy_in": 0.6e-3, "copy_out": 0.4e-3}


class Device:
    """Each part takes its seconds on the device; `enqueue` nanoseconds of the host. The first time is the slowest."""

    def __init__(self, io="host", enqueue=1_000_000):
        self.log, self.now, self.enqueue, self.last = [], 0, enqueue, ""
        self.collecting = []
        copies = io == "host"
        parts = {name: self.part(name) for name in SECONDS if copies or not name.startswith("copy")}
        self.calls = DeviceCalls(
            **{"copy_in": None, "copy_out": None, **parts}, wait=lambda: self.log.append("wait"), elapsed=self.elapsed
        )

    def part(self, name):
        def run():
            self.log.append(name)
            self.last = name
            self.now += self.enqueue
            self.collecting.append(gc.isenabled())

        return run

    def elapsed(self, work):
        work()
        n = self.log.count(self.last)
        return SECONDS[self.last] * (100 if n == 2 else 1)  # one outlier, after the warm-up's call


def test_each_part_is_the_median_on_the_devices_clock():
    device = Device()
    found = time_parts(device.calls, 5, lambda: device.now)
    assert {name: getattr(found, name) for name in SECONDS} == pytest.approx(SECONDS)


def test_back_to_back_waits_once_for_all_calls():
    device = Device(enqueue=2_000_000)
    found = time_parts(device.calls, 5, lambda: device.now)
    assert found.back_to_back == pytest.approx(2e-3)
    assert device.log[-7:] == ["wait", *["whole"] * 5, "wait"]


def test_a_call_that_copies_nothing_has_no_time_for_it():
    device = Device(io="device")
    found = time_parts(device.calls, 5, lambda: device.now)
    assert found.copy_in == found.copy_out == 0.0 and found.compute == pytest.approx(2e-3)


def test_the_verb_keeps_collections_out_and_lets_them_in_again():
    device = Device()
    worker = Worker(channel=None)
    worker.session = SimpleNamespace(device_calls=lambda: device.calls)
    reply = time_on_device(worker, TimeOnDevice(5))
    assert reply.times.calls == 5 and all(getattr(reply.times, name) > 0 for name in SECONDS)
    assert device.collecting and not any(device.collecting) and gc.isenabled()


@pytest.mark.parametrize("session", [SimpleNamespace(), SimpleNamespace(device_calls=lambda: None)])
def test_a_session_without_a_clock_of_its_own_has_no_parts(session):
    worker = Worker(channel=None)
    worker.session = session
    assert time_on_device(worker, TimeOnDevice(5)) == DeviceReply(None)


def test_the_profiler_sees_warm_calls():
    log = []
    worker = Worker(channel=None)
    worker.time_calls(lambda: log.append("call"))

    def profile(call, calls):
        log.append("profiler on")
        for _ in range(calls):
            call()
        return [{"operator": "Add", "provider": "CPU", "calls": 1.0, "seconds": 2.0}]

    worker.session = SimpleNamespace(profile=profile)
    assert profile_calls(worker, ProfileCalls(2)) == Profile([OperatorTime("Add", "CPU", 1.0, 2.0)])
    assert log == ["call", "call", "call", "profiler on", "call", "call"]
