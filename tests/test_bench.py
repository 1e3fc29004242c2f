"""The parts of `make bench` that need no quiet machine."""

from __future__ import annotations

import datetime
import importlib
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib.measure.samples import STEADY, WARMUP, Block, Samples
from tests.bench import __main__ as bench
from tests.bench import a_over_a, against_loops, coverage, instruments, known_latencies, page, study_cost
from tests.bench.busy_loops import BusyLoops
from tests.bench.figure import Figure, at_least, at_most, between, near_one
from tests.bench.free_loop import FreeLoop, LoopEnded, filled, undisturbed

PLANTED = {"model": "planted/plain", "exporter": "planted", "reference": "planted"}
SMOKE = {"level": "smoke"}
# Each group in its shortest form, and how many figures it gives.
EVERY_TIME = ("known_ratios", "other_tools")  # the others wait for `make soak`
SHORTEST = {
    "known_latencies": ({"busy": {1e-3: 0.005}, "loops": 20_000, "timeit_loops": 10_000, **SMOKE}, 9),
    "known_ratios": ({"comparisons": 1, **SMOKE}, 4),
    "a_over_a": ({"comparisons": 1, "loaded": 1, "trials": 1, "model": PLANTED, "duration": 1.0, **SMOKE}, 5),
    "noise": ({"sets": 1, "rounds": 2, "spinning": ["explicit/mlp"], **SMOKE}, 4),
    "discipline": ({"minute": SMOKE, "matrix": 100, **SMOKE}, 6),
    "other_tools": ({"sets": 1, "rounds": 2, "loops": 20_000, "seconds": 0.02}, 2),
    "openvino_app": (
        {"models": {"mlp": {"model": "explicit/mlp", "batch_size": 4096}}, "sets": 1, "rounds": 2, "seconds": 0.1},
        1,
    ),
    "study_cost": (
        {
            "model": PLANTED,
            "limits": {"smoke": 45.0},
            "studies": {"first": ["planted/plain"], "same": ["planted/plain"]},
            "ways": {"exporter": ["planted"], "reference": ["planted"], "level": ["smoke"]},
            "known": {"suites": ["explicit/mlp"]},
            "matrix": {"exporter": ["eager", "script"]},
        },
        4,
    ),
}

COUNTING = """
import sys, time
import numpy as np
try:
    import benchlib
except ImportError:
    print("no benchlib", flush=True)
calls = int(sys.argv[1])
other = np.empty(3)
samples = np.empty(calls)
for i in range(calls):
    end = time.perf_counter_ns() + 20_000
    while time.perf_counter_ns() < end:
        pass
    samples[i] = i + 1
"""


@pytest.mark.process
def test_the_samples_of_a_free_loop_leave_out_the_cut_call_and_the_first_after_it(tmp_path):
    script = tmp_path / "counting.py"
    script.write_text(COUNTING)
    loop = FreeLoop(script, 1_000_000, [], tmp_path / "log", threads=1)
    try:
        first, second = loop.block(0.2), loop.block(0.2)
        stopped_at = loop.done
        assert filled(loop.samples, 0) == stopped_at  # it was stopped when the block returned
        assert (tmp_path / "log").read_text() == "no benchlib\n"
    finally:
        loop.end()
    for block in (first, second):
        assert len(block) and (np.diff(block) == 1).all()
    assert second[0] - first[-1] == 3
    assert second[-1] == stopped_at


@pytest.mark.process
@pytest.mark.parametrize(
    "text, word",
    [("raise ValueError('broken here')", "broken here"), ("print('over')", "over"), (COUNTING, "no benchlib")],
    ids=["fails", "has no loop", "too few calls"],
)
def test_a_free_loop_that_ends_by_itself_says_what_it_printed(tmp_path, text, word):
    script = tmp_path / "short.py"
    script.write_text(text)
    with pytest.raises(LoopEnded, match=word):
        loop = FreeLoop(script, 2000, [], tmp_path / "log", threads=1)  # of 20 µs each, where there are any
        try:
            while True:
                loop.block(0.1)
        finally:
            loop.end()


def test_filled_counts_what_is_written():
    samples = np.zeros(100)
    assert filled(samples, 0) == 0
    samples[:37] = 5
    assert [filled(samples, start) for start in (0, 20, 37)] == [37, 37, 37]
    samples[:] = 5
    assert filled(samples, 37) == 100


def test_undisturbed_of_a_block_without_a_whole_call_is_empty():
    samples = np.arange(1.0, 11)
    assert undisturbed(samples, 3, 8).tolist() == [6, 7, 8]
    assert undisturbed(samples, 3, 5).tolist() == undisturbed(samples, 3, 3).tolist() == []


def test_each_is_first_equally_often_and_none_always_follows_the_same_one():
    rounds = [against_loops.in_turn(n, 4) for n in range(8)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in rounds)
    assert [sum(order[0] == i for order in rounds) for i in range(4)] == [2, 2, 2, 2]
    before = {order[place - 1] for order in rounds for place in range(1, 4) if order[place] == 1}
    assert before == {0, 2}


def test_compared_takes_the_median_of_a_set_and_the_geometric_mean_over_sets():
    sets = [
        {"a": np.array([2.0, 3.0, 40.0]), "b": np.array([2.0, 2.0, 2.0])},
        {"a": np.array([6.0, 6.0]), "b": np.array([1.0, 1.0])},
        {"a": np.array([3.0]), "b": np.array([1.0])},
    ]
    ratio, remark = against_loops.compared(sets, "a", "b")
    assert ratio == pytest.approx((1.5 * 6 * 3) ** (1 / 3))
    assert remark.startswith("95 % interval")
    assert remark.endswith("sets 1.500 6.000 3.000")


@pytest.mark.parametrize("ratio, met", [(0.971, True), (1.029, True), (0.969, False), (1.031, False)])
def test_near_one_is_missed_on_either_side(ratio, met):
    figure = near_one("ours ÷ theirs", ratio, 0.03)
    assert figure.met is met
    assert ("MISSED" in figure.line()) is not met
    assert "within 3 %" in figure.line()


def test_at_most_prints_its_limit():
    assert at_most("cost", 0.25, 1 / 3, "1/3").line().split() == ["ok", "0.250", "≤", "1/3", "cost"]
    assert at_most("cost", 0.34, 1 / 3, "1/3").met is False


@pytest.mark.parametrize("met, status", [(True, 0), (None, 0), (False, 1)])
def test_the_exit_status_says_whether_one_was_missed(monkeypatch, capsys, met, status):
    fake = SimpleNamespace(__doc__="A planted benchmark.\n\nMore.", figures=lambda: [Figure("planted", "1", "2", met)])
    monkeypatch.setattr(bench, "BENCHMARKS", ("planted",))
    monkeypatch.setitem(sys.modules, "tests.bench.planted", fake)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("BENCHLIB_CACHE", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
    assert bench.main([]) == status
    assert "planted: A planted benchmark.\n" in capsys.readouterr().out


def test_an_unknown_benchmark_is_named(capsys):
    assert bench.main(["import_tine"]) == 2
    assert "import_tine" in capsys.readouterr().err


def test_what_was_measured_takes_its_place_in_a_page_and_nothing_else_does(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- bench: planted -->\nold\n<!-- end: planted -->\nafter\n")
    figures = [Figure("a | b", "1.00", "≤ 2", True, "so it is"), Figure("missed", "3", "≤ 2", False)]
    assert page.publish("planted", figures, [document]) == [document]
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("<!-- end: planted -->\nafter\n") and "old" not in text
    assert "| a \\| b | 1.00 | ≤ 2 | so it is |" in text and "**missed**" in text
    assert "python -m tests.bench planted --publish" in text and f"{datetime.date.today()}" in text
    assert page.publish("planted", figures, [document]) and document.read_text() == text
    assert page.publish("another", figures, [document]) == [] and document.read_text() == text


def test_every_place_of_a_page_is_a_benchmark_s():
    places = [name for path in page.PAGES for name in re.findall("<!-- bench: (.*?) -->", path.read_text())]
    assert places and set(places) <= {*bench.BENCHMARKS, *bench.BY_NAME}


def test_simulated_coverage_has_a_figure_for_each_law_and_level():
    laws = {"two modes": coverage.two_modes, "drift": coverage.drift}
    figures = list(coverage.figures(laws, studies=3))
    assert len(figures) == 4 and all(isinstance(figure.met, bool) for figure in figures)


@pytest.mark.process
@pytest.mark.parametrize(
    "name", [name if name in EVERY_TIME else pytest.param(name, marks=pytest.mark.soak) for name in SHORTEST]
)
def test_each_group_gives_its_figures_beside_their_thresholds(name):
    """The whole way of each, as short as can be: what it finds is not asserted, as no time is."""
    arguments, count = SHORTEST[name]
    assert name in bench.BENCHMARKS
    figures = list(importlib.import_module(f"tests.bench.{name}").figures(**arguments))
    assert len(figures) == count
    for figure in figures:
        assert figure.value and figure.what in figure.line()
        assert figure.met is None or (isinstance(figure.met, bool) and figure.threshold in figure.line())
    assert sum(figure.met is not None for figure in figures) >= count - 1 - (name == "other_tools")


def test_what_the_timed_loop_costs_is_shown_in_nanoseconds():
    found = [figure.value for figure in instruments.figures(blocks=3, calls=1000)]
    assert len(found) == 2
    assert all(int(value.removesuffix(" ns")) > 0 for value in found)


def test_at_least_and_between_are_missed_outside_their_limits():
    assert [at_least("share", value, 0.8, "0.8").met for value in (0.79, 0.8)] == [False, True]
    assert [between("ratio", value, 1.94, 2.06).met for value in (1.93, 1.94, 2.06, 2.07)] == [False, True, True, False]
    assert "1.94…2.06" in between("ratio", 2.0, 1.94, 2.06).line()


def test_one_after_the_other_takes_its_contenders_from_different_halves_of_the_time():
    def block(contender, start, nanoseconds, phase=STEADY):
        return Block(contender, 0, 0, phase, start, start + 1, 0, 1, np.array([9, nanoseconds], np.uint64))

    blocks = [block(0, 0, 7, WARMUP), block(0, 10, 100), block(1, 11, 100), block(1, 20, 200), block(0, 21, 200)]
    assert a_over_a.one_after_the_other(Samples(["a", "b"], blocks=blocks)) == 0.5


@pytest.mark.process
def test_timeit_gives_nanoseconds_of_every_run():
    found = known_latencies.timeit("import time; f = lambda: time.sleep(0.001)", 5)
    assert len(found) == known_latencies.TIMEIT_RUNS
    assert min(found) >= 1e6


@pytest.mark.parametrize(
    "text, seconds", [("about 40 s", 40), ("1 planted = 1 to run; about 2.5 min", 150), ("about 3 h 20 min", 12_000)]
)
def test_a_dry_runs_time_is_read_in_seconds(text, seconds):
    assert study_cost.seconds(text) == seconds


@pytest.mark.process
def test_busy_loops_burn_when_they_are_told_to_and_end_with_the_context():
    def state(pid):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]

    with BusyLoops(2) as beside:
        pids = [process.pid for process in beside.processes]
        assert [wait_for(lambda pid=pid: state(pid) == "T") for pid in pids] == [True, True]
        beside.go()
        assert [wait_for(lambda pid=pid: state(pid) == "R") for pid in pids] == [True, True]
    assert not any((Path("/proc") / str(pid)).exists() for pid in pids)


def wait_for(condition, patience=10.0):
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()
