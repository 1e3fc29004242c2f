"""The timed loop of a worker, with clocks of our own."""

import gc
import json
import mmap
import os
from array import array
from itertools import count, cycle, repeat

import numpy as np
import pytest

from benchlib.typed_json import from_json, to_json
from benchlib.worker import reference_load, timed
from benchlib.worker.counters import Counters
from benchlib.worker.messages import ReadReferenceLoad, RunBlock, TimedBlock
from benchlib.worker.service import Worker


def worker(call, collects=False):
    found = Worker(channel=None)
    found.collects = collects
    found.time_calls(call)
    return found


def clock(*readings):
    """Gives these readings, one after another."""
    return iter(readings).__next__


def test_a_sample_is_what_the_clock_moved_during_the_call():
    ns, calls = array("Q", bytes(16)), count(1)
    assert timed.time_calls(repeat(lambda: next(calls)), None, ns, 1, clock(10, 25, 100, 107)) == 2
    assert ns.tolist() == [15, 7]


def test_a_sample_may_be_a_loop_of_several_calls():
    ns, calls = array("Q", bytes(16)), count(1)
    assert timed.time_calls(repeat(lambda: next(calls)), None, ns, 50, clock(0, 500, 600, 1300)) == 100
    assert ns.tolist() == [500, 700]


@pytest.mark.parametrize("loops", [1, 5])
def test_calls_rotate_from_block_to_block(loops):
    seen, ns = [], array("Q", bytes(8 * 2))
    calls = cycle([lambda n=n: seen.append(n) for n in range(4)])
    for _ in range(2):
        timed.time_calls(calls, None, ns, loops)
    assert seen == [n % 4 for n in range(2 * 2 * loops)]


def test_a_block_begins_with_the_set_of_inputs_that_it_is_told():
    seen, told = [], Worker(channel=None)
    told.time_calls(*(lambda n=n: seen.append(n) for n in range(3)))
    timed.run_block(told, RunBlock(2))
    timed.run_block(told, RunBlock(2, input_set=4))
    timed.run_block(told, RunBlock(1, input_set=0))
    assert seen == [0, 1, 1, 2, 0]


def test_a_clock_that_goes_back_is_an_error_and_no_sample(monkeypatch):
    readings = iter([100, 50])
    loop = timed.time_calls
    monkeypatch.setattr(timed, "time_calls", lambda call, out, ns, loops: loop(call, out, ns, loops, readings.__next__))
    with pytest.raises(timed.ClockWentBack):
        timed.take_block(worker(lambda: None), 1)
    assert gc.isenabled()


def test_a_block_says_what_it_was():
    found = timed.take_block(worker(lambda: 7), 3, 1000)
    assert len(found.ns) == 3
    assert found.loops == 1000
    assert 0 < found.loop_overhead < min(found.ns)
    assert found.start < found.end
    assert {"run_delay", "involuntary", "major_faults", "threads", "collections"} <= set(found.noise)
    assert from_json(TimedBlock, json.loads(json.dumps(to_json(found)))) == found
    assert timed.take_block(worker(lambda: 7), 3).loop_overhead == 0


class Cycle:
    def __init__(self):
        self.own = self


def litter():
    for _ in range(50):
        Cycle()


def test_the_time_in_which_outputs_are_kept_is_counted():
    block = timed.take_block(worker(lambda: np.zeros(1 << 20)), 5, keep=1)
    assert 0 < block.noise["keeping"] <= block.end - block.start - sum(block.ns)
    assert timed.take_block(worker(lambda: 7), 5).noise["keeping"] == 0


def test_garbage_is_collected_inside_the_timing_only_where_it_is_wanted(monkeypatch):
    inside, seen, loop = [False], [], timed.time_calls

    def watched(*arguments):
        inside[0] = True
        result = loop(*arguments)
        inside[0] = False
        return result

    monkeypatch.setattr(timed, "time_calls", watched)
    gc.callbacks.append(lambda phase, info: seen.append(inside[0]) if phase == "start" else None)
    try:
        held = timed.take_block(worker(litter), 200)
        assert not any(seen)
        allowed = timed.take_block(worker(litter, collects=True), 200)
        assert any(seen)
    finally:
        gc.callbacks.pop()
    assert held.noise["collections"] == 0
    assert held.noise["collections_held"] > 5
    assert allowed.noise["collections"] > 5
    assert allowed.noise["collections_held"] == 0


def test_a_block_begins_on_the_core_that_it_is_told_and_may_leave_it(monkeypatch):
    free, masks = os.sched_getaffinity(0), []
    monkeypatch.setattr(os, "sched_setaffinity", lambda who, cores: masks.append(cores))
    core = min(free)
    found = timed.run_block(worker(lambda: masks.append("called")), RunBlock(1, core=core))
    assert masks == [{core}, free, "called"]
    assert found.noise["core"] == core
    assert "core" not in timed.run_block(worker(lambda: None), RunBlock(1)).noise


def test_a_core_that_may_not_be_used_moves_nothing():
    free = os.sched_getaffinity(0)
    timed.run_block(worker(lambda: None), RunBlock(1, core=max(free) + 1))
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


def test_the_reference_load_gives_readings_of_both_kinds():
    found = reference_load.read_reference_load(None, ReadReferenceLoad())
    assert {len(found.compute), len(found.copy)} == {reference_load.READINGS}
    assert min(found.compute + found.copy) > 0
