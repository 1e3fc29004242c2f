"""Wrong answers of every kind, the whole way from YAML: each is found out and publishes no speedup."""

import pytest
from benchlib_planted.mutants import CONSTANT, LATER, MUTANTS

pytestmark = pytest.mark.process

STUDY = """
include:
{ways}
  - {{model: mutants/model, tag: wrong reference, runtime_args: {{mutant: none}},
     reference: {{exporter: planted, runtime_args: {{mutant: bias}}}}}}
  - {{model: mutants/model, tag: excused, runtime_args: {{mutant: bias}},
     reference: {{exporter: planted, runtime_args: {{mutant: none}}}},
     tolerance: {{atol: 0.01, reason: the sensor behind it is no better}}}}
"""
WAY = (
    '  - {{model: mutants/model, tag: "{name}", runtime_args: {{mutant: "{name}"}}, '
    "reference: {{exporter: planted, runtime_args: {{mutant: none}}}}}}"
)
RIGHT = ("none", "excused")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    from tests.execution.conftest import Study

    ways = "\n".join(WAY.format(name=name) for name in ("none", CONSTANT, LATER, *MUTANTS))
    study = Study(tmp_path_factory.mktemp("mutants"), STUDY.format(ways=ways), timeout=60)
    study.sweep()
    return study.records()


@pytest.mark.parametrize("name", [CONSTANT, LATER, *MUTANTS, "wrong reference"])
def test_every_mutant_ends_inaccurate_and_publishes_no_speedup(records, name):
    record = records[name]
    assert (record.status, record.stage) == ("inaccurate", "check"), record.reason
    assert record.reason
    assert record.metrics["time_latency"] > 0
    assert not {"speedup", "verdict", "break_even"} & set(record.metrics)


@pytest.mark.parametrize("name", RIGHT)
def test_the_right_one_is_ok(records, name):
    record = records[name]
    assert record.status == "ok", record.reason
    assert record.metrics["speedup"] > 0
    sets = {row.inputs for row in record.outputs}
    assert {0, 1, 2} < sets and len(record.outputs) == 6 * len(sets), "others are moved on purpose"
    assert all(row.passes for row in record.outputs)


def test_what_is_right_for_the_recorded_inputs_alone_is_said_to_be(records):
    assert records[CONSTANT].reason.startswith("right for the recorded inputs alone; for input set 1 (")


def test_the_outputs_of_timed_calls_are_checked_too(records):
    assert records[LATER].reason.startswith("while it was timed, in process 0, input set ")
    assert "output 0 `logits`" in records[LATER].reason
    assert all(row.passes for row in records[LATER].outputs), "those of the first call were right"


def test_a_wrong_reference_is_named(records):
    assert records["wrong reference"].reason.startswith("the reference, planted mutant=bias: output 0 `logits`")


def test_another_tolerance_is_recorded_with_its_reason(records):
    metrics = records["excused"].metrics
    assert (metrics["tolerance_abs"], metrics["tolerance_rel"]) == (0.01, 1e-4)
    assert metrics["tolerance_reason"] == "the sensor behind it is no better"
    assert 0 < metrics["tolerance_share"] < 1
