"""The A/A calibration on simulated pairs, kept and read again."""

import datetime
import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from benchlib.host import calibration, file
from benchlib.measure.levels import LEVELS
from benchlib.measure.statistics import speedup, verdict

FOUND = {"date": "2026-11-22", "device": "cpu", "latency": 0.005, "load": 0.1}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


def simulate(chance, pairs=20, spread=0.02, bias=0.0):
    """Identical ways whose log ratio varies by `spread` between pairs of processes, with little noise inside."""
    return [
        np.exp(np.array([chance.normal(bias, spread), 0.0]) + chance.normal(0, 1e-4, (20, 2))) for _ in range(pairs)
    ]


def test_the_floor_of_verdicts_is_the_half_width_that_the_level_reaches():
    """Half-widths of groups of six pairs are what a trial at level quick gets; the calibration foretells them."""
    chance = np.random.default_rng(0)
    found = [calibration.evaluate(simulate(chance), "quick", LEVELS["quick"], **FOUND) for _ in range(200)]
    intervals = [speedup(simulate(chance, pairs=6)) for _ in range(400)]
    halves = [math.log(i.high / i.low) / 2 for i in intervals]
    effects = [math.log1p(c.floor) for c in found]
    assert np.sqrt(np.mean(np.square(effects))) == pytest.approx(np.sqrt(np.mean(np.square(halves))), rel=0.06)
    assert np.mean([c.deviation for c in found]) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("name", ["quick", "precise"])
@pytest.mark.parametrize("deviation", [0.005, 0.02, 0.08, 0.15])
def test_the_smallest_effect_is_found_in_four_of_five_trials_and_what_verdicts_claim_at_least_is_not(name, deviation):
    """By the verdicts of the level itself: quick decides nothing below 10 %, however quiet the host."""
    chance, level = np.random.default_rng(7), LEVELS[name]
    # The calibration itself is exact here: what is asked is the power of an effect, given the deviation of pairs.
    logs = np.array([-1.0, 1.0] * 10) * deviation * math.sqrt(19 / 20)
    rounds = [np.exp(np.array([[log, 0.0]])) for log in logs]
    found = calibration.evaluate(rounds, name, level, **FOUND)
    assert found.deviation == pytest.approx(deviation)

    def share(effect: float) -> float:
        bias = math.log1p(effect)
        pairs = [simulate(chance, pairs=level.replicates, spread=deviation, bias=bias) for _ in range(600)]
        verdicts = [verdict(speedup(p), level.margin, level.decides_same, found.floor) for p in pairs]
        return verdicts.count("faster") / len(verdicts)

    assert share(found.smallest_effect) >= 0.80
    assert share(level.least(found.floor)) <= 0.60


def test_a_calibration_of_an_earlier_version_keeps_its_floor():
    quick = calibration.evaluate(simulate(np.random.default_rng(4)), "quick", LEVELS["quick"], **FOUND)
    stored = {name: value for name, value in asdict(quick).items() if name != "floor"} | {
        "smallest_effect": quick.floor
    }
    file.update(lambda kept: kept["calibrations"].update({"quick cpu": stored}))
    assert calibration.kept("quick", "cpu") == quick


def test_more_pairs_and_less_noise_tell_smaller_effects():
    rounds = simulate(np.random.default_rng(1))
    quick = calibration.evaluate(rounds, "quick", LEVELS["quick"], **FOUND)
    more = calibration.evaluate(rounds, "quick", replace(LEVELS["quick"], replicates=10), **FOUND)
    calm = calibration.evaluate(simulate(np.random.default_rng(1), spread=0.002), "quick", LEVELS["quick"], **FOUND)
    assert more.smallest_effect < quick.smallest_effect
    assert calm.floor < quick.floor / 5 and 0.10 < calm.smallest_effect < quick.smallest_effect


def test_false_verdicts_are_those_of_the_level_on_groups_of_its_size():
    level = replace(LEVELS["precise"], replicates=5)
    calm = calibration.evaluate(simulate(np.random.default_rng(2), spread=1e-3), "precise", level, **FOUND)
    assert (calm.group, calm.groups, calm.false_verdicts) == (5, 4, 0)
    biased = simulate(np.random.default_rng(2), spread=1e-3, bias=0.05)
    found = calibration.evaluate(biased, "precise", level, **FOUND)
    assert found.false_verdicts == 4
    assert found.ratio_low > 1


def test_twenty_pairs_make_three_groups_of_six():
    found = calibration.evaluate(simulate(np.random.default_rng(3)), "precise", LEVELS["precise"], **FOUND)
    assert (found.pairs, found.group, found.groups) == (20, 6, 3)


def test_it_is_kept_by_level_and_device():
    quick = calibration.evaluate(simulate(np.random.default_rng(4)), "quick", LEVELS["quick"], **FOUND)
    assert calibration.kept("quick", "cpu") is None
    calibration.keep(quick)
    assert calibration.kept("quick", "cpu") == quick
    assert calibration.kept("precise", "cpu") is None
    assert calibration.kept("quick", "NVIDIA H200") is None
    newer = replace(quick, date="2026-12-01")
    calibration.keep(newer)
    assert calibration.kept("quick", "cpu") == newer
    assert len(file.read()["calibrations"]) == 1


def test_one_that_was_disturbed_is_not_kept():
    quick = calibration.evaluate(simulate(np.random.default_rng(4)), "quick", LEVELS["quick"], **FOUND, disturbed="x")
    calibration.keep(quick)
    assert calibration.kept("quick", "cpu") is None


def test_one_of_another_version_counts_as_none():
    file.update(lambda kept: kept["calibrations"].update({"quick cpu": {"date": "2026-11-22", "noise": 3}}))
    assert calibration.kept("quick", "cpu") is None


def test_in_words():
    quick = calibration.evaluate(simulate(np.random.default_rng(5)), "quick", LEVELS["quick"], **FOUND)
    quick = replace(quick, floor=0.0421, smallest_effect=0.0638)
    assert quick.words() == (
        "a difference of 6.4 % is found in at least four of five trials at level quick, and no verdict claims one "
        "under 10 % (A/A calibration of 2026-11-22, 20 pairs)"
    )
    assert "under 4.2 % (" in replace(quick, level="precise").words()
    assert quick.age(datetime.date(2026, 11, 25)) == 3
    assert json.loads(json.dumps(asdict(quick))) == asdict(quick)
