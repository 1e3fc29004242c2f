"""Planted faults, the whole way from YAML: each ends as what it is, and the rest of the study goes on."""

import pytest

from benchlib.execution import journal

pytestmark = pytest.mark.process

FAULTS = """
include:
  - {model: planted/plain, tag: plain}
  - {model: planted/plain, tag: wrong, runtime_args: {wrong: 1.0}}
  - {model: planted/plain, tag: raise, exporter_args: {fault: raise}}
  - {model: planted/plain, tag: abort, exporter_args: {fault: abort}}
  - {model: planted/plain, tag: sleep, exporter_args: {fault: sleep}}
  - {model: planted/plain, tag: hold, exporter_args: {fault: hold}}
  - {model: planted/plain, tag: memory, exporter_args: {fault: memory}}
  - {model: planted/plain, tag: garbage, runtime_args: {fault: garbage}}
  - {model: planted/plain, tag: load, model_args: {fault: raise}}
  - {model: planted/plain, tag: open, runtime_args: {open_fault: exit}}
  - {model: planted/plain, tag: first call, runtime_args: {fault: raise}}
  - {model: planted/plain, tag: killed, runtime_args: {fault: kill, fault_at: 5}}
  - {model: planted/plain, tag: hangs, runtime_args: {fault: sleep, fault_at: 5}}
  - {model: planted/plain, tag: kernel, runtime_args: {fault: kill_kernel, fault_at: 5}}
  - {model: planted/plain, tag: refused, exporter: onnx}
  - {model: "planted/<script>alert(1)</script>", tag: last}
"""

OUTCOMES = {
    "plain": ("ok", ""),
    "wrong": ("inaccurate", "check"),
    "raise": ("failed", "export"),
    "abort": ("crashed", "export"),
    "sleep": ("timeout", "export"),
    "hold": ("timeout", "export"),
    "memory": ("oom", "export"),
    "garbage": ("ok", ""),
    "load": ("failed", "load"),
    "open": ("crashed", "open"),
    "first call": ("failed", "check"),
    "killed": ("crashed", "measure"),
    "hangs": ("timeout", "measure"),
    "kernel": ("crashed", "measure"),
    "refused": ("refused", ""),
    "last": ("ok", ""),
}
TIMEOUT = 3


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    from tests.execution.conftest import Study

    study = Study(tmp_path_factory.mktemp("faults"), FAULTS, timeout=TIMEOUT)
    return study, study.sweep()


def test_every_planned_trial_has_one_record(swept):
    study, _ = swept
    assert set(study.records()) == set(OUTCOMES)


@pytest.mark.parametrize("tag", OUTCOMES)
def test_each_fault_ends_as_what_it_is(swept, tag):
    record = swept[0].records()[tag]
    assert (record.status, record.stage) == OUTCOMES[tag], record.reason
    if OUTCOMES[tag][0] not in ("ok", "refused"):
        assert record.reason
        assert record.error.type
        assert record.error.cluster
    assert record.reproduce.startswith("python -m benchlib run planted/") or "'planted/<script>" in record.reproduce


def test_a_wrong_answer_publishes_its_latency_and_no_speedup(swept):
    metrics = swept[0].records()["wrong"].metrics
    assert metrics["time_latency"] > 0
    assert "speedup" not in metrics
    assert "verdict" not in metrics


def test_later_steps_are_not_reached(swept):
    steps = swept[0].records()["raise"].steps
    assert [steps[s].outcome for s in ("load", "export", "open", "check", "measure")] == [
        "ok", "failed", "not reached", "not reached", "not reached",
    ]  # fmt: skip


def test_failures_of_one_kind_share_a_cluster(swept):
    records = swept[0].records()
    assert records["sleep"].error.cluster == records["hold"].error.cluster
    assert records["sleep"].error.cluster != records["raise"].error.cluster


def test_events_become_records_within_seconds(swept):
    study, _ = swept
    took = {e["key"]: e["seconds"] for e in journal.events(study.outputs) if e["event"] == "trial"}
    records = study.records()
    usual = max(took[record.key] for record in records.values() if record.status == "ok")
    for tag, record in records.items():
        if tag in ("refused",):
            continue
        # What a trial takes here that nothing happens to, the deadline where one had to pass, and five seconds.
        deadline = TIMEOUT if record.status == "timeout" else 0
        assert took[record.key] < 2 * usual + deadline + 5, tag


def test_nothing_of_a_trial_is_left_running(swept, left_running):
    assert left_running(swept[0]) == []


def test_the_second_sweep_has_nothing_to_do(swept):
    study, _ = swept
    before = {p: p.stat().st_mtime_ns for p in (study.outputs / "trials").iterdir()}
    text = study.sweep()
    assert "0 to run" in text
    assert {p: p.stat().st_mtime_ns for p in (study.outputs / "trials").iterdir()} == before
    assert not (study.outputs / "past").exists()


def test_the_table_has_a_row_for_each(swept):
    import pandas as pd

    table = pd.read_parquet(swept[0].outputs / "results.parquet")
    assert len(table) == len(OUTCOMES)
    assert sorted(table["status"]) == sorted(status for status, _ in OUTCOMES.values())


def test_status_adds_up(swept, command):
    text = command("status", str(swept[0].outputs)).stdout
    assert (
        f"{len(OUTCOMES)} planned = 3 ok + 1 inaccurate + 3 failed + 3 timeout + 4 crashed + 1 oom + 1 refused" in text
    )


def test_what_the_records_say_is_not_said_by_others_too(swept):
    _, text = swept
    assert "the notebook's kernel died" in text
    assert "Kernel died while" not in text and "Traceback" not in text
