"""A model that does not fit is refused by its load step before it is loaded, and by the next plan itself."""

from types import SimpleNamespace

import pytest

from benchlib import machine
from benchlib.mistakes import make
from benchlib.plan.rules import refusal
from benchlib.stages import judge
from benchlib.stages.steps import begin
from benchlib.worker.client import WorkerError

SMALL = {"model": "explicit/mlp", "exporter": "eager", "level": "smoke"}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))


def test_the_load_step_refuses_and_the_next_plan_knows(monkeypatch):
    monkeypatch.setattr(machine, "memory_limit", lambda: 1000)
    assert refusal(make(SMALL)) is None  # nobody knows the model yet
    run = begin(SMALL)
    run.load()
    record = run.record().record
    assert (record["status"], record["stage"]) == ("refused", "load")
    assert "explicit/mlp needs about" in record["reason"]
    assert run.model is None
    assert refusal(make(SMALL)) == record["reason"]


def test_a_model_that_is_in_the_cache_is_not_looked_at_again(monkeypatch):
    run = begin({**SMALL, "until": "export"})
    run.load()
    assert run.failure is None
    run.record()
    monkeypatch.setattr("benchlib.plan.details.looked_at", lambda *_: pytest.fail("it is in the cache"))
    again = begin({**SMALL, "until": "export"})
    again.load()
    assert again.failure is None and again.model.cached
    again.record()


def test_the_judge_leaves_float64_out_where_it_does_not_fit(monkeypatch):
    monkeypatch.setattr(machine, "memory_available", lambda: 7)
    run = SimpleNamespace(model=SimpleNamespace(meta={"facts": {"params_size": 1}}))
    with pytest.raises(WorkerError, match="float64 needs about") as error:
        judge._exact(run, None, {}, None, None)
    assert error.value.kind == "oom"  # the judge falls back, and keeps nothing
