"""A sweep that waits for a quiet host: not for ever, and it says so once."""

from benchlib.execution.patience import NO_LONGER, Patience
from benchlib.measure.waiting import VARIABLE
from benchlib.record import Record
from benchlib.record.metrics import Metrics
from benchlib.stages.driver import WAITING


def trial(waited=0.0, quiet=0, **more):
    return Record("k", "n", "ok", {}, Metrics(waited_for_quiet=waited, replicates_quiet=quiet, **more))


VAIN, QUIET, UNKNOWN = trial(60.0), trial(3.0, quiet=5), trial()
FAILED = Record("k", "n", "failed", {})


def swept(*trials):
    """The patience after these trials, whether it waited in each, and what was said."""
    said = []
    patience, waited = Patience(said.append), []
    for record in trials:
        waited.append(VARIABLE not in patience.environment())
        patience.learn(record)
    return patience, waited, said


def test_after_three_trials_in_a_row_that_waited_in_vain_it_waits_no_longer_and_says_so_once():
    patience, waited, said = swept(VAIN, VAIN, VAIN, trial(), trial(), trial())
    assert waited == [True, True, True, False, False, False]
    assert said == [NO_LONGER] and patience.environment() == {VARIABLE: "0"}


def test_a_quiet_replicate_makes_it_wait_again():
    _, waited, said = swept(VAIN, VAIN, VAIN, trial(), trial(quiet=1), VAIN, VAIN, VAIN, trial())
    assert waited == [True] * 3 + [False] * 2 + [True] * 3 + [False]
    assert said == [NO_LONGER], "once"


def test_three_in_vain_have_to_follow_each_other():
    _, waited, said = swept(VAIN, VAIN, QUIET, VAIN, VAIN, QUIET)
    assert all(waited) and said == []


def test_trials_that_say_nothing_of_the_host_change_nothing():
    _, waited, _ = swept(VAIN, FAILED, VAIN, UNKNOWN, VAIN, FAILED)
    assert waited == [True] * 5 + [False]


def test_that_a_trial_waits_is_told_once_for_each_trial():
    said = []
    patience = Patience(said.append)
    for _ in range(2):
        patience.environment()
        for note in ("1/5 processes", f"{WAITING}: others keep 1.2 of 2 cores busy", "", f"{WAITING}: others keep 0.9"):
            patience.hear(note)
    assert said == [f"  {WAITING}: others keep 1.2 of 2 cores busy"] * 2
