"""Waiting for quiet: nothing on a quiet host, a bounded time on a busy one, and never at others' cost."""

from contextlib import contextmanager

import pytest

from benchlib.measure.host_load import HostWatch, Reading
from benchlib.measure.waiting import VARIABLE, Waiting, may_wait


class Host:
    """A simulated host of two cores, on which others take `busy(second)` of them; sleeping moves its clock."""

    def __init__(self, busy, problem=""):
        self.now, self.used, self.busy, self.problem, self.slept = 0.0, 0.0, busy, problem, []
        self.held, self.lent_for, self.log = True, 0.0, []
        self.watch = HostWatch(self.read)

    def read(self):
        return Reading(self.now, self.used, 2 * self.now, cores=2, counted=2, problem=self.problem)

    def pass_time(self, seconds):
        for _ in range(round(seconds * 100)):
            self.used += 0.01 * 2 * self.busy(self.now)
            self.now += 0.01

    def sleep(self, seconds):
        self.slept.append((seconds, self.held))
        self.pass_time(seconds)

    @contextmanager
    def give_away(self):
        self.held = False
        yield
        lent, self.lent_for = self.lent_for, 0.0
        self.pass_time(lent)  # another trial keeps it for so long
        self.held = True

    def waiting(self, limit=60.0, **more):
        return Waiting(
            limit, self.watch, self.give_away, self.log.append, clock=lambda: self.now, sleep=self.sleep, **more
        )


def started(busy, **more):
    """A host that has been looked at for two seconds."""
    host = Host(busy, **more)
    host.watch.note()
    host.pass_time(2)
    return host


def test_a_quiet_host_costs_nothing():
    host = started(lambda now: 0.03)
    waited = host.waiting().before_replicate(5)
    assert (waited.seconds, waited.away, waited.quiet) == (0, 0, True) and host.now == pytest.approx(2)
    assert host.slept == [] and host.log == []


def test_it_waits_until_others_have_gone_and_says_so():
    host = started(lambda now: 0.6 if now < 5.2 else 0.0)
    waiting = host.waiting()
    waited = waiting.before_replicate(1)
    assert waited.quiet and waited.seconds == pytest.approx(5) and waiting.spent == waited.seconds
    assert host.log == ["others keep 1.2 of 2 cores busy", ""]


def test_the_host_is_given_away_while_it_waits():
    host = started(lambda now: 0.6 if now < 5.2 else 0.0)
    host.waiting().before_replicate(1)
    assert [held for _, held in host.slept] == [False] * len(host.slept) and host.held


def test_what_is_left_is_spread_evenly_over_the_replicates_to_come():
    host = started(lambda now: 0.6)
    waiting = host.waiting(limit=10.0)
    waits = [waiting.before_replicate(left) for left in (5, 4, 3, 2, 1)]
    assert [w.seconds for w in waits] == pytest.approx([2.0] * 5)
    assert waiting.spent == pytest.approx(10.0) and not any(w.quiet for w in waits)


def test_who_may_not_wait_only_looks():
    host = started(lambda now: 0.6)
    waited = host.waiting(limit=0.0).before_replicate(5)
    assert (waited.seconds, waited.quiet, host.slept, host.log) == (0, False, [], [])


def test_the_time_in_which_another_trial_has_the_host_is_no_waiting_and_says_nothing_of_it():
    """Two trials wait; the other one finds it quiet first and is measured for 30 s, which keeps both cores busy."""
    host = started(lambda now: 0.6 if now < 4.0 else 1.0 if now < 33.5 else 0.0)
    host.lent_for = 30.0
    waiting = host.waiting(limit=20.0)
    waited = waiting.before_replicate(1)
    assert waited.quiet and waited.seconds <= 3.0
    assert waited.away == pytest.approx(30 + waited.seconds, abs=0.1)
    assert waiting.spent == waited.seconds


def test_after_another_trial_it_looks_before_it_believes():
    host = started(lambda now: 0.0)
    host.watch.forget()
    waited = host.waiting().before_replicate(5)
    assert waited.quiet and waited.seconds == 0
    assert [seconds for seconds, _ in host.slept] == [1.0], "a second, in which it keeps the host"


def test_where_others_are_not_measured_nobody_waits():
    host = started(lambda now: 0.9, problem="a quota binds this process")
    waited = host.waiting().before_replicate(5)
    assert waited.quiet is None and waited.seconds == 0


def test_a_busy_gpu_is_waited_for_too():
    host = started(lambda now: 0.0)
    words = iter(["2 other processes compute on cuda"] * 3)
    waited = host.waiting(others=lambda: next(words, "")).before_replicate(1)
    assert waited.quiet and waited.seconds == pytest.approx(3)
    assert host.log == ["2 other processes compute on cuda", ""]


def test_the_environment_can_forbid_it(monkeypatch):
    monkeypatch.setenv(VARIABLE, "0")
    assert may_wait(60.0) == 0
    monkeypatch.delenv(VARIABLE)
    assert may_wait(60.0) == 60
