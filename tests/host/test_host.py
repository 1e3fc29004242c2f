"""The file of a host and its peaks: kept, renewed when exceeded, and nobody else's."""

import json
from concurrent.futures import ProcessPoolExecutor

import pytest

from benchlib import machine
from benchlib.host import file
from benchlib.host.peaks import peaks
from benchlib.worker.messages import Peaks


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Worker:
    """Answers as the verb `peaks`, with the rates it is given, one after another."""

    def __init__(self, *rates):
        self.rates, self.requests = list(rates), []

    def __call__(self, request):
        self.requests.append(request)
        flops, memory = self.rates.pop(0)
        return Peaks(flops, memory, how=f"told {flops:g}")


def test_peaks_are_measured_once_and_kept():
    worker = Worker((100.0, 10.0))
    first = peaks(worker, "float32", "cpu", 2)
    assert (first.flop_rate, first.memory_bandwidth) == (100.0, 10.0)
    assert peaks(worker, "float32", "cpu", 2) == first
    assert peaks(worker, "float32", "cpu", 2, lambda known: known.flop_rate < 99) == first
    assert len(worker.requests) == 1
    request = worker.requests[0]
    assert request.array_size > (machine.last_level_cache() or 0)


def test_dtype_and_threads_have_peaks_of_their_own():
    worker = Worker((100.0, 10.0), (200.0, 10.0), (50.0, 8.0))
    found = [peaks(worker, *what).flop_rate for what in
             (("float32", "cpu", 2), ("bfloat16", "cpu", 2), ("float32", "cpu", 1))]  # fmt: skip
    assert found == [100.0, 200.0, 50.0]


def test_a_claim_beyond_the_peak_is_answered_by_measuring_again_and_the_best_is_kept():
    worker = Worker((100.0, 10.0), (150.0, 9.0), (90.0, 8.0))
    peaks(worker, "float32", "cpu", 2)
    again = peaks(worker, "float32", "cpu", 2, lambda known: known.flop_rate < 140)
    assert (again.flop_rate, again.memory_bandwidth) == (150.0, 10.0)
    still = peaks(worker, "float32", "cpu", 2, lambda known: known.flop_rate < 500)
    assert (still.flop_rate, still.how, still.memory_bandwidth) == (150.0, "told 150", 10.0)
    assert not worker.rates


def test_another_host_has_another_file(monkeypatch):
    file.update(lambda kept: kept["peaks"].update(mine=1))
    here = file.path()
    monkeypatch.setattr(machine, "allowed_cores", lambda: 96)
    assert file.path() != here
    assert file.read()["peaks"] == {}


@pytest.mark.parametrize("text", ["", "{half", "[]"])
def test_a_damaged_file_counts_as_empty(text):
    file.path().write_text(text)
    assert file.read() == {"host": file.identity(), "peaks": {}, "calibrations": {}}
    file.update(lambda kept: kept["peaks"].update(mine=1))
    assert json.loads(file.path().read_text())["peaks"] == {"mine": 1}


def _write(number: int) -> None:
    file.update(lambda kept: kept["peaks"].update({str(number): number}))


@pytest.mark.process
def test_writers_at_the_same_time_lose_nothing(cache):
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_write, range(40)))
    assert len(file.read()["peaks"]) == 40
    assert not [f for f in (cache / "hosts").iterdir() if f.suffix not in (".json", ".lock")]


def test_the_cache_of_all_allowed_cores(tmp_path, monkeypatch):
    """Two pairs of cores, each with a cache of the third level of its own."""
    for core in range(4):
        for index, (level, size, shared) in enumerate((("1", "32K", core), ("3", "16M", f"{core // 2 * 2}-"))):
            folder = tmp_path / f"cpu{core}" / "cache" / f"index{index}"
            folder.mkdir(parents=True)
            for name, value in (("level", level), ("size", size), ("shared_cpu_list", shared)):
                (folder / name).write_text(f"{value}\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert machine.last_level_cache(tmp_path) == 32 << 20
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert machine.last_level_cache(tmp_path) == 16 << 20
    assert machine.last_level_cache(tmp_path / "nothing") is None


def test_rounds_begin_on_the_quickest_kind_of_core_only(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda who: {0, 1, 2, 3})
    monkeypatch.setattr(machine, "_highest_clock", lambda core: 0)
    assert machine.like_cores() == (0, 1, 2, 3), "the kernel does not tell"
    monkeypatch.setattr(machine, "_highest_clock", lambda core: 5_000_000 if core < 2 else 3_800_000)
    assert machine.like_cores() == (0, 1)
