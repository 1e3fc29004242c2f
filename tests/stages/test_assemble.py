"""From a trial's results to its record: what was there when a step failed is in it."""

from pathlib import Path
from types import SimpleNamespace

from benchlib.mistakes import make
from benchlib.record.metadata import SavedModel
from benchlib.record.metrics import Metrics
from benchlib.stages import checks
from benchlib.stages.assemble import assemble
from benchlib.stages.blank import failure_of
from benchlib.stages.context import start_context
from benchlib.stages.loading import Model
from benchlib.stages.outcome import Outcome, StepFailure

TRIAL = {"model": "planted/plain", "exporter": "planted", "reference": {"exporter": "planted"}, "level": "smoke"}


def test_a_check_that_fails_halfway_leaves_what_was_there_before(tmp_path):
    metadata = SavedModel((), {}, {}, "hash", metrics=Metrics(time_load=0.5), details={"color": "green"})
    outcome = Outcome(
        failure=StepFailure("crashed", failure_of("check", "WorkerDied", "signal SIGSEGV")),
        model=Model(tmp_path, "key", {}, metadata, False),
        output_size=4,
        ground_truth=SimpleNamespace(recorded=Path("outputs-0.npz"), missing=""),
    )
    record = assemble(start_context(make(TRIAL)), outcome)
    assert (record.status, record.stage, record.reason) == ("crashed", "check", "signal SIGSEGV")
    assert record.metrics["output_size"] == 4 and record.metrics["time_load"] == 0.5
    assert record.files.outputs == "outputs-0.npz"
    assert record.details == {"color": "green"}, "what the source of the model says besides metrics"
    assert "time_latency" not in record.metrics


def test_a_suspect_figure_has_no_verdict_and_says_why(tmp_path, monkeypatch):
    metadata = SavedModel((), {}, {}, "hash", metrics=Metrics(verdict="faster", speedup=536_218.0))
    outcome = Outcome(model=Model(tmp_path, "key", {}, metadata, False))
    context = start_context(make(TRIAL))
    assert assemble(context, outcome).metrics["verdict"] == "faster"
    monkeypatch.setattr(checks, "outcomes", lambda record, samples: {"flop_rate": "failed: above the peak"})
    record = assemble(context, outcome)
    assert record.suspect == ["flop_rate"] and "verdict" not in record.metrics
    assert record.metrics["verdict_withheld"] == "suspect: the figure failed flop_rate"
    assert record.metrics["speedup"] == 536_218.0, "the figure stays"
