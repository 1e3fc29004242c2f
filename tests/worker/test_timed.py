"""The timed loop of a worker, with clocks of our own."""

import gc
import json
import mmap
import os
from array import array
from itertools import count, cycle, repeat
from types import SimpleNamespace

import pytest

from benchlib.worker import canary, timed
from benchlib.worker.counters import Counters
from benchlib.worker.service import Worker


def worker(call, collects=False):
    return SimpleNamespace(calls=cycle((call,)), last=None, collects=collects, device="cpu", several=False)


def clock(*readings):
    """Gives these readings, one after another."""
    return iter(readings).__next__


def test_a_sample_is_what_the_clock_moved_during_the_call():
    ns, calls = array("Q", bytes(16)), count(1)
    assert timed.timed(repeat(lambda: next(calls)), None, ns, 1, clock(10, 25, 100, 107)) == 2
    assert ns.tolist() == [15, 7]


def test_a_block_is_one_sample_of_several_calls():
    ns, calls = array("Q", bytes(16)), count(1)
    assert timed.timed(repeat(lambda: next(calls)), None, ns, 50, clock(0, 500, 600, 1300)) == 100
    assert ns.tolist() == [500, 700]


@pytest.mark.parametrize("inner", [1, 5])
def test_calls_take_turns_from_epoch_to_epoch(inner):
    seen, ns = [], array("Q", bytes(8 * 2))
    calls = cycle([lambda n=n: seen.append(n) for n in range(4)])
    for _ in range(2):
        timed.timed(calls, None, ns, inner)
    assert seen == [n % 4 for n in range(2 * 2 * inner)]


def test_an_epoch_begins_with_the_turn_that_it_is_told():
    seen, told = [], Worker(channel=None)
    told.times(*(lambda n=n: seen.append(n) for n in range(3)))
    timed.run(told, {"calls": 2})
    timed.run(told, {"calls": 2, "turn": 4})
    timed.run(told, {"calls": 1, "turn": 0})
    assert seen == [0, 1, 1, 2, 0]


def test_a_clock_that_goes_back_is_an_error_and_no_sample(monkeypatch):
    readings = iter([100, 50])
    loop = timed.timed
    monkeypatch.setattr(timed, "timed", lambda call, out, ns, inner: loop(call, out, ns, inner, readings.__next__))
    with pytest.raises(timed.ClockWentBack):
        timed.epoch(worker(lambda: None), 1)
    assert gc.isenabled()


def test_an_epoch_says_what_it_was():
    found = timed.epoch(worker(lambda: 7), 3, 1000)
    assert len(found["ns"]) == 3
    assert found["inner"] == 1000
    assert 0 < found["empty"] < min(found["ns"])
    assert found["start"] < found["end"]
    assert {"run_delay", "involuntary", "major_faults", "threads", "collections"} <= set(found["noise"])
    json.dumps(found)
    assert timed.epoch(worker(lambda: 7), 3)["empty"] == 0


class Cycle:
    def __init__(self):
        self.own = self


def litter():
    for _ in range(50):
        Cycle()


def test_garbage_is_collected_inside_the_timing_only_where_it_is_wanted(monkeypatch):
    inside, seen, loop = [False], [], timed.timed

    def watched(*arguments):
        inside[0] = True
        result = loop(*arguments)
        inside[0] = False
        return result

    monkeypatch.setattr(timed, "timed", watched)
    gc.callbacks.append(lambda phase, info: seen.append(inside[0]) if phase == "start" else None)
    try:
        held = timed.epoch(worker(litter), 200)
        assert not any(seen)
        allowed = timed.epoch(worker(litter, collects=True), 200)
        assert any(seen)
    finally:
        gc.callbacks.pop()
    assert held["noise"]["collections"] == 0
    assert held["noise"]["collections_held"] > 5
    assert allowed["noise"]["collections"] > 5
    assert allowed["noise"]["collections_held"] == 0


def test_an_epoch_begins_on_the_core_that_it_is_told_and_may_leave_it(monkeypatch):
    free, masks = os.sched_getaffinity(0), []
    monkeypatch.setattr(os, "sched_setaffinity", lambda who, cores: masks.append(cores))
    core = min(free)
    found = timed.run(worker(lambda: masks.append("called")), {"calls": 1, "core": core})
    assert masks == [{core}, free, "called"]
    assert found["noise"]["core"] == core
    assert "core" not in timed.run(worker(lambda: None), {"calls": 1})["noise"]


def test_a_core_that_may_not_be_used_moves_nothing():
    free = os.sched_getaffinity(0)
    timed.run(worker(lambda: None), {"calls": 1, "core": max(free) + 1})
    assert os.sched_getaffinity(0) == free


def test_counters_count_this_process():
    counters = Counters()
    before = counters.read()
    with mmap.mmap(-1, 1 << 22) as fresh:  # never touched, where what malloc gives may have been
        for page in range(0, len(fresh), mmap.PAGESIZE):
            fresh[page] = 1
    found = counters.since(before)
    assert found["minor_faults"] > 0
    assert found["threads"] >= 1
    assert all(value >= 0 for value in found.values())


def test_the_canary_gives_readings_of_both_kinds():
    found = canary.canary(None, {})
    assert {len(found["compute"]), len(found["copy"])} == {canary.READINGS}
    assert min(found["compute"] + found["copy"]) > 0
