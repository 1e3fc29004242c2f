"""The ground truth's outputs: computed once, in processes of their own, in float64 where that goes; else the record
says why not."""

import contextlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.mistakes import make
from benchlib.record.metadata import InputSet, SavedModel
from benchlib.stages.ground_truth import GroundTruth, GroundTruths, inputs_not_moved
from benchlib.stages.loading import Model
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import Judgement

VALUES = {n: np.random.default_rng(n).normal(size=(2, 5)) for n in range(4)}
FAILED = WorkerError("failed", "RuntimeError", "mat1 and mat2 must have the same dtype\nat line 3")
# Set 1 is drawn, 2 and 3 are derived.
SETS = {
    1: InputSet("hash", "drawn", ["x", "t"]),
    2: InputSet("hash", "permuted", ["x"]),
    3: InputSet("hash", "moved", ["t"]),
}


class Judges:
    """Stands for the processes: answers for each (float64?, set of inputs), and counts what was started."""

    def __init__(self):
        self.started, self.answers, self.seeds = [], {}, []
        self.elsewhere = None  # what the second process answers
        self.again = None  # what a repeated call answers
        self.seen = {}  # of a Judgement

    @contextlib.contextmanager
    def judge(self, way, device):
        exact = bool(way.runtime_args.get("float64"))
        self.started.append((exact, device))
        yield SimpleNamespace(
            answer=lambda inputs, folder, seed, repeats=None: self._answer(exact, inputs, folder, seed, repeats),
            random_operators=lambda: ["dropout"],
        )

    def _answer(self, exact: bool, inputs: dict, folder: Path, seed: int, repeats: Path | None) -> Judgement:
        made = Judgement({}, {}, **(self.seen if repeats else {}))
        self.seeds.append(seed)
        for number in sorted(inputs):
            answer = self.answers.get((exact, number), VALUES[number] if exact else VALUES[number].astype(np.float32))
            if not exact and not repeats and self.elsewhere is not None:
                answer = self.elsewhere
            if isinstance(answer, Exception):
                if number == 0 or answer.kind != "failed":
                    raise answer
                made.left_out[number] = f"{answer.type}: {answer.message.partition(chr(10))[0]}"
            else:
                made.hashes[number] = tensors.save(folder / f"outputs-{number}.npz", {"y": answer})
        if repeats and self.again is not None:
            tensors.save(repeats / "again-0.npz", {"y": self.again})
            made.others.append(repeats / "again-0.npz")
        return made


@pytest.fixture
def judges(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHLIB_CACHE", str(tmp_path / "cache"))
    found = Judges()
    monkeypatch.setattr(GroundTruths, "judge", lambda self, way, device: found.judge(way, device))
    return found


@pytest.fixture
def truths(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    tensors.save(folder / "inputs.npz", {"x": np.zeros(3), "t": np.ones(1), "mask": np.ones(2)})
    model = Model(folder, "k", {"parameters": {"inputs": "given"}}, SavedModel((), {}, SETS, "hash"), True)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    trial = make({"model": "explicit/mlp", "exporter": "script"})
    return GroundTruths(SimpleNamespace(trial=trial, ways=(trial.way,), scratch=scratch,
                                        launcher=SimpleNamespace(left=lambda: 60.0)),
                        model, {})  # fmt: skip


def test_the_outputs_are_computed_once_for_every_set_of_inputs(judges, truths):
    found = truths.at_recorded_inputs()
    assert (found.name, found.fallback, found.sets) == ("eager, float64", "", [0, 1, 2, 3])
    assert judges.started == [(False, "cpu"), (False, "cpu"), (True, "cpu")]
    assert len(set(judges.seeds[:2])) == 2, "the second opinion begins with another seed"
    assert truths.at_recorded_inputs() == found
    assert len(judges.started) == 3
    replace(truths, model=replace(truths.model, key="another model")).at_recorded_inputs()
    assert len(judges.started) == 6


def test_outputs_are_held_against_float64_and_against_eager(judges, truths, tmp_path):
    found = truths.at_recorded_inputs()
    for n, values in VALUES.items():
        tensors.save(tmp_path / f"{n}.npz", {"renamed": (values + 3e-6).astype(np.float32)})
    check = found.check({n: tmp_path / f"{n}.npz" for n in VALUES})
    assert check.equal
    assert check.metrics["judged_by"] == "eager, float64"
    assert check.metrics["ground_truth_is"] == "a function"
    assert check.metrics["input_seeds"] == "recorded, (1 drawn), (2 permuted), (3 moved)"
    assert check.metrics["rmse"] == pytest.approx(3e-6, rel=0.1)
    assert 0 < check.metrics["rmse_eager"] < 1e-7
    assert check.metrics["discrepancies_abs"] == pytest.approx(3e-6, rel=0.1)
    assert [row.inputs for row in check.rows] == [0, 1, 2, 3]
    assert not found.check({0: tmp_path / "0.npz", 1: tmp_path / "0.npz"}).equal


@pytest.mark.parametrize("number", [0, 1])
def test_where_float64_fails_eager_judges_and_that_is_known_the_next_time(judges, truths, number):
    judges.answers[True, number] = FAILED
    for _ in range(2):
        found = truths.at_recorded_inputs()
        assert (found.name, found.exact) == ("eager", None)
        assert found.fallback.startswith("RuntimeError: mat1 and mat2 must have the same dtype")
    assert len(judges.started) == 3


def test_where_float64_wants_more_memory_it_is_tried_again_the_next_time(judges, truths):
    judges.answers[True, 0] = WorkerError("oom", "MemoryError", "Unable to allocate")
    assert truths.at_recorded_inputs().fallback == "Unable to allocate"
    del judges.answers[True, 0]
    assert truths.at_recorded_inputs().name == "eager, float64"


@pytest.mark.parametrize("kind", ["timeout", "crashed"])
def test_a_judge_that_hangs_or_crashes_is_no_verdict_on_float64(judges, truths, kind):
    judges.answers[True, 0] = WorkerError(kind, "WorkerDied", "gone")
    with pytest.raises(WorkerError):
        truths.at_recorded_inputs()


def test_where_float64_is_another_function_eager_judges(judges, truths):
    judges.answers[True, 1] = VALUES[1] * 2
    assert truths.at_recorded_inputs().fallback.startswith("the error of y in float32 is")


# -- which sets count ------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [False, True])
def test_a_derived_set_counts_where_both_run_on_it(judges, truths, exact):
    judges.answers[exact, 2] = FAILED
    found = truths.at_recorded_inputs()
    assert (found.name, found.sets) == ("eager, float64", [0, 1, 3])
    assert found.left_out[2].startswith("RuntimeError: mat1")
    assert found.about({})["input_sets_left_out"].startswith("2: RuntimeError: mat1")


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("answer", [VALUES[2][:1], np.where(VALUES[2] > 0, np.nan, VALUES[2])])
def test_a_derived_set_counts_where_it_is_answered_like_the_recorded_one(judges, truths, exact, answer):
    judges.answers[exact, 2] = answer if exact else answer.astype(np.float32)
    found = truths.at_recorded_inputs()
    assert (found.name, found.sets) == ("eager, float64", [0, 1, 3])


def test_a_derived_set_counts_where_eager_is_about_as_exact_as_else(judges, truths):
    judges.answers[False, 3] = (VALUES[3] * (1 + 1e-4)).astype(np.float32)
    found = truths.at_recorded_inputs()
    assert (found.name, found.sets) == ("eager, float64", [0, 1, 2])
    assert "the error of float32 itself" in found.left_out[3]


def test_a_set_that_was_drawn_counts_whatever_its_shapes(judges, truths):
    judges.answers = {(False, 1): VALUES[1][:1].astype(np.float32), (True, 1): VALUES[1][:1]}
    assert truths.at_recorded_inputs().sets == [0, 1, 2, 3]


# -- what a set moves ------------------------------------------------------------------------------


def test_an_input_on_which_the_outputs_depend_is_told_from_one_that_changes_nothing(judges, truths):
    found = truths.at_recorded_inputs()
    assert (found.depends_on("x"), found.depends_on("t"), found.depends_on("mask")) == (True, True, None)
    judges.answers = {(False, 3): VALUES[0].astype(np.float32), (True, 3): VALUES[0]}
    other = replace(truths, model=replace(truths.model, key="takes t and ignores it")).at_recorded_inputs()
    assert (other.depends_on("x"), other.depends_on("t")) == (True, False)


def test_inputs_that_no_compared_set_changes_are_named(judges, truths):
    found = truths.at_recorded_inputs()
    assert inputs_not_moved(truths.model, found, ()) == "mask"
    assert inputs_not_moved(truths.model, found, (1, 3)) == "t, mask", "the way gave no answer there"


def test_sets_that_only_take_turns_have_answers_too(judges, truths):
    few = replace(truths.model, decided_by={"parameters": {"inputs": None}})
    found = replace(truths, model=few).at_recorded_inputs()
    assert found.sets == [0, 1, 2, 3] and set(found.compared) == {0, *few.compared_sets}
    assert found.is_derived(2) and not found.is_derived(1) and not found.is_derived(0)


def test_a_trial_that_is_not_timed_needs_no_answers_to_sets_that_only_take_turns(judges, truths):
    few = replace(truths.model, decided_by={"parameters": {"inputs": None}})
    trial = make({"model": "explicit/mlp", "exporter": "script", "until": "check"})
    context = SimpleNamespace(**{**vars(truths.context), "trial": trial})
    found = replace(truths, model=few, context=context).at_recorded_inputs()
    assert found.sets == found.compared == [0, *few.compared_sets]
    timed = replace(truths, model=few).at_recorded_inputs()
    assert timed.sets == [0, 1, 2, 3], "the cache keeps the two apart"


# -- what is no function ---------------------------------------------------------------------------


def test_a_model_that_draws_is_random_and_has_one_answer(judges, truths):
    judges.elsewhere, judges.seen = VALUES[3].astype(np.float32), {"draws": ["torch"]}
    found = truths.at_recorded_inputs()
    assert found.nature.in_words == "random: dropout"
    assert (found.sets, found.exact) == ([0], None)
    assert truths.at_recorded_inputs().nature == found.nature, "as the cache has it"


def test_a_model_that_remembers_is_stateful_and_has_one_answer(judges, truths):
    judges.again, judges.seen = VALUES[3].astype(np.float32), {"changed_state": ["buffer `last`"]}
    found = truths.at_recorded_inputs()
    assert found.nature.in_words == "stateful: its buffer `last`"
    assert (found.sets, found.exact) == ([0], None)


def test_a_model_that_writes_into_its_inputs_is_judged_as_any(judges, truths):
    judges.seen = {"changed_inputs": ["x"]}
    found = truths.at_recorded_inputs()
    assert found.nature.in_words == "changes its inputs: `x`"
    assert (found.sets, found.name) == ([0, 1, 2, 3], "eager, float64")


def test_without_eager_there_is_no_ground_truth(judges, truths):
    judges.answers[False, 0] = FAILED
    found = truths.at_recorded_inputs()
    assert found.missing.startswith("RuntimeError: mat1 and mat2") and found.sets == []
    judges.answers[False, 0] = WorkerError("timeout", "Timeout", "not within 60 s")
    with pytest.raises(WorkerError):
        truths.at_recorded_inputs()


# -- given outputs ---------------------------------------------------------------------------------


def test_bits_of_the_reference_are_known(judges, truths):
    found = truths.at_recorded_inputs()
    assert found.knows(1, tensors.content_hash({"y": VALUES[1].astype(np.float32)}))
    assert not found.knows(1, tensors.content_hash({"y": VALUES[0].astype(np.float32)}))


def given(truths: GroundTruths, folder: Path, values: np.ndarray) -> tuple[GroundTruths, str]:
    """The same with outputs that were given for the recorded inputs, and their hash."""
    folder.mkdir()
    digest = tensors.save(folder / "expected-0.npz", {"y": values})
    metadata = replace(truths.model.metadata, expected={0: digest})
    return replace(truths, model=replace(truths.model, path=folder, key=folder.name, metadata=metadata)), digest


def test_given_outputs_take_the_ground_truths_place_for_their_set(judges, truths, tmp_path):
    truths, digest = given(truths, tmp_path / "given", VALUES[0].astype(np.float32))
    found: GroundTruth = truths.at_recorded_inputs()
    assert found.reference.metadata.hashes[0] == digest and found.reference.metadata.given == [0]
    assert found.sets == [0, 1, 2, 3] and found.name == "given outputs, else eager, float64"


def test_given_outputs_count_alone_where_the_ground_truths_way_does_not_run(judges, truths, tmp_path):
    truths, digest = given(truths, tmp_path / "alone", VALUES[0].astype(np.float32))
    judges.answers = {(False, n): WorkerError("refused", "Refused", "too old") for n in (1, 2, 3)}
    found = truths.at_recorded_inputs().reference.metadata
    assert found.hashes == {0: digest} and sorted(found.left_out) == [1, 2, 3]
