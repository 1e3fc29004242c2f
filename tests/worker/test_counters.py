"""The counters that a block is judged by."""

import os
import threading
import time

import pytest

from benchlib.worker import counters
from benchlib.worker.counters import Counters, requested_threads

STAT = b"""cpu  400 0 200 4000 100 10 20 90 0 0
cpu0 200 10 100 2000 50 5 10 15 7 0
cpu1 100 0 50 2500 25 0 0 5 0 0
cpu10 1 1 1 1 1 1 1 70 0 0
intr 12345 0 0
"""


def test_steal_is_that_of_the_cores_that_may_be_used():
    tick = 10**9 // os.sysconf("SC_CLK_TCK")
    assert counters._steal_of({0, 1})(STAT) == 20 * tick
    assert counters._steal_of({1})(STAT) == 5 * tick
    assert counters._steal_of({10})(STAT) == 70 * tick


@pytest.mark.parametrize(("text", "threads"), [("2", 2), ("", 0), ("many", 0)])
def test_the_requested_threads_are_those_that_the_process_was_started_with(monkeypatch, text, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert requested_threads() == threads
    found = Counters()
    assert found.since(found.read()).get("requested", 0) == threads


def schedstat(folder, task, delay):
    (folder / str(task)).mkdir(exist_ok=True)
    (folder / str(task) / "schedstat").write_text(f"1000 {delay} 5\n")


def test_the_delay_of_a_thread_that_has_ended_stays_in_the_sum(monkeypatch, tmp_path):
    monkeypatch.setattr(counters, "_TASKS", str(tmp_path))
    schedstat(tmp_path, 1, 100), schedstat(tmp_path, 2, 700)
    found = Counters()
    before = found.read()
    schedstat(tmp_path, 1, 150), schedstat(tmp_path, 2, 900), schedstat(tmp_path, 3, 40)
    assert found.read()["run_delay"] - before["run_delay"] == 290, "a thread that began since counts from its beginning"
    (tmp_path / "2" / "schedstat").unlink(), (tmp_path / "2").rmdir()
    schedstat(tmp_path, 1, 155)
    assert found.read()["run_delay"] - before["run_delay"] == 295


def test_without_such_statistics_there_is_no_delay(monkeypatch, tmp_path):
    monkeypatch.setattr(counters, "_TASKS", str(tmp_path / "none"))
    assert "run_delay" not in Counters().read()


def test_counters_only_grow():
    found = Counters()
    before = found.read()
    thread = threading.Thread(target=time.sleep, args=(0.01,))
    thread.start(), thread.join()
    assert all(value >= 0 for value in found.since(before).values())


def test_what_is_stolen_of_cores_that_nobody_asked_for_is_no_loss():
    found = counters.Counters()
    found._requested, found._cores, found._readers = 1, 64, {"steal": iter([0, 64_000]).__next__}
    before = found.read()
    assert found.since(before)["steal"] == 1000
