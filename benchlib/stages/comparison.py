"""The comparison of what the contenders answer with the ground truth, before anything is timed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchlib import accuracy
from benchlib.accuracy import Check, tolerance_for
from benchlib.measure.contender import Opened
from benchlib.record.metrics import METRICS, Metrics
from benchlib.stages.context import Context
from benchlib.stages.decisions import Decisions, place_of
from benchlib.stages.ground_truth import GroundTruth, inputs_not_moved
from benchlib.stages.loading import Model
from benchlib.stages.nature import RANDOM, STATEFUL
from benchlib.worker.client import WorkerError

# What a way says that looks at its inputs before it computes, in the very words of those that do: guards, assertions
# and ranges of torch.export, shapes and dtypes of a session of onnxruntime. What else mentions an input or an assertion
# may be what a frozen value led to.
INPUT_CHECKS = (
    r"^AssertionError: Guard failed: ",
    r"^RuntimeError: Runtime assertion failed for expression ",
    r"^RuntimeError: Expected input at .+ to be ",
    r"^InvalidArgument: .*(Got invalid dimensions|Invalid rank) for input: ",
    r"^InvalidArgument: .*Unexpected input data type\. ",
)
IN_A_NODE = "while running"  # onnxruntime's words for what a node of the graph failed with


@dataclass
class Answers:
    """What a session answers, by the number of the set of inputs."""

    files: dict[int, Path]
    hashes: dict[int, str]
    output_size: int  # elements of all outputs for the recorded inputs
    fails: dict[int, str] = field(default_factory=dict)  # sets on which it raised, with the first line


@dataclass
class Comparison:
    """Whether the trial's own way computes what it should, and what it was held against."""

    check: Check  # of the trial's own way; a wrong reference spoils it, as there is nothing to be faster than
    ground_truth: GroundTruth
    answers: Sequence[Answers] = ()  # of each contender
    unverified: str = ""  # why the outputs could not be compared, where they could not


def make_first_calls(context: Context, sessions: Sequence[Opened]) -> list[Answers]:
    """Each session's first call, on the recorded inputs. Raises WorkerError."""
    answers = []
    for index, opened in enumerate(sessions):
        file = context.scratch / f"outputs-{index}.npz"
        outputs = opened.outputs(file)
        answers.append(Answers({0: file}, {0: outputs.hash}, outputs.output_size))
    return answers


def compare(
    context: Context, model: Model, sessions: Sequence[Opened], truth: GroundTruth, answers: Sequence[Answers]
) -> Comparison:
    """Makes one call of each session on each other set of inputs, and compares. Raises WorkerError."""
    if truth.missing:
        return Comparison(_nothing_compared(context, truth), truth, answers, f"no ground truth: {truth.missing}")
    for index, (opened, own) in enumerate(zip(sessions, answers, strict=True)):
        for number in truth.compared[1:]:
            _answer(opened, model.input_sets[number], number, own, context.scratch / f"outputs-{index}-{number}.npz")
    check = truth.check(answers[-1].files)
    check.metrics["inputs_not_moved"] = inputs_not_moved(model, truth, answers[-1].fails)
    check.metrics["input_sets_refused"] = _refused(truth, answers[-1])
    comparison = Comparison(check, truth, answers, check.unverified or _refuses_all(truth, answers[-1]))
    _judge_failures(comparison, context, len(answers) - 1)
    for index, own in enumerate(answers[:-1]):
        if not all(truth.knows(number, digest) for number, digest in own.hashes.items()):
            blame(check, context, index, truth.check(own.files))
        _judge_failures(comparison, context, index)
    if not truth.nature.repeats:
        _leave_unverified(comparison)
    return comparison


def compare_again(comparison: Comparison, context: Context, index: int, number: int, file: Path, when: str) -> None:
    """Takes into a comparison what the contender `index` answered to a set of inputs later on, where that was not what
    was compared. Of a model that answers otherwise each time nothing is said."""
    truth = comparison.ground_truth
    if truth.missing or not truth.nature.repeats or number not in truth.sets:
        return
    later = truth.check({**comparison.answers[index].files, number: file})
    blame(comparison.check, context, index, later, when)


def take_findings(comparison: Comparison, context: Context, found: Decisions) -> None:
    """Takes what was found of the trial's own way besides its outputs into the comparison."""
    comparison.check.metrics |= found.metrics
    check = comparison.check
    if kept := _explaining(comparison, found):
        check.problem = f"{check.problem}; the export kept what was decided for the recorded input at {kept}"
    if found.problem:
        blame(check, context, len(context.ways) - 1, Check(False, found.problem))
    comparison.unverified = "; ".join(filter(None, [comparison.unverified, found.unverified]))


def _explaining(comparison: Comparison, found: Decisions) -> str:
    """The decision that a trace kept and that sets decide otherwise which the trial's own way answers wrongly: its
    place, "" where there is none."""
    if comparison.check.equal or not comparison.answers:
        return ""
    wrong = {row.inputs for row in comparison.check.rows if not row.passes} | {*comparison.answers[-1].fails}
    return next((place_of(decision) for decision in found.decisions if wrong & {*decision.otherwise}), "")


def blame(check: Check, context: Context, index: int, later: Check, when: str = "") -> None:
    """Takes what was found of the outputs of the contender `index` into the check of the trial's own way."""
    if check.equal and not later.equal:
        whose = "" if index == len(context.ways) - 1 else f"the reference, {context.ways[index].label}: "
        check.equal, check.problem = False, f"{when}{whose}{later.problem}"


def _answer(opened: Opened, inputs: Path, number: int, own: Answers, file: Path) -> None:
    """One call on a set of inputs; that it fails is an answer too."""
    try:
        own.hashes[number] = opened.outputs_for(inputs, file, thin=True).hash
    except WorkerError as error:
        if error.kind != "failed":
            raise
        own.fails[number] = f"{error.type}: {error.message.strip().partition(chr(10))[0]}"
        return
    own.files[number] = file


def is_input_check(failure: str) -> bool:
    """Whether a way failed because it looked at its inputs and would not have them, not because of what it computed."""
    return IN_A_NODE not in failure and any(re.search(pattern, failure) for pattern in INPUT_CHECKS)


def _refused(truth: GroundTruth, own: Answers) -> str:
    """The derived sets that a way would not take, in words: a fact, no fault."""
    told = {n: why for n, why in own.fails.items() if truth.is_derived(n) and is_input_check(why)}
    return "; ".join(f"refuses inputs that the ground truth takes ({n}: {why})" for n, why in told.items())


def _refuses_all(truth: GroundTruth, own: Answers) -> str:
    """Why equal outputs prove nothing of a way that takes the recorded inputs alone; "" where it takes others too."""
    if len(own.files) > 1 or not own.fails:
        return ""
    return f"it refuses every other set of inputs: {next(iter(own.fails.values()))}"


def _judge_failures(comparison: Comparison, context: Context, index: int) -> None:
    """A way that fails where the model answers is wrong, unless it only checks inputs that were derived."""
    truth, own = comparison.ground_truth, comparison.answers[index]
    for number, why in own.fails.items():
        if not (truth.is_derived(number) and is_input_check(why)):
            made = truth.origins[number]
            how = f"{made.origin}: {made.words}" if made.origin == "moved" else made.origin
            wrong = Check(False, f"fails on inputs {number} ({how}), which the ground truth takes: {why}")
            blame(comparison.check, context, index, wrong)


def _leave_unverified(comparison: Comparison) -> None:
    """Takes back what comparing came to, of a model that is no function. That the outputs are others in number, shape
    or dtype stands; and so does that the very first call of a model with a state is answered otherwise."""
    check, nature = comparison.check, comparison.ground_truth.nature
    comparison.unverified = nature.sentence
    if nature.kind == STATEFUL and not check.equal:
        check.problem = f"{check.problem}; {nature.sentence}"
    elif nature.kind == RANDOM and check.rows:  # numbers were compared, which is to compare noise
        check.equal, check.problem, check.rows = True, "", []
        check.metrics = _without_errors(check.metrics)


def _nothing_compared(context: Context, truth: GroundTruth) -> Check:
    """The check of no outputs at all, which says what would have been allowed."""
    trial = context.trial
    tolerance = tolerance_for(trial.way.computes(trial.dtype), trial.tolerance)
    nothing: accuracy.Sets = {0: {}}
    check = accuracy.compare(nothing, nothing, trial.dtype, tolerance=tolerance)
    return Check(True, metrics=_without_errors(check.metrics) | truth.about({}) | {"ground_truth_is": ""})


def _without_errors(metrics: Metrics) -> Metrics:
    """Metrics of a check without those that say how far outputs are off; what is allowed stays."""
    return Metrics(
        (name, value)
        for name, value in metrics.items()
        if METRICS[name].group != "numerics" or (name.startswith("tolerance_") and name != "tolerance_share")
    )
