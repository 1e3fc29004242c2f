"""The published verdict: what the host and the checks take away from what an interval says."""

import math

import pytest

from benchlib.measure import thresholds, verdicts
from benchlib.measure.statistics import Interval
from benchlib.measure.verdicts import Disturbance, Rule

SURE = Interval(2.0, 1.9, 2.1)
QUICK = Rule(0.10, decides_same=False)


def test_a_quiet_trial_has_the_verdict_of_its_interval():
    assert verdicts.decide(SURE, QUICK, ()) == "faster"
    assert verdicts.decide(Interval(0.5, 0.45, 0.55), QUICK, ()) == "slower"
    assert verdicts.decide(Interval(1.05, 1.01, 1.09), QUICK, ()) == "inconclusive"
    assert verdicts.decide(Interval(1.0, 0.99, 1.01), Rule(0.02, decides_same=True), ()) == "same"
    assert verdicts.decide(SURE, Rule(0.10, False, floor=1.5), ()) == "inconclusive", "the host cannot tell it"


@pytest.mark.parametrize("ratio", [SURE, Interval(1.0, 0.99, 1.01), Interval(1.05, 1.01, 1.09), Interval(3.0)])
def test_a_disturbed_trial_decides_nothing_whatever_its_interval_says(ratio):
    assert verdicts.decide(ratio, QUICK, ("time_lost",)) == verdicts.DISTURBED


def test_a_level_that_decides_nothing_is_not_gated():
    assert verdicts.decide(Interval(2.0), Rule(math.inf, decides_same=False), ("time_lost",)) == "inconclusive"


@pytest.mark.parametrize(
    ("disturbance", "causes"),
    [
        (Disturbance(), ()),
        (Disturbance(lost=0.04, load_moved=0.09, width=None), ()),
        (Disturbance(lost=0.06), ("time_lost",)),
        (Disturbance(load_moved=0.9), ()),
        (Disturbance(load_moved=1.1), ("reference_load",)),  # where there are no counters it decides alone …
        (Disturbance(lost=0.0, load_moved=1.1), ()),  # … and nowhere else: a pair cancels how fast the machine is
        (Disturbance(lost=0.0, width=48.0), ()),  # a wide interval alone says nothing of the host
        (Disturbance(lost=0.03, width=2.9), ()),
        (Disturbance(lost=0.03, width=3.1), ("wide",)),
        (Disturbance(lost=0.03, width=math.inf), ("wide",)),
        (Disturbance(lost=0.33, load_moved=1.2, width=48.0), ("time_lost", "wide")),
        (Disturbance(gpu=("gpu_busy",)), ("gpu_busy",)),
    ],
)
def test_what_disturbs_a_trial(disturbance, causes):
    assert disturbance.causes() == causes
    assert set(causes) <= set(verdicts.CAUSES)


def test_the_busy_trial_that_was_published_as_faster_is_disturbed():
    """`faster 10.7 × (5.4–21.2)` beside four other jobs on two cores; the quiet machine says 2.0."""
    busy = Interval(10.7, 5.4, 21.2)
    found = verdicts.convergence("quick", busy, [2.4] * 10)
    causes = Disturbance(lost=0.55, width=found.width).causes()
    assert not found.converged and causes == ("time_lost", "wide")
    assert verdicts.decide(busy, QUICK, causes) == "disturbed"


def test_a_quiet_quick_trial_converges_although_single_processes_are_known_badly():
    """As on the quiet host of 28 November: paired intervals of a few per cent, single processes up to ± 25 %."""
    found = verdicts.convergence("quick", Interval(2.0, 1.95, 2.06), [0.03, 0.04, 0.25, 0.06, 0.08, 0.11, 0.07, 0.2])
    assert found.converged and found.process == 0.08
    assert found.ratio == pytest.approx(0.0278, abs=1e-3)
    assert not verdicts.convergence("quick", Interval(2.0, 1.8, 2.2), [0.03] * 8).converged
    assert not verdicts.convergence("quick", Interval(2.0, 1.95, 2.06), [0.3] * 8).converged


def test_an_interval_that_could_not_be_given_is_infinitely_wide():
    assert verdicts.convergence("quick", Interval(2.0), [0.01]).width == math.inf
    assert verdicts.convergence("precise", Interval(1.0, 0.99, 1.01), []).width == math.inf


def test_level_smoke_asks_for_nothing():
    found = verdicts.convergence("smoke", Interval(2.0), [math.inf])
    assert (found.ratio_target, found.width) == (None, 0.0)


def test_causes_and_suspicions_are_told_in_words():
    assert verdicts.in_words("") == ""
    told = verdicts.in_words("time_lost, reference_moved")
    assert told == f"{verdicts.CAUSES['time_lost']}; {verdicts.CAUSES['reference_moved']}"
    assert f"{thresholds.LOST:.0%}" in told
    assert verdicts.why_withheld(["littles_law", "precision"]) == "suspect: the figure failed littles_law, precision"
    assert verdicts.why_withheld([]) == ""
