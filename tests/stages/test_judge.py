"""The judge's outputs: computed once, in float64 where that goes, else the record says why not."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.mistakes import make
from benchlib.stages import judge
from benchlib.worker.client import WorkerError

VALUES = {n: np.random.default_rng(n).normal(size=(2, 5)) for n in range(3)}
FAILED = WorkerError("failed", "RuntimeError", "mat1 and mat2 must have the same dtype\nat line 3")


class Sessions:
    """Stands for the workers: answers for each (float64?, set of inputs), and counts what was opened."""

    def __init__(self):
        self.opened, self.answers = [], {}

    @contextlib.contextmanager
    def session(self, run, way, device):
        exact = bool(way.runtime_args.get("float64"))
        self.opened.append((exact, device))
        yield SimpleNamespace(outputs_for=lambda inputs, path, thin: self._answer(exact, int(inputs.stem), path, thin))

    def _answer(self, exact: bool, number: int, path: Path, thin: bool) -> dict:
        assert thin == (number > 0)
        found = self.answers.get((exact, number), VALUES[number] if exact else VALUES[number].astype(np.float32))
        if isinstance(found, Exception):
            raise found
        return {"hash": tensors.save(path, {"y": found})}


@pytest.fixture
def sessions(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    found = Sessions()
    monkeypatch.setattr(judge, "_session", found.session)
    return found


@pytest.fixture
def run():
    sets = {1: Path("1"), 2: Path("2")}
    model = SimpleNamespace(key="k", inputs=Path("0"), compared_sets=sets, expected={}, meta={"facts": {}})
    launcher = SimpleNamespace(left=lambda: 60.0)
    return SimpleNamespace(trial=make({"model": "explicit/mlp", "exporter": "script"}), model=model, launcher=launcher)


def test_the_outputs_are_computed_once_for_every_set_of_inputs(sessions, run):
    found = judge.judge_of(run)
    assert (found.name, found.fallback, found.sets) == ("eager, float64", "", [0, 1, 2])
    assert sessions.opened == [(False, "cpu"), (True, "cpu")]
    again = judge.judge_of(run)
    assert again == found
    assert len(sessions.opened) == 2
    run.model.key = "another model"
    judge.judge_of(run)
    assert len(sessions.opened) == 4


def test_outputs_are_held_against_float64_and_against_eager(sessions, run, tmp_path):
    found = judge.judge_of(run)
    for n, values in VALUES.items():
        tensors.save(tmp_path / f"{n}.npz", {"renamed": (values + 3e-6).astype(np.float32)})
    check = found.verdict({n: tmp_path / f"{n}.npz" for n in VALUES})
    assert check.equal
    assert check.metrics["judged_by"] == "eager, float64"
    assert check.metrics["input_seeds"] == "recorded, (0, 1), (0, 2)"
    assert check.metrics["rmse"] == pytest.approx(3e-6, rel=0.1)
    assert 0 < check.metrics["rmse_eager"] < 1e-7
    assert check.metrics["discrepancies_abs"] == pytest.approx(3e-6, rel=0.1)
    assert [row["inputs"] for row in check.rows] == [0, 1, 2]
    wrong = found.verdict({0: tmp_path / "0.npz", 1: tmp_path / "0.npz"})
    assert wrong.problem.startswith("right for the recorded inputs alone; for permuted inputs 1: output 0 (y)")


@pytest.mark.parametrize("number", [0, 1])
def test_where_float64_fails_eager_judges_and_that_is_known_the_next_time(sessions, run, number):
    sessions.answers[True, number] = FAILED
    for _ in range(2):
        found = judge.judge_of(run)
        assert (found.name, found.exact) == ("eager", None)
        assert found.fallback.startswith("RuntimeError: mat1 and mat2 must have the same dtype")
    assert len(sessions.opened) == 2


def test_where_float64_wants_more_memory_it_is_tried_again_the_next_time(sessions, run):
    sessions.answers[True, 0] = WorkerError("oom", "MemoryError", "Unable to allocate")
    assert judge.judge_of(run).fallback == "Unable to allocate"
    del sessions.answers[True, 0]
    assert judge.judge_of(run).name == "eager, float64"


@pytest.mark.parametrize("kind", ["timeout", "crashed"])
def test_a_judge_that_hangs_or_crashes_is_no_verdict_on_float64(sessions, run, kind):
    sessions.answers[True, 0] = WorkerError(kind, "WorkerDied", "gone")
    with pytest.raises(WorkerError):
        judge.judge_of(run)


def test_where_float64_is_another_function_eager_judges(sessions, run):
    sessions.answers[True, 2] = VALUES[2] * 2
    assert judge.judge_of(run).fallback.startswith("the error of y in float32 is")


def test_a_derived_set_that_eager_cannot_run_on_is_left_out(sessions, run):
    sessions.answers[False, 1] = FAILED
    found = judge.judge_of(run)
    assert (found.name, found.sets) == ("eager, float64", [0, 2])
    assert found.reference.facts["left_out"]["1"].startswith("RuntimeError: mat1")


def test_the_recorded_inputs_have_to_run(sessions, run):
    sessions.answers[False, 0] = FAILED
    with pytest.raises(WorkerError):
        judge.judge_of(run)


def test_bits_of_the_reference_are_known(sessions, run):
    found = judge.judge_of(run)
    assert found.knows(1, tensors.content_hash({"y": VALUES[1].astype(np.float32)}))
    assert not found.knows(1, tensors.content_hash({"y": VALUES[0].astype(np.float32)}))


def test_given_outputs_take_the_judges_place_for_their_set(sessions, run, tmp_path):
    digest = tensors.save(tmp_path / "given.npz", {"y": VALUES[0].astype(np.float32) + 1})
    run.model.expected = {0: (tmp_path / "given.npz", digest)}
    run.model.key = "given"
    found = judge._kept(run, run.trial.judge_way, "cpu", {0: Path("0"), **run.model.compared_sets}, [])
    assert found.facts["hashes"]["0"] == digest and found.facts["given"] == [0]
    assert sorted(found.facts["hashes"]) == ["0", "1", "2"]


def test_given_outputs_judge_alone_where_the_judges_way_does_not_run(sessions, run, tmp_path):
    digest = tensors.save(tmp_path / "given.npz", {"y": VALUES[0].astype(np.float32)})
    run.model.expected, run.model.key = {0: (tmp_path / "given.npz", digest)}, "alone"
    sessions.answers = {(False, n): WorkerError("refused", "Refused", "too old") for n in (1, 2)}
    found = judge._kept(run, run.trial.judge_way, "cpu", {0: Path("0"), **run.model.compared_sets}, [])
    assert found.facts["hashes"] == {"0": digest} and sorted(found.facts["left_out"]) == ["1", "2"]
