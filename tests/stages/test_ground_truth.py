"""The ground truth's outputs: computed once, in float64 where that goes, else the record says why not."""

import contextlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.mistakes import make
from benchlib.record.metadata import SavedModel
from benchlib.stages.ground_truth import GroundTruths
from benchlib.stages.loading import Model
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import Outputs

VALUES = {n: np.random.default_rng(n).normal(size=(2, 5)) for n in range(3)}
FAILED = WorkerError("failed", "RuntimeError", "mat1 and mat2 must have the same dtype\nat line 3")


class Sessions:
    """Stands for the workers: answers for each (float64?, set of inputs), and counts what was opened."""

    def __init__(self):
        self.opened, self.answers = [], {}

    @contextlib.contextmanager
    def session_of(self, way, device):
        exact = bool(way.runtime_args.get("float64"))
        self.opened.append((exact, device))
        yield SimpleNamespace(outputs_for=lambda inputs, path, thin: self._answer(exact, _number(inputs), path, thin))

    def _answer(self, exact: bool, number: int, path: Path, thin: bool) -> Outputs:
        assert thin == (number > 0)
        answer = self.answers.get((exact, number), VALUES[number] if exact else VALUES[number].astype(np.float32))
        if isinstance(answer, Exception):
            raise answer
        return Outputs(tensors.save(path, {"y": answer}), answer.size)


def _number(inputs: Path) -> int:
    """Of a set, from its file: `inputs.npz` is 0, `inputs-2.npz` 2."""
    return int(inputs.stem.partition("-")[2] or 0)


@pytest.fixture
def sessions(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    found = Sessions()
    monkeypatch.setattr(GroundTruths, "session_of", found.session_of)
    return found


@pytest.fixture
def truths(tmp_path):
    metadata = SavedModel((), {}, {1: "hash", 2: "hash"}, "hash")
    model = Model(tmp_path / "model", "k", {"parameters": {"inputs": None}}, metadata, True)
    launcher = SimpleNamespace(left=lambda: 60.0)
    context = SimpleNamespace(trial=make({"model": "explicit/mlp", "exporter": "script"}), launcher=launcher)
    return GroundTruths(context, model, {}, [])


def test_the_outputs_are_computed_once_for_every_set_of_inputs(sessions, truths):
    found = truths.at_recorded_inputs()
    assert (found.name, found.fallback, found.sets) == ("eager, float64", "", [0, 1, 2])
    assert sessions.opened == [(False, "cpu"), (True, "cpu")]
    again = truths.at_recorded_inputs()
    assert again == found
    assert len(sessions.opened) == 2
    replace(truths, model=replace(truths.model, key="another model")).at_recorded_inputs()
    assert len(sessions.opened) == 4


def test_outputs_are_held_against_float64_and_against_eager(sessions, truths, tmp_path):
    found = truths.at_recorded_inputs()
    for n, values in VALUES.items():
        tensors.save(tmp_path / f"{n}.npz", {"renamed": (values + 3e-6).astype(np.float32)})
    check = found.check({n: tmp_path / f"{n}.npz" for n in VALUES})
    assert check.equal
    assert check.metrics["judged_by"] == "eager, float64"
    assert check.metrics["input_seeds"] == "recorded, (0, 1), (0, 2)"
    assert check.metrics["rmse"] == pytest.approx(3e-6, rel=0.1)
    assert 0 < check.metrics["rmse_eager"] < 1e-7
    assert check.metrics["discrepancies_abs"] == pytest.approx(3e-6, rel=0.1)
    assert [row.inputs for row in check.rows] == [0, 1, 2]
    wrong = found.check({0: tmp_path / "0.npz", 1: tmp_path / "0.npz"})
    assert wrong.problem.startswith("right for the recorded inputs alone; for input set 1: output 0 `y`")


@pytest.mark.parametrize("number", [0, 1])
def test_where_float64_fails_eager_judges_and_that_is_known_the_next_time(sessions, truths, number):
    sessions.answers[True, number] = FAILED
    for _ in range(2):
        found = truths.at_recorded_inputs()
        assert (found.name, found.exact) == ("eager", None)
        assert found.fallback.startswith("RuntimeError: mat1 and mat2 must have the same dtype")
    assert len(sessions.opened) == 2


def test_where_float64_wants_more_memory_it_is_tried_again_the_next_time(sessions, truths):
    sessions.answers[True, 0] = WorkerError("oom", "MemoryError", "Unable to allocate")
    assert truths.at_recorded_inputs().fallback == "Unable to allocate"
    del sessions.answers[True, 0]
    assert truths.at_recorded_inputs().name == "eager, float64"


@pytest.mark.parametrize("kind", ["timeout", "crashed"])
def test_a_judge_that_hangs_or_crashes_is_no_verdict_on_float64(sessions, truths, kind):
    sessions.answers[True, 0] = WorkerError(kind, "WorkerDied", "gone")
    with pytest.raises(WorkerError):
        truths.at_recorded_inputs()


def test_where_float64_is_another_function_eager_judges(sessions, truths):
    sessions.answers[True, 2] = VALUES[2] * 2
    assert truths.at_recorded_inputs().fallback.startswith("the error of y in float32 is")


def test_a_derived_set_that_eager_cannot_run_on_is_left_out(sessions, truths):
    sessions.answers[False, 1] = FAILED
    found = truths.at_recorded_inputs()
    assert (found.name, found.sets) == ("eager, float64", [0, 2])
    assert found.reference.metadata.left_out[1].startswith("RuntimeError: mat1")


def test_the_recorded_inputs_have_to_run(sessions, truths):
    sessions.answers[False, 0] = FAILED
    with pytest.raises(WorkerError):
        truths.at_recorded_inputs()


def test_bits_of_the_reference_are_known(sessions, truths):
    found = truths.at_recorded_inputs()
    assert found.knows(1, tensors.content_hash({"y": VALUES[1].astype(np.float32)}))
    assert not found.knows(1, tensors.content_hash({"y": VALUES[0].astype(np.float32)}))


def given(truths: GroundTruths, folder: Path, values: np.ndarray) -> tuple[GroundTruths, str]:
    """The same with outputs that were given for the recorded inputs, and their hash."""
    folder.mkdir()
    digest = tensors.save(folder / "expected-0.npz", {"y": values})
    for name in truths.model.input_sets.values():
        name.parent.mkdir(exist_ok=True)
    metadata = replace(truths.model.metadata, expected={0: digest})
    return replace(truths, model=replace(truths.model, path=folder, key=folder.name, metadata=metadata)), digest


def test_given_outputs_take_the_ground_truths_place_for_their_set(sessions, truths, tmp_path):
    truths, digest = given(truths, tmp_path / "given", VALUES[0].astype(np.float32))
    found = truths.at_recorded_inputs().reference.metadata
    assert found.hashes[0] == digest and found.given == [0]
    assert sorted(found.hashes) == [0, 1, 2]


def test_given_outputs_count_alone_where_the_ground_truths_way_does_not_run(sessions, truths, tmp_path):
    truths, digest = given(truths, tmp_path / "alone", VALUES[0].astype(np.float32))
    sessions.answers = {(False, n): WorkerError("refused", "Refused", "too old") for n in (1, 2)}
    found = truths.at_recorded_inputs().reference.metadata
    assert found.hashes == {0: digest} and sorted(found.left_out) == [1, 2]
