"""The verb `peaks`, with calls that are counted instead of long; rates are held against each other, never against
a figure."""

from dataclasses import replace

import pytest

from benchlib.errors import Unavailable
from benchlib.worker import peaks
from benchlib.worker.messages import MeasurePeaks

REQUEST = MeasurePeaks("float32", "cpu", threads=1, seconds=0.001, array_size=1 << 20)


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


@pytest.fixture
def only(monkeypatch):
    """Leaves one of the libraries."""
    real = peaks.import_module

    def leave(library):
        def only_it(name):
            if name != library:
                raise ImportError(name)
            return real(name)

        monkeypatch.setattr(peaks, "import_module", only_it)

    return leave


@pytest.mark.parametrize("library", list(peaks._LIBRARIES))
def test_a_worker_measures_with_each_library_that_is_there(monkeypatch, only, library):
    monkeypatch.setattr(peaks, "_LARGEST", 256)
    only(library)
    found = peaks.measure_peaks(None, REQUEST)
    assert found.how.split()[0] == library
    assert found.flop_rate > 0
    assert found.memory_bandwidth > 0


@pytest.mark.parametrize("library", ["numpy", "onnxruntime"])
def test_without_torch_a_gpu_has_no_peak_but_a_reason(only, library):
    only(library)
    with pytest.raises(Unavailable, match="on cuda: that takes torch"):
        peaks.measure_peaks(None, replace(REQUEST, device="cuda"))


def test_the_fastest_library_gives_the_peak_and_its_name(monkeypatch, clock):
    def of_speed(rate):
        def products(library, request):
            yield "float32", lambda n: lambda: setattr(clock, "now", clock.now + 2 * n**3 / rate)

        return products

    monkeypatch.setattr(peaks, "_LIBRARIES", {"torch": of_speed(1e9), "numpy": of_speed(3e9), "json": of_speed(2e9)})
    monkeypatch.setattr(peaks, "_host_copies", lambda request: 1.0)
    found = peaks.measure_peaks(None, REQUEST)
    assert found.flop_rate == pytest.approx(3e9)
    assert found.how.split()[0] == "numpy"


def test_sizes_grow_as_far_as_the_time_allows(clock):
    sizes = []

    def product(n):
        def call():
            sizes.append(n)
            clock.now += 2 * n**3 / 1e9  # one GFLOP/s

        return call

    assert peaks._best_product(product, seconds=10.0) == pytest.approx(1e9)
    assert max(sizes) == 512  # 16 products of 1024 rows would take longer than 10 s
    assert sizes.count(512) > 16
