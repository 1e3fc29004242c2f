"""A trial that somebody runs by hand, cell by cell."""

import pytest

from benchlib.errors import InterruptedByHand
from benchlib.measure import controller
from benchlib.mistakes import make
from benchlib.stages import by_hand, driver
from benchlib.stages.steps import TrialRun

TRIAL = {"model": "planted/plain", "exporter": "planted", "reference": "none", "level": "smoke"}


class Display:
    """IPython's, which notes what happens."""

    def __init__(self):
        self.cleared = []

    def clear_output(self, wait=False):
        self.cleared.append(wait)


@pytest.fixture
def display(monkeypatch):
    found = Display()
    monkeypatch.delenv(driver.VARIABLE, raising=False)
    monkeypatch.setattr(by_hand, "_display", lambda: found)
    monkeypatch.setattr(driver, "_line", by_hand.Line())
    return found


def test_what_a_step_does_stands_in_one_line_that_goes(display, capsys):
    driver.tell("measure", None, driver.FOR_TURN)
    driver.tell("measure", 60.0)
    assert not display.cleared, "a step that takes no time says nothing"
    driver.tell("measure", 60.0, "1/6 processes")
    driver.tell("measure", 60.0, "2/6 processes")
    assert (
        display.cleared == [True, True]
        and capsys.readouterr().out == "measure: 1/6 processes\nmeasure: 2/6 processes\n"
    )
    driver.tell("measure", None, driver.DONE)
    driver.tell("record", None, driver.DONE)
    assert display.cleared == [True, True, False]


def test_where_nobody_looks_nothing_is_said(monkeypatch, capsys):
    monkeypatch.delenv(driver.VARIABLE, raising=False)
    driver.tell("measure", 60.0, "1/6 processes")
    driver.tell("measure", None, driver.DONE)
    assert capsys.readouterr().out == ""


@pytest.mark.process
def test_an_interrupt_is_one_line_and_the_trial_can_begin_again(monkeypatch):
    monkeypatch.delenv(driver.VARIABLE, raising=False)
    run = TrialRun(make(TRIAL))

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    def steps():
        return [step() for step in (run.load, run.export, run.open, run.check, run.measure)]

    with monkeypatch.context() as patch:
        patch.setattr(controller, "measure", interrupted)
        with pytest.raises(InterruptedByHand) as caught:
            steps()
    (line,) = caught.value._render_traceback_()
    assert line == "benchlib: 'measure' was interrupted and its processes ended: begin again at trial.load()"
    assert isinstance(caught.value, KeyboardInterrupt), "whoever waits for Ctrl-C hears of it"
    steps()
    assert run.record().record.status == "ok"
