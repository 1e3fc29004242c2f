"""The comparison of what the contenders answer with the ground truth, before anything is timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchlib.accuracy import Check
from benchlib.measure.contender import Opened
from benchlib.stages.context import Context
from benchlib.stages.ground_truth import GroundTruth, blame
from benchlib.stages.loading import Model


@dataclass
class Answers:
    """What a session answers, by the number of the set of inputs."""

    files: dict[int, Path]
    hashes: dict[int, str]
    output_size: int  # elements of all outputs for the recorded inputs


@dataclass(frozen=True)
class Comparison:
    """Whether the trial's own way computes what it should, and what it was held against."""

    check: Check  # of the trial's own way; a wrong reference spoils it, as there is nothing to be faster than
    ground_truth: GroundTruth


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
    for index, (opened, own) in enumerate(zip(sessions, answers, strict=True)):
        for number in (n for n in truth.sets[1:] if n in model.compared_sets):  # others are compared as they are timed
            own.files[number] = context.scratch / f"outputs-{index}-{number}.npz"
            own.hashes[number] = opened.outputs_for(model.input_sets[number], own.files[number], thin=True).hash
    check = truth.check(answers[-1].files)
    for index, own in enumerate(answers[:-1]):
        if not all(truth.knows(number, digest) for number, digest in own.hashes.items()):
            blame(check, context, index, truth.check(own.files))
    return Comparison(check, truth)
