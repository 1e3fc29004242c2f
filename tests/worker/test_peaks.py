"""The verb `peaks`, with calls that are counted instead of long; rates are held against each other, never against
a figure."""

import builtins

import pytest

from benchlib.worker import peaks

REQUEST = {"dtype": "float32", "device": "cpu", "threads": 1, "seconds": 0.001, "array_size": 1 << 20}


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when a call says so."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(peaks, "time", clock)
    return clock


def test_the_best_of_all_calls_is_the_peak(clock):
    durations = iter([4.0, 2.0, 1.0, 5.0, 3.0])

    def call():
        clock.now += next(durations)

    assert peaks.best_rate(call, 8.0, seconds=12.0) == 8.0  # the third; after the fourth the time is up
    assert next(durations) == 3.0


def test_there_are_at_least_a_few_calls(clock):
    calls = []

    def call():
        calls.append(1)
        clock.now += 100.0

    peaks.best_rate(call, 1.0, seconds=1.0)
    assert len(calls) == 3


@pytest.mark.parametrize("torch", [True, False])
def test_a_worker_measures_with_torch_and_without(monkeypatch, torch):
    monkeypatch.setattr(peaks, "_LARGEST", 256)
    if not torch:
        real = builtins.__import__

        def blocked(name, *rest, **more):
            if name == "torch":
                raise ImportError(name)
            return real(name, *rest, **more)

        monkeypatch.setattr(builtins, "__import__", blocked)
    found = peaks.peaks(None, REQUEST)
    assert found["how"].startswith("torch" if torch else "numpy")
    assert found["flop_rate"] > 0
    assert found["memory_bandwidth"] > 0


def test_sizes_grow_as_far_as_the_time_allows(clock):
    sizes = []

    def product(n):
        def call():
            sizes.append(n)
            clock.now += 2 * n**3 / 1e9  # one GFLOP/s

        return call

    assert peaks._products(product, seconds=10.0) == pytest.approx(1e9)
    assert max(sizes) == 512  # 16 products of 1024 rows would take longer than 10 s
    assert sizes.count(512) > 16
