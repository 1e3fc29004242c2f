"""What a trial is expected to take: from its own last run, else from those of its kind."""

import pytest

from benchlib.execution import durations, journal
from benchlib.execution.durations import GUESS, Durations
from benchlib.execution.preview import preview
from benchlib.plan import study as studies
from benchlib.plan.expand import expand
from benchlib.plan.study import from_options
from benchlib.record import Record, StepTime


def planned(model="planted/plain", level="quick", **given):
    options = {"model": model, "level": level, "exporter": "planted", "reference": {"exporter": "planted"}} | given
    (found,) = expand(from_options("study", {name: [value] for name, value in options.items()})).trials
    return found


def ran(of, seconds, prepared=0.0, status="ok", time="2026-01-01T00:00"):
    return {
        "event": "trial",
        "time": time,
        "key": of.key,
        "status": status,
        "seconds": seconds,
        "prepared": prepared,
        **vars(durations.kind(of.trial)),
    }


def test_what_never_ran_is_guessed_by_its_level():
    assert {level: Durations().expected(planned(level=level)) for level in GUESS} == GUESS


def test_its_own_last_run_counts_without_what_is_cached_now():
    one = planned()
    past = Durations([ran(one, 20, 12, time="2026-01-02"), ran(one, 50, 30, time="2026-01-01")])
    assert past.expected(one) == 8


def test_waiting_for_a_quiet_host_is_no_part_of_what_a_trial_takes():
    one = planned()
    assert Durations([{**ran(one, 80, 12), "waited": 60.0}]).expected(one) == 8


def test_a_new_trial_takes_what_the_likest_took_with_loading_and_exporting():
    other_model = planned("planted/other", runtime_args={"seconds": 0.5})
    other_way = planned(runtime_args={"seconds": 0.25})
    other_seed = planned(runtime_args={"seconds": 0.5}, seed=1)
    smoke = planned(runtime_args={"seconds": 0.5}, level="smoke")
    new = planned(runtime_args={"seconds": 0.5})
    events = [ran(smoke, 3), ran(planned("planted/other", seed=7), 100), ran(other_way, 40), ran(other_model, 30, 9)]
    assert Durations(events[:1]).expected(new) == GUESS["quick"]
    assert Durations(events[:2]).expected(new) == 100
    assert Durations(events[:3]).expected(new) == 40
    assert Durations(events[:4]).expected(new) == 30
    assert Durations([*events, ran(other_seed, 20)]).expected(new) == 20


def test_a_second_cached_run_does_not_make_new_trials_look_cached():
    one, new = planned(seed=1), planned(seed=2)
    past = Durations([ran(one, 30, 20, time="1"), ran(one, 11, 1, time="2")])
    assert past.expected(one) == 10
    assert past.expected(new) == 30


def test_trials_alike_are_summed_up_by_their_median_and_failures_do_not_count():
    events = [ran(planned(seed=n), seconds) for n, seconds in enumerate((10, 12, 50))]
    failed = planned(seed=8)
    past = Durations([*events, ran(failed, 600, status="timeout")])
    assert past.expected(planned(seed=9)) == 12
    assert past.expected(failed) == 600


def test_fixed_numbers_make_another_kind():
    past = Durations([ran(planned(repeat=1000), 300)])
    assert past.expected(planned()) == GUESS["quick"]
    assert past.expected(planned(repeat=1000, seed=1)) == 300


def test_only_steps_that_went_well_are_spared_the_next_run():
    steps = {"load": StepTime(9.0, "ok", starting=7.0), "export": StepTime(600.0, "timeout")}
    assert durations.prepared(Record("k", "n", "timeout", {}, steps=steps)) == 2.0
    assert durations.prepared(Record("k", "n", "refused", {})) == 0.0


def test_a_study_learns_from_its_neighbours_and_survives_a_broken_one(tmp_path):
    one = planned()
    for name in ("first", "broken"):
        (tmp_path / name).mkdir()
    event = ran(one, 20, 5)
    journal.note(tmp_path / "first", "trial", **{k: v for k, v in event.items() if k not in ("event", "time")})
    (tmp_path / "broken" / journal.NAME).write_bytes(b"\xff\xfe")
    assert durations.known(tmp_path / "second").expected(one) == 15


@pytest.mark.process
def test_a_sweep_notes_what_the_next_studys_dry_run_needs(study, tmp_path):
    first = study("matrix: {model: [planted/plain, planted/other], seed: [4711]}")  # not in the cache yet
    first.sweep()
    events = [e for e in journal.events(first.outputs) if e["event"] == "trial"]
    second = tmp_path / "second.yaml"
    second.write_text(first.file.read_text().replace("name: planted", "name: second"))
    lines = preview(expand(studies.read(second)), first.outputs.parent / "second", "", "").splitlines()
    past = Durations(events)
    total = sum(past.expected(p) for p in expand(studies.read(second)).trials)
    assert total == pytest.approx(sum(e["seconds"] - e["prepared"] for e in events))
    assert all(e["prepared"] > 0 for e in events)
    assert lines[-1].endswith(f"about {max(1, round(total))} s")
