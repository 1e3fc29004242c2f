"""What others take of the host: what its cores did, minus what is ours."""

import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from benchlib.measure import host_load
from benchlib.measure.host_load import HostReader, HostWatch, Reading, load_between

STAT = """cpu  400 0 200 4000 100 10 20 30 0 0
cpu0 200 10 100 2000 50 5 10 15 7 0
cpu1 100 0 50 2500 25 0 0 5 0 0
cpu2 9999 0 0 0 0 0 0 99 0 0
intr 12345 0 0
"""


def at(seconds, **counts):
    return Reading(seconds, **{"cores": 2, "counted": 2, "passed": 2 * seconds, **counts})


def test_the_cores_times_are_read_as_the_manual_says():
    times = host_load.core_times(STAT)
    busy, passed, steal = times[0]
    assert (busy, passed, steal) == pytest.approx((3.25, 23.9, 0.15))  # guests are in user already; waiting is idle
    assert set(times) == {0, 1, 2}


def test_hyperthread_siblings_count_with_the_allowed_cores(tmp_path):
    for core, text in {0: "0,4", 1: "1-2", 3: "3"}.items():
        (tmp_path / f"cpu{core}" / "topology").mkdir(parents=True)
        (tmp_path / f"cpu{core}" / "topology" / "thread_siblings_list").write_text(f"{text}\n")
    assert host_load.cores_and_siblings([0, 1, 7], tmp_path) == ({0, 1, 7}, {0, 1, 2, 4, 7})


def test_others_are_what_is_not_ours():
    load = load_between(at(10, busy=5.0, ours=3.0, harness=1.0), at(12, busy=8.5, ours=5.5, harness=1.02))
    assert load.others == pytest.approx(1.0) and load.busy == pytest.approx(0.25)
    assert load.harness_busy == pytest.approx(0.005)


def test_our_own_work_makes_no_host_busy():
    load = load_between(at(10, busy=5.0, ours=3.0), at(12, busy=9.0, ours=7.01))  # steps of 10 ms
    assert load.others == 0


def test_steal_and_throttling_are_told_apart_from_others():
    load = load_between(at(10), at(12, steal=0.3, throttled=0.2))
    assert (load.others, load.steal, load.throttled) == pytest.approx((0.0, 0.3, 0.2))


@pytest.mark.parametrize(
    "later",
    [
        at(12, passed=20.1),  # the count of a container's cores stands still
        at(12, busy=0.2, ours=3.0),  # we took more than is counted
        at(12, problem="a quota binds this process"),
    ],
)
def test_where_the_system_speaks_of_something_else_nothing_is_said(later):
    load = load_between(at(10), later)
    assert load.others is None and load.busy is None and load.problem


def test_a_quota_that_binds_leaves_others_unmeasured(monkeypatch):
    monkeypatch.setattr(host_load.machine, "allowed_cores", lambda: 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    reader = HostReader([])
    load = load_between(reader.read(), reader.read())
    assert load.others is None and "quota" in load.problem


def test_no_proc_stat_no_figure(monkeypatch, tmp_path):
    monkeypatch.setattr(host_load, "_STAT", tmp_path / "stat")
    assert "no /proc/stat" in HostReader([]).read().problem


def watch_of(*readings):
    left = iter(readings)
    return HostWatch(lambda: next(left))


def test_the_last_two_seconds_count():
    watch = watch_of(at(0, busy=0.0), at(10, busy=8.0), at(11.9, busy=8.0), at(12.1, busy=8.0))
    for _ in range(3):
        watch.note()
    load = watch.recent()
    assert load.seconds == pytest.approx(2.1) and load.others == 0, "what was busy before is over"


def test_too_short_a_time_tells_nothing():
    watch = watch_of(at(10), at(10.3, busy=0.6))
    watch.note()
    assert watch.recent() is None


def test_what_another_trial_did_is_forgotten():
    watch = watch_of(at(0), at(10, busy=20.0), at(11, busy=20.0))
    watch.note()
    watch.forget()
    assert watch.was_lent and watch.recent().others == 0 and not watch.was_lent


BURN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\nprint(flush=True)\n{}"


@pytest.mark.process
def test_the_time_of_workers_is_ours_whether_they_live_or_have_ended():
    reader = HostReader(workers := [])
    before = reader.read()
    living, ended = (
        subprocess.Popen([sys.executable, "-c", BURN.format(0.2, then)], stdout=subprocess.PIPE)
        for then in ("time.sleep(60)", "")
    )
    try:
        workers += [SimpleNamespace(pid=p.pid, lease=None) for p in (living, ended)]
        middle = reader.read()
        living.stdout.readline(), ended.wait()
        after = reader.read()
        assert after.ours - before.ours >= 0.4
        assert after.harness - middle.harness < 0.2, "a worker's time is not the harness'"
    finally:
        for p in (living, ended):
            p.kill(), p.communicate()


@pytest.mark.process
def test_a_process_that_nobody_of_us_started_is_not_ours():
    reader = HostReader([])
    stranger = subprocess.Popen([sys.executable, "-c", BURN.format(0.3, "time.sleep(60)")], stdout=subprocess.PIPE)
    try:
        before = reader.read()
        stranger.stdout.readline()
        assert reader.read().ours - before.ours < 0.2
    finally:
        stranger.kill(), stranger.communicate()


def test_a_number_that_was_given_to_another_process_is_not_ours():
    reader = HostReader([SimpleNamespace(pid=os.getpid(), lease=None)])
    reader._born[os.getpid()] = "before"
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    reading = reader.read()
    assert reading.ours - reading.harness == pytest.approx(_ended_children(), abs=0.02)


def _ended_children():
    times = os.times()
    return times.children_user + times.children_system


def test_a_warm_server_is_known_by_the_connection_to_it(tmp_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(tmp_path / "server"))
    listener.listen()
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.connect(str(tmp_path / "server"))
    assert host_load._peer(ours) == os.getpid()
    ours.close(), listener.close()
    assert host_load._peer(ours) is None


def test_what_a_shared_server_took_before_it_served_this_trial_is_not_counted(monkeypatch):
    """Its first worker makes it known: what it imported and forked for other trials is no work of this moment."""
    taken = {4242: (30.0, 500.0)}
    monkeypatch.setattr(host_load, "_peer", lambda sock: 4242)
    monkeypatch.setattr(HostReader, "_time_of", lambda self, pid: taken.get(pid, (0.0, 0.0)))
    reader = HostReader(workers := [])
    before = reader.read()
    workers.append(SimpleNamespace(pid=4243, lease=SimpleNamespace(sock=None)))
    known = reader.read()
    assert known.ours - before.ours < 1.0
    taken[4242] = (30.25, 507.0)  # a worker of this trial has ended
    later = reader.read()
    assert later.ours - known.ours == pytest.approx(7.25, abs=0.2)
    assert later.harness - known.harness == pytest.approx(0.25, abs=0.2)


def test_a_server_of_our_own_is_ours_from_its_beginning(monkeypatch):
    monkeypatch.setattr(host_load, "_peer", lambda sock: 4242)
    monkeypatch.setattr(host_load, "_parent", lambda pid: os.getpid())
    monkeypatch.setattr(HostReader, "_time_of", lambda self, pid: (4.0, 0.0) if pid == 4242 else (0.0, 0.0))
    reader = HostReader(workers := [])
    before = reader.read()
    workers.append(SimpleNamespace(pid=4243, lease=SimpleNamespace(sock=None)))
    assert reader.read().ours - before.ours == pytest.approx(4.0, abs=0.2)
