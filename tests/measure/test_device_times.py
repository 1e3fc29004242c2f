"""Device times of a replicate, and the metrics made of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchlib.measure.device import calls_within, device_metrics, device_times


@pytest.mark.parametrize(("usual", "calls"), [(1e-6, 200), (1e-3, 100), (7e-3, 14), (0.1, 5), (30, 5)])
def test_calls_fit_the_budget_within_limits(usual, calls):
    assert calls_within(0.1, usual) == calls


class Opened:
    def __init__(self, device, answer=None):
        self.contender = SimpleNamespace(open={"request": {"device": device}})
        self.worker, self.answer, self.log = self, answer or {}, []

    def left(self):
        return 12.5

    def ask(self, verb, timeout, **arguments):
        self.log.append((verb, timeout, arguments))
        return self.answer

    def freeze(self):
        self.log.append("freeze")


def test_nothing_is_asked_on_the_cpu():
    opened = [Opened("cpu"), Opened("cpu")]
    assert device_times(opened, [np.ones(3)] * 2) == []
    assert opened[0].log == []


def test_each_session_is_asked_in_turn_and_stopped_again():
    opened = [Opened("cuda", {"whole": 1.0}), Opened("cuda", {"whole": 2.0})]
    found = device_times(opened, [np.full(9, 1e-3), np.full(9, 1e-2)])
    assert found == [[{"whole": 1.0}, {"whole": 2.0}]]
    assert opened[0].log == [("device", 12.5, {"calls": 100}), "freeze"]
    assert opened[1].log == [("device", 12.5, {"calls": 10}), "freeze"]


def test_metrics_are_medians_over_processes_and_overhead_is_the_rest():
    processes = [
        {"calls": 9, "whole": w, "compute": 2e-3, "copy_in": 1e-3, "copy_out": 0.5e-3, "back_to_back": 3e-3}
        for w in (3e-3, 4e-3, 90e-3)
    ]
    found = device_metrics([*processes, {}], latency=5e-3)
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
    assert device_metrics([], 1.0) == device_metrics([{}], 1.0) == {}
