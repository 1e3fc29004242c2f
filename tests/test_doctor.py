"""`benchlib doctor`: the calibration runs through the whole harness, on a planted model at a tiny level."""

import datetime
import json
import math
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from benchlib import calibrate, cli, cli_doctor, doctor
from benchlib.errors import UnknownName, UserError
from benchlib.host import calibration, file
from benchlib.measure import thresholds
from benchlib.measure.levels import LEVELS
from benchlib.stages import begin

PLANTED = {
    "model": "planted/plain", "exporter": "planted", "runtime_args": {"seconds": 0.001},
    "reference": {"exporter": "planted", "runtime_args": {"seconds": 0.001}},
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A cache of the test's own, seven pairs of a planted way against itself, three pairs at level quick."""
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(calibrate, "TRIAL", PLANTED)
    monkeypatch.setattr(calibrate, "PAIRS", 7)
    monkeypatch.setitem(LEVELS, "quick", replace(LEVELS["smoke"], replicates=3, margin=0.1))
    for name in ("LOST", "LOST_AND_WIDE", "BUSY"):  # other tests run beside it
        monkeypatch.setattr(thresholds, name, math.inf)
    monkeypatch.setattr(cli_doctor, "examine", lambda found: "machine")  # imports torch in a process of its own


def answer(*words: str) -> str:
    done = CliRunner().invoke(cli.app, ["doctor", *words])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


@pytest.mark.process
def test_the_first_time_it_calibrates_and_then_it_remembers(tiny):
    first = answer()
    assert "calibrating level quick: 7 pairs" in first
    stored = calibration.kept("quick", "cpu")
    assert (stored.pairs, stored.group, stored.groups) == (7, 3, 2)
    assert stored.latency >= 0.001
    assert stored.words() in first
    assert f"of {stored.groups} groups of 3 pairs" in first

    second = answer()
    assert "calibrating" not in second
    assert stored.words() in second
    assert "today" in second


@pytest.mark.process
def test_what_others_disturbed_is_shown_and_not_kept(tiny, monkeypatch):
    monkeypatch.setattr(thresholds, "BUSY", -1.0)
    assert "of the cores busy; calibrate again when nothing else runs" in answer()
    assert calibration.kept("quick", "cpu") is None


@pytest.mark.parametrize(
    "metrics, words",
    [
        ({"disturbed_by": "", "host_busy": 0.04}, ""),
        ({"disturbed_by": "", "host_busy": None}, ""),
        ({"disturbed_by": "", "host_busy": 0.3}, "others kept 30% of the cores busy"),
        ({"disturbed_by": "gpu_busy", "host_busy": 0.0}, "other processes computed on the GPU"),
    ],
)
def test_a_calibration_beside_others_is_disturbed(metrics, words):
    assert calibrate.why_disturbed(metrics) == words


@pytest.mark.process
def test_its_age_is_told_and_it_is_renewed_when_asked(tiny):
    answer()
    old = replace(calibration.kept("quick", "cpu"), date=f"{datetime.date.today() - datetime.timedelta(days=40)}")
    calibration.keep(old)
    assert "40 days ago; --calibrate renews it" in answer()
    answer("--calibrate")
    assert calibration.kept("quick", "cpu").date == f"{datetime.date.today()}"


@pytest.mark.process
def test_without_calibration_nothing_runs(tiny, monkeypatch):
    monkeypatch.setattr(calibrate, "calibrate", lambda *_: pytest.fail("it ran"))
    text = answer("--no-calibration", "--level", "precise")
    assert "level precise is not calibrated here: `benchlib doctor --level precise` does it" in text
    assert file.read()["calibrations"] == {}


def test_a_level_without_verdicts_has_nothing_to_calibrate():
    done = CliRunner().invoke(cli.app, ["doctor", "--level", "smoke"])
    assert isinstance(done.exception, UnknownName)
    assert str(done.exception) == "unknown level to calibrate 'smoke'; known: precise, quick"


@pytest.mark.process
def test_a_calibration_that_fails_says_so_in_one_line(tiny, monkeypatch):
    broken = {**PLANTED, "runtime_args": {"open_fault": "raise"}}
    monkeypatch.setattr(calibrate, "TRIAL", broken)
    with pytest.raises(UserError, match="the calibration failed at stage open: "):
        calibrate.calibrate("quick")
    assert file.read()["calibrations"] == {}


@pytest.mark.process
@pytest.mark.parametrize("effect", [None, 0.5, 20.0])
def test_a_trial_carries_the_smallest_effect_and_no_verdict_claims_less(tiny, effect):
    """The way is five times as fast as its reference: beyond 50 %, within a factor of 21."""
    if effect:
        answer()
        calibration.keep(replace(calibration.kept("quick", "cpu"), floor=effect, smallest_effect=2 * effect))
    slow = {"exporter": "planted", "runtime_args": {"seconds": 0.005}}
    trial = begin({**PLANTED, "level": "quick", "reference": slow})
    for step in ("load", "export", "open", "check", "measure"):
        getattr(trial, step)()
    record = trial.record().record
    metrics = record.metrics
    assert record.status == "ok"
    assert metrics["speedup"] > 1.5
    assert metrics["verdict_floor"] == effect
    assert metrics["smallest_effect"] == (2 * effect if effect else None)
    assert metrics["verdict"] == ("inconclusive" if effect == 20.0 else "faster")
    assert metrics["calibration"] == (calibration.kept("quick", "cpu").source() if effect else "")
    assert 0 <= metrics["p_value"] < 0.05
    assert set(record.checks.values()) - {"passed"} == {
        "not applicable: the source gives no torch module",
        "not applicable: it is not known which weights a call reads",
        "not applicable: memory was not measured",
        "not applicable: energy was not measured",
    }
    assert record.suspect == []
    json.dumps(record.checks)


def test_it_concludes_whether_the_machine_is_fit():
    good = {"load": doctor.Finding("0.01 on 2 cores"), "clock source": doctor.Finding("tsc")}
    assert doctor.conclude(good) == "fit to measure"
    busy = good | {"load": doctor.Finding("2.10 on 2 cores", "something else is running")}
    assert doctor.conclude(busy) == "not fit to measure: load 2.10 on 2 cores: something else is running"
    assert set(doctor.health()) >= {"load", "clock source"}
