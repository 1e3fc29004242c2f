"""A model that does not fit is refused by its load step before it is loaded, and by the next plan itself."""

import pytest

from benchlib import machine
from benchlib.mistakes import make
from benchlib.plan.rules import refusal
from benchlib.record.metadata import SavedModel
from benchlib.record.metrics import Metrics
from benchlib.stages.answers import Answering
from benchlib.stages.loading import Model
from benchlib.stages.steps import begin
from benchlib.worker.client import WorkerError

SMALL = {"model": "explicit/mlp", "exporter": "eager", "level": "smoke"}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


@pytest.mark.process
def test_the_load_step_refuses_and_the_next_plan_knows(monkeypatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: 1000)
    assert refusal(make(SMALL)) is None  # nobody knows the model yet
    run = begin(SMALL)
    run.load()
    record = run.record().record
    assert (record.status, record.stage) == ("refused", "load")
    assert "explicit/mlp needs about" in record.reason
    assert run.outcome.model is None
    assert refusal(make(SMALL)) == record.reason


@pytest.mark.process
def test_a_model_that_is_in_the_cache_is_not_looked_at_again(monkeypatch):
    run = begin({**SMALL, "until": "export"})
    run.load()
    assert run.outcome.failure is None
    run.record()
    monkeypatch.setattr("benchlib.plan.details.looked_at", lambda *_: pytest.fail("it is in the cache"))
    again = begin({**SMALL, "until": "export"})
    again.load()
    assert again.outcome.failure is None and again.outcome.model.cached
    again.record()


def test_float64_is_left_out_where_it_does_not_fit(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "memory_available", lambda: 7)
    metadata = SavedModel((), {}, {}, "hash", metrics=Metrics(params_size=1))
    making = Answering(None, Model(tmp_path, "k", {}, metadata, True), None, {}, {}, frozenset())
    with pytest.raises(WorkerError, match="float64 needs about") as error:
        making.exact(None, tmp_path)
    assert error.value.kind == "oom"  # eager is the ground truth then, and nothing is kept
