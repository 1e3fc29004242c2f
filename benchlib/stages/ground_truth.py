"""What the outputs of a trial's sessions are held against, and how they fare.

Compared are all elements for the recorded inputs; for the derived sets, of outputs with more than a million
elements, rows taken evenly (`benchlib.tensors.thinned`): what an export folded into a constant shows in any row.

The ground truth is its source's way (eager, as a rule) in float64 on the CPU, where its runtime computes in that and
the result can be compared; else the same way in the trial's own dtype, and the record says why. Its outputs for each
set of inputs are computed once per model and kept in the cache. Outputs that were given with the inputs of an ONNX
file are right in its place.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib import accuracy, machine, tensors
from benchlib.fingerprint import code_of
from benchlib.measure.contender import Opened, open_contender
from benchlib.plan.estimate import no_exact
from benchlib.registries import exporters, runtimes
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.loading import Model, obtain
from benchlib.stages.sessions import contender_of
from benchlib.trial import Trial
from benchlib.typed_json import from_json, to_json
from benchlib.way import Way
from benchlib.worker.client import WorkerError

Sizes = Mapping[str, int]  # free dimension -> its size
DECIDING = (
    "benchlib.accuracy.provable",
    "benchlib.worker.verbs",
)  # what kept outputs, and what is said of them, is by


@dataclass
class OutputsMetadata:
    """What the cache knows of a way's outputs for several sets of inputs, by the number of the set."""

    hashes: dict[int, str] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)  # why a derived set is left out: it need not be legal
    given: list[int] = field(default_factory=list)  # sets whose outputs were given
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


@dataclass(frozen=True)
class GroundTruth:
    """The outputs that count as right, by the number of the set of inputs."""

    trial: Trial
    task: str  # of the model, where its source says
    reference: KnownOutputs  # of the ground truth's way in the trial's dtype
    exact: KnownOutputs | None  # those of float64
    fallback: str = ""  # why float64 is not the ground truth

    @property
    def sets(self) -> list[int]:
        """The sets of inputs that the ground truth runs on; 0 is the recorded one."""
        return sorted(self.reference.metadata.hashes)

    @property
    def name(self) -> str:
        """What it is, in words."""
        own = f"{self.trial.source()[0].judged_by}{', float64' if self.exact else ''}"
        given = self.reference.metadata.given
        return own if not given else "given outputs" + ("" if len(given) == len(self.sets) else f", else {own}")

    @property
    def recorded(self) -> Path:
        """The reference's outputs for the recorded inputs."""
        return self.reference.file(0)

    def knows(self, number: int, digest: str) -> bool:
        """Whether outputs with this hash are, to the bit, those of the reference."""
        return self.reference.metadata.hashes[number] == digest

    def check(self, files: Mapping[int, Path]) -> accuracy.Check:
        """The comparison of a session's outputs, a file for each set of inputs."""
        reference = {n: tensors.load(self.reference.file(n))[0] for n in files}
        outputs = {n: accuracy.in_order_of(reference[n], tensors.load(path)[0]) for n, path in files.items()}
        tolerance = accuracy.tolerance_for(self.trial.way.computes(self.trial.dtype), self.trial.tolerance)
        exact = None
        if self.exact:
            exact = {n: accuracy.in_order_of(reference[n], tensors.load(self.exact.file(n))[0]) for n in files}
        check = accuracy.compare(outputs, reference, self.trial.dtype, exact=exact, tolerance=tolerance, task=self.task)
        if check.rows:
            first = min(files)
            check.metrics |= accuracy.discrepancies(outputs[first], reference[first], tolerance)
        seeds = [f"({self.trial.seed}, {number})" if number else "recorded" for number in files]
        check.metrics |= {"judged_by": self.name, "judge_fallback": self.fallback, "input_seeds": ", ".join(seeds)}
        return check

    def compare(self, number: int, path: Path) -> accuracy.Check:
        """The comparison at one set of inputs."""
        return self.check({number: path})


@dataclass(frozen=True)
class GroundTruths:
    """Makes the ground truth of a trial, or takes it from the cache."""

    context: Context
    model: Model
    artifacts: Mapping[str, BuiltArtifact]
    sessions: Sequence[Opened]  # the contenders', which serve where their way is wanted

    def at_recorded_inputs(self) -> GroundTruth:
        """For the recorded inputs and the sets derived from them. Raises WorkerError."""
        return self._ground_truth({0: self.model.inputs, **self.model.compared_sets}, (), self.model.expected)

    def at_shapes(self, inputs: Mapping[int, Path], shapes: Sequence[Sizes]) -> GroundTruth:
        """For `inputs`, files by number that were made from the recorded ones for `shapes`. Raises WorkerError."""
        return self._ground_truth(inputs, shapes, {})

    def _ground_truth(
        self, inputs: Mapping[int, Path], shapes: Sequence[Sizes], given: Mapping[int, tuple[Path, str]]
    ) -> GroundTruth:
        trial, task = self.context.trial, self.model.metadata.task
        reference = self._obtain(
            trial.judge_way,
            trial.device,
            shapes,
            lambda folder: self._reference(inputs, folder, given),
        )
        if trial.exact_way is None:
            return GroundTruth(trial, task, reference, None)
        try:
            exact = self._obtain(
                trial.exact_way,
                "cpu",
                shapes,
                lambda folder: self._exact(inputs, reference, folder),
                against=reference.address,
            )
        except WorkerError as error:
            if error.kind != "oom":  # with more memory it may be there the next time, so nothing is kept
                raise
            return GroundTruth(trial, task, reference, None, error.message)
        problem = exact.metadata.problem
        return GroundTruth(trial, task, reference, None if problem else exact, problem)

    def _obtain(self, way: Way, device: str, shapes: Sequence[Sizes], make: Any, against: str = "") -> KnownOutputs:
        """The outputs of a way from the cache, or what `make` writes into a folder. `against` is the address of the
        reference's, when the way is its float64."""
        registered = ((exporters, way.exporter), (runtimes, way.runtime))
        decided_by = {
            "model": self.model.key,
            "way": vars(way),
            "device": device,
            "packages": {p: machine.package_version(p) for r, n in registered for p in r.get(n).packages},
            "code": [code_of(r, n, *DECIDING) for r, n in registered],
            "against": against,
            "shapes": [*shapes],
        }

        def build(folder: Path, facts: dict[str, Any]) -> None:
            facts |= to_json(make(folder))

        left = self.context.launcher.left
        entry, _ = obtain("outputs", self.context.trial.model_name, decided_by, build, left)
        return KnownOutputs(entry.path, entry.address, from_json(OutputsMetadata, entry.facts))

    def _reference(
        self, inputs: Mapping[int, Path], folder: Path, given: Mapping[int, tuple[Path, str]]
    ) -> OutputsMetadata:
        """The outputs that were `given` (a file and its hash), and the way's for the other sets of inputs: none where
        that way does not run the model at all, which a runtime that is asked for may well do."""
        trial = self.context.trial
        for number, (file, _) in given.items():
            shutil.copyfile(file, folder / f"outputs-{number}.npz")
        others = {number: file for number, file in inputs.items() if number not in given}
        made = OutputsMetadata()
        if others:
            try:
                made = self._compute(trial.judge_way, trial.device, others, folder)
            except WorkerError as error:
                if not given or error.kind not in ("failed", "refused"):
                    raise
                made = OutputsMetadata(left_out={number: _first_line(error) for number in others})
        hashes = {number: digest for number, (_, digest) in given.items()}
        return OutputsMetadata(hashes | made.hashes, made.left_out, sorted(given))

    def _exact(self, inputs: Mapping[int, Path], reference: KnownOutputs, folder: Path) -> OutputsMetadata:
        """The same in float64, with the reference's own error, or the problem with it."""
        if reason := no_exact(self.model.metadata.metrics.get("params_size")):
            raise WorkerError("oom", "OutOfMemory", reason)
        wanted = sorted(reference.metadata.hashes)
        try:
            made = self._compute(self.context.trial.exact_way, "cpu", {n: inputs[n] for n in wanted}, folder)
        except WorkerError as error:
            if error.kind != "failed":
                raise
            return OutputsMetadata(problem=_first_line(error))
        for number in wanted:
            if number in made.left_out:
                return OutputsMetadata(problem=made.left_out[number])
        outputs = {number: tensors.load(reference.file(number))[0] for number in wanted}
        exact = {
            number: accuracy.in_order_of(outputs[number], tensors.load(folder / f"outputs-{number}.npz")[0])
            for number in wanted
        }
        if problem := accuracy.cannot_judge(outputs, exact, self.context.trial.dtype):
            return OutputsMetadata(problem=problem)
        return made

    def _compute(self, way: Way, device: str, inputs: Mapping[int, Path], folder: Path) -> OutputsMetadata:
        """Runs a way on sets of inputs. One on which it fails is left out, the recorded one excepted: what is derived
        from it need not be legal."""
        made = OutputsMetadata()
        with self.session_of(way, device) as opened:
            for number, file in inputs.items():
                path = folder / f"outputs-{number}.npz"
                try:
                    made.hashes[number] = opened.outputs_for(file, path, thin=number > 0).hash
                except WorkerError as error:
                    if number == 0 or error.kind != "failed":
                        raise
                    made.left_out[number] = _first_line(error)
        return made

    @contextlib.contextmanager
    def session_of(self, way: Way, device: str) -> Iterator[Opened]:
        """The contender of that way, which is open already, or a session in a worker that ends with the block."""
        context = self.context
        if way in context.ways and device == context.trial.device:
            yield self.sessions[context.ways.index(way)]
            return
        workers = context.launcher.workers
        before = len(workers)
        try:
            contender = contender_of(context, self.model, self.artifacts, way, device)
            yield open_contender(contender, context.launcher, context.level.start, 0, context.trial.seed, "judge")
        finally:
            for worker in workers[before:]:
                worker.kill()
            del workers[before:]


def blame(check: accuracy.Check, context: Context, index: int, later: accuracy.Check, when: str = "") -> None:
    """Takes what was found of the outputs of the contender `index` into the check of the trial's own way."""
    if check.equal and not later.equal:
        whose = "" if index == len(context.ways) - 1 else f"the reference, {context.ways[index].label}: "
        check.equal, check.problem = False, f"{when}{whose}{later.problem}"


def _first_line(error: WorkerError) -> str:
    return f"{error.type}: {error.message.strip().partition(chr(10))[0]}"
