"""What contenders answer, held against the ground truth: what is wrong, what is told, what nobody can say."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchlib import tensors
from benchlib.mistakes import make
from benchlib.record import Decision
from benchlib.record.metadata import InputSet, SavedModel
from benchlib.record.metrics import Metrics
from benchlib.stages.answers import KnownOutputs, OutputsMetadata
from benchlib.stages.comparison import (
    Comparison,
    compare,
    compare_again,
    is_input_check,
    make_first_calls,
    take_findings,
)
from benchlib.stages.decisions import Decisions
from benchlib.stages.ground_truth import GroundTruth
from benchlib.stages.loading import Model
from benchlib.stages.measuring import _rotated_sets
from benchlib.stages.nature import Nature
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import Outputs

VALUES = {n: np.random.default_rng(n).normal(size=(2, 5)).astype(np.float32) for n in range(4)}
SETS = {n: InputSet(f"hash{n}", origin, ["x"]) for n, origin in ((1, "drawn"), (2, "permuted"), (3, "moved"))}
GUARD = "AssertionError: Guard failed: x.abs().max() <= 3"
ONNX = "Fail: Non-zero status code returned while running Reshape node"


class Session:
    """A way that answers right, but for `answers`."""

    def __init__(self, answers=None):
        self.answers = answers or {}

    def outputs(self, path: Path) -> Outputs:
        return self._give(0, path)

    def outputs_for(self, inputs: Path, path: Path, thin: bool) -> Outputs:
        assert thin
        return self._give(int(inputs.stem.partition("-")[2]), path)

    def _give(self, number: int, path: Path) -> Outputs:
        answer = self.answers.get(number, VALUES[number])
        if isinstance(answer, str):
            kind, message = answer.split(": ", 1)
            raise WorkerError("failed", kind, message)
        return Outputs(tensors.save(path, {"y": answer}), answer.size)


@pytest.fixture
def context(tmp_path):
    trial = make({"model": "explicit/mlp", "exporter": "script"})
    return SimpleNamespace(trial=trial, scratch=tmp_path, ways=(trial.reference_way, trial.way))


@pytest.fixture
def truth(context, tmp_path):
    folder = tmp_path / "truth"
    folder.mkdir()
    hashes = {n: tensors.save(folder / f"outputs-{n}.npz", {"y": values}) for n, values in VALUES.items()}
    known = KnownOutputs(folder, "", OutputsMetadata(hashes))
    return GroundTruth(context.trial, "", known, None, origins=SETS, wanted=frozenset((1, 2)))


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    tensors.save(folder / "inputs.npz", {"x": np.zeros(3), "t": np.zeros(1)})
    return Model(folder, "k", {"parameters": {"inputs": None}}, SavedModel((), {}, SETS, "hash"), True)


@pytest.fixture
def compared(context, model, truth):
    def run(answers=None, reference=None, of=truth) -> Comparison:
        sessions = [Session(reference), Session(answers)]
        return compare(context, model, sessions, of, make_first_calls(context, sessions))

    return run


def without_a_function(truth: GroundTruth, kind: str, words: str) -> GroundTruth:
    metadata = replace(truth.reference.metadata, nature=Nature(kind, words))
    return replace(truth, reference=replace(truth.reference, metadata=metadata))


def test_the_right_way_is_right_on_every_compared_set(compared):
    found = compared()
    assert found.check.equal and not found.unverified
    assert [sorted(answers.files) for answers in found.answers] == [[0, 1, 2], [0, 1, 2]]
    assert found.check.metrics["inputs_not_moved"] == "t"
    assert found.check.metrics["input_sets_refused"] == ""


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_wrong_answer_to_any_compared_set_is_found_out(compared, number):
    assert not compared({number: VALUES[number] + 1}).check.equal


def test_a_wrong_reference_spoils_the_trial(compared):
    found = compared(reference={1: VALUES[1] + 1})
    assert found.check.problem.startswith("the reference, eager: ")


@pytest.mark.parametrize("failure", [GUARD, ONNX])
def test_a_way_that_fails_on_a_set_that_was_drawn_is_wrong(compared, failure):
    found = compared({1: failure})
    assert not found.check.equal
    assert found.check.problem.startswith(f"fails on inputs 1 (drawn), which the ground truth takes: {failure}")


def test_a_way_that_fails_on_what_it_computes_of_a_derived_set_is_wrong(compared):
    assert compared({2: ONNX}).check.problem.startswith("fails on inputs 2 (permuted)")


def test_a_way_that_only_checks_a_derived_set_is_right_and_that_is_told(compared):
    found = compared({2: GUARD})
    assert found.check.equal
    assert found.check.metrics["input_sets_refused"] == (f"refuses inputs that the ground truth takes (2: {GUARD})")


@pytest.mark.parametrize(
    "failure, checks",
    [
        (GUARD, True),
        ("RuntimeError: Runtime assertion failed for expression Eq(u0, 46) on node 'eq'", True),
        ("RuntimeError: Expected input at *args[0].shape[1] to be <= 8, but got 9", True),
        ("RuntimeError: Expected input at *args[1] to be equal to 3, but got 4", True),
        ("InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x for", True),
        ("InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Unexpected input data type. Actual: (x)", True),
        ("AssertionError", False),
        ("AssertionError: the table has 46 rows", False),
        ("RuntimeError: Expected input batch_size (46) to match target batch_size (49).", False),
        ("RuntimeError: expected input[1, 3, 4] to have 5 channels, but got 3 channels instead", False),
        ("RuntimeError: a constraint on the lengths", False),
        ("UserError: Could not guard on data-dependent expression", False),
        ("ValueError: the guard of the queue failed", False),
        (ONNX, False),
        (f"{ONNX}: assertion of its shape failed", False),
        ("IndexError: index out of range in self", False),
        ("RuntimeError: The size of tensor a (46) must match the size of tensor b (49)", False),
    ],
)
def test_a_check_of_inputs_is_told_from_a_wrong_shape(failure, checks):
    assert is_input_check(failure) == checks


def test_a_way_that_refuses_every_other_set_proves_nothing(compared, truth):
    derived = replace(truth, origins={n: replace(s, origin="moved") for n, s in SETS.items()})
    assert not compared({2: GUARD}, of=derived).unverified
    found = compared({1: GUARD, 2: GUARD}, of=derived)
    assert (found.check.equal, found.unverified) == (True, f"it refuses every other set of inputs: {GUARD}")


def test_what_a_trace_kept_is_named_where_it_explains_what_is_wrong(compared, context):
    decision = Decision("net.py", 12, "if x.sum() > 0:", "bool", "True", "input", ["x"], otherwise=[2, 9])
    kept = "; the export kept what was decided for the recorded input at net.py:12: `if x.sum() > 0`"
    for answers, explained in (({2: VALUES[2] + 1}, True), ({1: VALUES[1] + 1}, False), ({2: ONNX}, True)):
        found = compared(answers)
        before = found.check.problem
        take_findings(found, context, Decisions(decisions=[decision]))
        assert found.check.problem == before + (kept if explained else "")


def test_a_problem_says_how_the_set_was_made(compared, truth):
    told = replace(truth, origins=SETS | {2: replace(SETS[2], words="x × 0.3")})
    assert "for input set 2 (x × 0.3): output 0 `y`" in compared({2: VALUES[2] + 1}, of=told).check.problem
    told = replace(truth, origins=SETS | {2: replace(SETS[2], origin="moved", words="x × 0.3")})
    assert compared({2: ONNX}, of=told).check.problem.startswith("fails on inputs 2 (moved: x × 0.3), which")


def test_numbers_among_the_outputs_are_named_and_alone_prove_nothing(compared, truth, tmp_path):
    for n, values in VALUES.items():
        tensors.save(truth.reference.file(n), {"y": values, "loss": 0.5, "aux": (3, None, "text")})
    found = compared()
    assert found.check.equal and not found.unverified
    assert found.check.metrics["outputs_not_compared"] == "loss, aux_0"
    for n in VALUES:
        tensors.save(truth.reference.file(n), 0.5)
    alone = truth.check({0: truth.reference.file(0)})
    assert alone.unverified == "the model answers with numbers of Python's alone (it)"


def test_a_random_model_is_unverified_and_publishes_no_error(compared, truth):
    found = compared({0: VALUES[3]}, of=without_a_function(truth, "random", "dropout"))
    assert (found.check.equal, found.unverified) == (True, "the model draws random numbers: dropout")
    assert found.check.rows == [] and "rmse" not in found.check.metrics and "tolerance_abs" in found.check.metrics
    assert found.check.metrics["ground_truth_is"] == "random: dropout"


def test_a_random_model_with_outputs_of_another_shape_is_wrong(compared, truth):
    found = compared({0: VALUES[0][:1]}, of=without_a_function(truth, "random", "dropout"))
    assert not found.check.equal and "shape" in found.check.problem


def test_a_model_with_a_state_is_unverified_where_its_first_call_is_right(compared, truth):
    stateful = without_a_function(truth, "stateful", "its buffer `last`")
    found = compared(of=stateful)
    assert found.check.equal and "changes its buffer `last`" in found.unverified
    wrong = compared({0: VALUES[3]}, of=stateful).check
    assert not wrong.equal and "changes its buffer `last`" in wrong.problem


def test_without_a_ground_truth_a_way_that_runs_is_unverified(compared, context, truth):
    missing = GroundTruth(context.trial, "", KnownOutputs(Path(), "", OutputsMetadata()), None, missing="TypeError: no")
    found = compared(of=missing)
    assert (found.check.equal, found.unverified) == (True, "no ground truth: TypeError: no")
    from benchlib.stages.views import CheckView

    assert CheckView(found.check, found.unverified).title == "cannot be compared"


def test_what_a_trace_froze_is_taken_into_the_comparison(compared, context):
    found = compared()
    told = Decisions(unverified="net.py:3: decided for the recorded input", metrics=Metrics(decisions="x"))
    take_findings(found, context, told)
    assert found.check.equal and found.unverified == told.unverified and found.check.metrics["decisions"] == "x"
    take_findings(found, context, Decisions(problem="`t` is no input of the graph"))
    assert (found.check.equal, found.check.problem) == (False, "`t` is no input of the graph")
    assert found.unverified == told.unverified


# -- in the timed phase ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("contender", [0, 1])
def test_what_changed_while_it_was_timed_is_held_against_its_own_set(compared, context, tmp_path, number, contender):
    """Set 3 takes turns alone: it is compared in the timed phase."""
    found, right, wrong = compared(), tmp_path / "right.npz", tmp_path / "wrong.npz"
    tensors.save(right, {"y": VALUES[number] * (1 + 1e-7)})
    tensors.save(wrong, {"y": VALUES[number] * 0})
    compare_again(found, context, contender, number, right, "after timing: ")
    assert found.check.equal, "other bits are no other answer"
    compare_again(found, context, contender, number, wrong, "after timing: ")
    assert not found.check.equal
    whose = "after timing: " + ("" if contender else "the reference, eager: ")
    assert found.check.problem.startswith(whose)


def test_a_random_model_may_answer_otherwise_while_it_is_timed(compared, context, truth, tmp_path):
    found = compared(of=without_a_function(truth, "random", "dropout"))
    tensors.save(tmp_path / "later.npz", {"y": VALUES[3]})
    compare_again(found, context, 1, 0, tmp_path / "later.npz", "after timing: ")
    assert found.check.equal


def test_what_takes_turns_has_an_answer_that_counts(compared, context, model, truth):
    assert sorted(_rotated_sets(context, model, compared()).values()) == [
        "hash1",
        "hash2",
    ]  # what is moved is not timed
    metadata = replace(truth.reference.metadata, left_out={2: "IndexError"})
    less = replace(truth, reference=replace(truth.reference, metadata=metadata))
    assert sorted(_rotated_sets(context, model, compared(of=less)).values()) == ["hash1"]
    remembers = without_a_function(truth, "stateful", "its state")
    assert _rotated_sets(context, model, compared(of=remembers)) == {}
