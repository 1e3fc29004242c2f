"""The figures of a trial from planted samples: none below the minimum of what finds it, none that is not decided."""

import numpy as np
import pytest

from benchlib.execution import progress
from benchlib.mistakes import make
from benchlib.record import Record
from benchlib.record.metrics import Metrics
from benchlib.stages import phases
from benchlib.stages.views import TimingView
from tests.stages.assembled import CALLS, LATENCY, TRIAL, assembled, make_samples, plain


def metrics_of(law=None, **shape) -> Metrics:
    return assembled(make_samples(law=law or plain(factor=2.0), **shape)).metrics


def test_two_samples_are_never_steady():
    metrics = metrics_of(pairs=3, rounds=2, calls=1)
    assert metrics["course"] == "too few to tell 3/3"
    assert metrics["time_latency_p90"] is None
    assert "samples_far" not in metrics


@pytest.mark.parametrize(("calls", "course"), [(1, "too few to tell 5/5"), (2, "")])
def test_a_course_takes_forty_samples_of_a_process(calls, course):
    assert metrics_of(rounds=20, calls=calls)["course"] == course


def test_a_single_process_is_not_looked_at_and_not_called_steady():
    metrics = metrics_of(pairs=1)
    assert metrics["course"] == "too few to tell 1/1"
    assert metrics["processes_differ"] is None and metrics["process_spread"] is None


def test_flags_are_counted_among_the_processes_that_were_looked_at():
    samples = make_samples(law=bimodal)
    samples.blocks = [b for b in samples.blocks if b.replicate < 4 or b.round < 3]
    course = assembled(samples).metrics["course"]
    assert "bimodal 4/4" in course and "too few to tell 1/5" in course


def bimodal(contender, replicate, round_, chance):
    """Of the way, one call in three takes twice as long."""
    slow = np.where(chance.random(CALLS) < 1 / 3, 2.0, 1.0)
    return LATENCY * (slow if contender else 3.0) * np.exp(chance.normal(0, 0.01, CALLS))


@pytest.mark.parametrize(("factor", "differ"), [(1.1, True), (1.0, False)])
def test_a_process_that_is_slower_than_the_others_is_told(factor, differ):
    def law(contender, replicate, round_, chance):
        times = factor if contender and replicate == 2 else 1.0
        return LATENCY * times * (1 if contender else 2) * np.exp(chance.normal(0, 0.02, CALLS))

    metrics = metrics_of(law)
    assert metrics["processes_differ"] is differ
    assert metrics["process_spread"] == pytest.approx(factor - 1, abs=0.01)


def test_one_sample_has_no_deviation():
    metrics = metrics_of(pairs=1, rounds=1, calls=1)
    assert metrics["time_latency_std"] is None and metrics["time_latency_max"] == metrics["time_latency_min"]


def test_the_smallest_mean_of_several_calls_is_nobodys_latency():
    samples = make_samples(law=plain(factor=2.0))
    for block in samples.blocks:
        block.loops = 4
    metrics = assembled(samples).metrics
    assert metrics["calls_per_sample"] == 4
    assert not {"time_latency_min", "time_latency_max", "time_latency_p90"} & set(metrics)


@pytest.mark.parametrize(
    ("factor", "verdict", "paid"), [(2.0, "faster", True), (0.5, "slower", True), (1.0, "inconclusive", False)]
)
def test_only_a_decided_speedup_has_a_break_even(factor, verdict, paid):
    metrics = metrics_of(plain(factor=factor))
    assert metrics["verdict"] == verdict
    assert [("break_even" + end in metrics) for end in ("", "_low", "_high")] == [paid] * 3


@pytest.mark.parametrize("verdict", ["same", "inconclusive", "disturbed", None])
def test_a_verdict_that_is_withdrawn_takes_its_break_even_along(verdict):
    decided = Metrics(verdict="faster", break_even=5.0, break_even_low=4.0, break_even_high=6.0, speedup=2.0)
    assert phases.only_decided(decided) == decided
    assert phases.only_decided(decided | {"verdict": verdict}) == Metrics(verdict=verdict, speedup=2.0)


# -- in words -------------------------------------------------------------------------------------


def rows(metrics: Metrics, level: str) -> dict[str, str]:
    view = TimingView(make(TRIAL | {"level": level}), make_samples(pairs=1, rounds=1), metrics)
    return dict(view.rows())


def test_a_ratio_that_decides_nothing_has_two_digits_and_no_verdict():
    metrics = metrics_of(pairs=1) | {"speedup": 1234.5678}
    told = rows(metrics, "smoke")[f"speedup over {metrics['reference_way']}"]
    assert told == "about 1,200 × · this level decides nothing"


def test_a_ratio_has_the_digits_that_its_interval_allows():
    metrics = metrics_of() | {"speedup": 1.98765, "speedup_low": 1.9512, "speedup_high": 2.0234}
    told = rows(metrics, "quick")[f"speedup over {metrics['reference_way']}"]
    assert told == "1.988 [1.951, 2.023] × · faster"
    wide = metrics | {"speedup_low": 1.2, "speedup_high": 3.1}
    assert rows(wide, "quick")[f"speedup over {metrics['reference_way']}"] == "1.99 [1.20, 3.10] × · faster"


def test_processes_that_differ_are_told():
    assert "processes" not in rows(metrics_of(), "quick")
    told = rows(metrics_of() | {"processes_differ": True, "process_spread": 0.104}, "quick")
    assert told["processes"] == "the slowest takes 10% longer than the fastest"


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ({"speedup": 536218.4, "speedup_low": None, "verdict": "inconclusive"}, "about 540,000 × eager"),
        ({"speedup": 1.98765, "speedup_low": 1.95, "verdict": "faster"}, "1.99 × eager: faster"),
    ],
)
def test_the_line_of_a_sweep_says_no_verdict_where_nothing_is_decided(figures, text):
    metrics = Metrics(time_latency=LATENCY, reference_way="eager", **figures)
    assert progress.figures(Record("k", "n", "ok", {}, metrics)) == f"5 ms, {text}"
