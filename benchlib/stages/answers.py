"""The outputs of the ground truth as they are made: what judges answer, what kind of model that shows, and which of the
derived sets of inputs count."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchlib import accuracy, tensors
from benchlib.plan.estimate import no_exact
from benchlib.registries import runtimes
from benchlib.stages import legality, nature
from benchlib.stages.context import Context
from benchlib.stages.judge import Judge
from benchlib.stages.loading import Model
from benchlib.stages.nature import Nature, Observed
from benchlib.way import Way
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import Judgement

DERIVED = ("permuted", "moved")  # origins of sets that need not be legal
_OTHERS = 8  # sets of inputs whose answers say how much an output of few numbers moves
NO_TRUTH = ("failed", "refused", "skipped", "crashed", "oom")  # what a judge may come to without ending the trial


@dataclass
class OutputsMetadata:
    """What the cache knows of a way's outputs for several sets of inputs, by the number of the set."""

    hashes: dict[int, str] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)  # why a set is left out
    given: list[int] = field(default_factory=list)  # sets whose outputs were given
    nature: Nature = field(default_factory=Nature)
    problem: str = ""  # why float64 cannot be the ground truth


@dataclass(frozen=True)
class KnownOutputs:
    """The outputs of a way in the cache."""

    path: Path
    address: str
    metadata: OutputsMetadata

    def file(self, number: int) -> Path:
        """The outputs for a set of inputs."""
        return self.path / f"outputs-{number}.npz"

    def outputs(self, number: int) -> tensors.FlatArrays:
        """The same, read."""
        return tensors.load(self.file(number))[0]

    def numbers(self, number: int) -> list[str]:
        """The names of Python's numbers among the outputs for a set, which are none of its arrays."""
        return tensors.load(self.file(number))[1].numbers()


@dataclass(frozen=True)
class Answering:
    """Makes the outputs of the ground truth that the cache does not have."""

    context: Context
    model: Model
    judge: Callable[[Way, str], AbstractContextManager[Judge]]  # a way, a device -> a process that answers by it
    inputs: Mapping[int, Path]
    given: Mapping[int, tuple[Path, str]]  # outputs that were given, a file and its hash
    derived: frozenset[int]
    watched: bool = True  # the model is looked at, to see whether it is a function

    def reference(self, folder: Path) -> OutputsMetadata:
        """The outputs that were given, and the way's for the other sets of inputs: none where that way does not run the
        model at all, which a runtime that is asked for may well do."""
        for number, (file, _) in self.given.items():
            shutil.copyfile(file, folder / f"outputs-{number}.npz")
        others = {number: file for number, file in self.inputs.items() if number not in self.given}
        made = OutputsMetadata()
        if others:
            try:
                made = self._answered(others, folder)
            except WorkerError as error:
                if not self.given or error.kind not in ("failed", "refused"):
                    raise
                made = OutputsMetadata(left_out={number: first_line(error) for number in others})
        hashes = {number: digest for number, (_, digest) in self.given.items()}
        made = replace(made, hashes=hashes | made.hashes, given=sorted(self.given))
        return self._without_illegal(made, folder)

    def _answered(self, inputs: Mapping[int, Path], folder: Path) -> OutputsMetadata:
        """What the judge's way answers, with its nature."""
        trial, scratch = self.context.trial, self.context.scratch
        refused = self._refused_on_the_cpu(inputs)
        inputs = {number: file for number, file in inputs.items() if number not in refused}
        with self.judge(trial.judge_way, trial.device) as judge:
            made = judge.answer(inputs, folder, nature.SEEDS[0], scratch if self.watched else None)
        watched = self.watched and min(inputs) in made.hashes
        found = self._nature(min(inputs), made, folder) if watched else Nature()
        return OutputsMetadata(made.hashes, {**refused, **made.left_out}, nature=found)

    def _nature(self, first: int, made: Judgement, folder: Path) -> Nature:
        """What the model is, of which a second process, with another seed, gives a second opinion on the first set."""
        trial, scratch = self.context.trial, self.context.scratch
        elsewhere = scratch / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        with self.judge(trial.judge_way, trial.device) as judge:
            other = judge.answer({first: self.inputs[first]}, elsewhere, nature.SEEDS[1])
            if first not in other.hashes:  # it answered before, and raises in another process
                return Nature(nature.RANDOM, f"it fails in some processes: {other.left_out[first]}")
            same = other.hashes[first] == made.hashes[first]
            operators = [] if same else judge.random_operators()
        generators = [name for name in made.draws if name != "torch" or not operators]
        answered = tensors.load(folder / f"outputs-{first}.npz")[0]
        few = any(array.size < nature.FEW for array in answered.values())
        others = [n for n in made.hashes if n != first][:_OTHERS] if few else []
        return nature.nature_of(
            Observed(
                first=answered,
                others=[tensors.load(folder / f"outputs-{n}.npz")[0] for n in others],
                elsewhere=tensors.load(elsewhere / f"outputs-{first}.npz")[0],
                again=[tensors.load(path)[0] for path in made.others],
                fails_again=made.fails_again,
                draws=bool(made.draws or operators),
                operators=[*operators, *generators],
                changed_state=made.changed_state,
                changed_inputs=made.changed_inputs,
            ),
            trial.dtype,
        )

    def _refused_on_the_cpu(self, inputs: Mapping[int, Path]) -> dict[int, str]:
        """The derived sets on which the judge's way fails on the CPU, with the reason: on a device an index out of
        range ends the process, and takes the other sets with it. Nothing where it does not run there at all."""
        trial, scratch = self.context.trial, self.context.scratch
        way = trial.judge_way
        provider = next((p for p, kind in runtimes.get(way.runtime).providers.items() if kind == "cpu"), "")
        if trial.device == "cpu" or not provider or 0 not in inputs:
            return {}
        folder = scratch / "on-the-cpu"
        folder.mkdir(exist_ok=True)
        wanted = {n: file for n, file in inputs.items() if n == 0 or n in self.derived}
        try:
            with self.judge(replace(way, provider=provider), "cpu") as judge:
                return judge.answer(wanted, folder, nature.SEEDS[0]).left_out
        except WorkerError as error:
            if error.kind not in NO_TRUTH:
                raise
            return {}

    def _without_illegal(self, made: OutputsMetadata, folder: Path) -> OutputsMetadata:
        """Without the derived sets that are answered otherwise than the recorded one."""
        answers = {n: tensors.load(folder / f"outputs-{n}.npz")[0] for n in made.hashes if n == 0 or n in self.derived}
        illegal = legality.unlike_recorded(answers) if 0 in answers else {}
        hashes = {n: digest for n, digest in made.hashes.items() if n not in illegal}
        return replace(made, hashes=hashes, left_out=made.left_out | illegal)

    def exact(self, reference: KnownOutputs, folder: Path) -> OutputsMetadata:
        """The same in float64, without the derived sets that it answers otherwise; or why it cannot be held against
        the reference."""
        if reason := no_exact(self.model.metadata.metrics.get("params_size")):
            raise WorkerError("oom", "OutOfMemory", reason)
        wanted = {n: self.inputs[n] for n in sorted(reference.metadata.hashes)}
        try:
            with self.judge(self.context.trial.exact_way, "cpu") as judge:
                answered = judge.answer(wanted, folder, nature.SEEDS[0])
        except WorkerError as error:
            if error.kind != "failed":
                raise
            return OutputsMetadata(problem=first_line(error))
        if failed := [n for n in answered.left_out if n not in self.derived]:
            return OutputsMetadata(problem=answered.left_out[failed[0]])
        made = self._without_illegal(OutputsMetadata(answered.hashes, answered.left_out), folder)
        rounded = {n: reference.outputs(n) for n in made.hashes}
        exact = {n: accuracy.in_order_of(rounded[n], tensors.load(folder / f"outputs-{n}.npz")[0]) for n in rounded}
        dtype, derived = self.context.trial.dtype, self.derived & exact.keys()
        illegal = legality.less_exact(rounded, exact, derived, dtype) if 0 in exact else {}
        illegal |= legality.spoiling(rounded, exact, derived - illegal.keys(), dtype)
        legal = [n for n in exact if n not in illegal]
        if problem := accuracy.cannot_judge({n: rounded[n] for n in legal}, {n: exact[n] for n in legal}, dtype):
            return OutputsMetadata(problem=problem)
        return OutputsMetadata({n: made.hashes[n] for n in legal}, made.left_out | illegal)


def first_line(error: WorkerError) -> str:
    """`RuntimeError: mat1 and mat2 must have the same dtype`."""
    return f"{error.type}: {error.message.strip().partition(chr(10))[0]}"
