"""Device times of a replicate, and the metrics made of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.measure.contender import Contender, Launcher, open_contender
from benchlib.measure.controller import measure
from benchlib.measure.device import calls_within, device_metrics, device_times
from benchlib.measure.levels import LEVELS
from benchlib.record import DeviceTimes
from benchlib.registries import runtimes
from benchlib.worker.messages import DeviceReply, OpenSession, TimeOnDevice


@pytest.mark.parametrize(("usual", "calls"), [(1e-6, 200), (1e-3, 100), (7e-3, 14), (0.1, 5), (30, 5)])
def test_calls_fit_the_budget_within_limits(usual, calls):
    assert calls_within(0.1, usual) == calls


def times(whole, compute=2e-3, copy_in=1e-3, copy_out=0.5e-3, back_to_back=3e-3):
    return DeviceTimes(9, whole, compute, copy_in, copy_out, back_to_back)


class Opened:
    def __init__(self, device, answer=None):
        self.contender = SimpleNamespace(open=SimpleNamespace(device=device))
        self.worker, self.answer, self.log = self, answer, []

    def left(self):
        return 12.5

    def ask(self, request, timeout):
        self.log.append((request, timeout))
        return DeviceReply(self.answer)

    def freeze(self):
        self.log.append("freeze")


def test_nothing_is_asked_on_the_cpu():
    opened = [Opened("cpu"), Opened("cpu")]
    assert device_times(opened, [np.ones(3)] * 2) == []
    assert opened[0].log == []


def test_each_session_is_asked_in_turn_and_stopped_again():
    opened = [Opened("cuda", times(1.0)), Opened("cuda", times(2.0))]
    found = device_times(opened, [np.full(9, 1e-3), np.full(9, 1e-2)])
    assert found == [[times(1.0), times(2.0)]]
    assert opened[0].log == [(TimeOnDevice(calls=100), 12.5), "freeze"]
    assert opened[1].log == [(TimeOnDevice(calls=10), 12.5), "freeze"]


def test_metrics_are_medians_over_processes_and_overhead_is_the_rest():
    found = device_metrics([*map(times, (3e-3, 4e-3, 90e-3)), None], latency=5e-3)
    assert found == pytest.approx(
        {
            "time_device": 4e-3,
            "time_compute": 2e-3,
            "time_copy_in": 1e-3,
            "time_copy_out": 0.5e-3,
            "time_back_to_back": 3e-3,
            "time_overhead": 1.5e-3,
        }
    )
    assert device_metrics([], 1.0) == device_metrics([None], 1.0) == {}


@pytest.mark.process
def test_every_process_of_a_trial_on_a_device_answers_once(tmp_path):
    tensors.save(tmp_path / "inputs.npz", {"x": np.ones(2, np.float32)})
    options = {name: o.default for name, o in runtimes.get("planted").options.items()} | {"seconds": 1e-4}
    request = OpenSession(
        "planted", Path(), tmp_path / "inputs.npz", exporter="planted", device="cuda", runtime_args=options
    )
    contenders = [Contender(label, False, request) for label in ("a", "b")]
    level = replace(LEVELS["smoke"], replicates=2, start="fresh")
    launcher = Launcher("f" * 16, 1, tmp_path, lambda: pytest.fail("it starts fresh"), timeout=60.0)
    try:
        opened = [open_contender(c, launcher, level.start, 0, 0, c.label) for c in contenders]
        for o in opened:
            o.outputs(None)
        found = measure(contenders, opened, launcher, level, seed=0)
    finally:
        launcher.end()
    assert [[p.whole for p in pair] for pair in found.device] == [[pytest.approx(0.9e-4)] * 2] * 2
    metrics = device_metrics([pair[-1] for pair in found.device], latency=1e-4)
    assert metrics["time_overhead"] == pytest.approx(1e-5)
