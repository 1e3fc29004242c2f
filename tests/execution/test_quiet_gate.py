"""The quiet gate, the whole way from YAML: a host that others keep busy is waited for, here in vain, which is told."""

import pytest

from benchlib.execution import journal
from benchlib.stages.driver import WAITING
from tests.bench.busy_loops import BusyLoops
from tests.execution.conftest import Study

pytestmark = pytest.mark.process

LOOPS = 2
STUDY = """
matrix:
  model:
    - {model: planted/plain, level: quick, warmup: 2, repeat: 20, wait_for_quiet: 3,
       reference: {exporter: planted, runtime_args: {seconds: 0.0011}}}
  runtime_args: [{seconds: 0.002}]
runoff: false
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    study = Study(tmp_path_factory.mktemp("busy"), STUDY, timeout=60)
    with BusyLoops(LOOPS) as loops:
        loops.go()
        text = study.sweep(env={"BENCHLIB_WAIT_FOR_QUIET": "", "BENCHLIB_PLANTED_HOST": ""})
    return study, text


def test_it_waits_as_long_as_it_may_and_measures_then(swept):
    study, text = swept
    (record,) = study.records().values()
    metrics = record.metrics
    assert record.status == "ok", record.reason
    assert metrics["waited_for_quiet"] == pytest.approx(3, abs=0.1)
    # One whose processes were started too quickly for a look is neither.
    assert metrics["replicates_quiet"] == 0 and 4 <= metrics["replicates_busy"] <= 6
    assert metrics["time_measure"] < record.steps["measure"].seconds - 2.9, "waiting is no measuring"
    assert text.count(WAITING) == 1, "once for the trial"
    (event,) = [event for event in journal.events(study.outputs) if event["event"] == "trial"]
    assert event["waited"] == pytest.approx(3, abs=0.1)


def test_what_others_took_is_in_the_record_and_takes_the_verdict_away(swept):
    study, text = swept
    (record,) = study.records().values()
    metrics = record.metrics
    assert metrics["host_busy"] > 0.2 and metrics["host_not_measured"] == ""
    assert metrics["harness_busy"] < 0.1
    assert metrics["time_lost"] >= 0 and metrics["time_lost_reference"] >= 0
    assert metrics["verdict"] == "disturbed" and metrics["disturbed_by"]
    assert ": disturbed (" in text
