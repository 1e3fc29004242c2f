"""What the outputs of a trial's sessions are held against, and how they fare.

Compared are all elements for the recorded inputs; for the other sets, of outputs with more than a million elements, a
part (`benchlib.tensors.thinned`): what an export folded into a constant shows in any part.

The ground truth is its source's way (eager, as a rule) in float64 on the CPU, where its runtime computes in that and
the result can be compared; else the same way in the trial's own dtype, and the record says why. Its outputs for every
set of inputs, those that only take turns in the timing among them, are computed once per model, in processes of their
own (`benchlib.stages.judge`), and kept in the cache. Outputs that were given with the inputs of an ONNX file are right
in its place.

What is derived from the recorded inputs need not be legal: such a set counts where eager and float64 answer it as they
answer the recorded one. Of a model that is no function (`benchlib.stages.nature`) the first answer is all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchlib import accuracy, machine, tensors
from benchlib.fingerprint import code_of
from benchlib.record.metadata import InputSet
from benchlib.record.metrics import Metrics
from benchlib.registries import exporters, passes, runtimes
from benchlib.stages import nature
from benchlib.stages.answers import DERIVED, NO_TRUTH, Answering, KnownOutputs, OutputsMetadata, first_line
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.judge import Judge, started
from benchlib.stages.loading import Model, obtain
from benchlib.stages.nature import Nature
from benchlib.stages.sessions import contender_of
from benchlib.trial import Trial
from benchlib.typed_json import from_json, to_json
from benchlib.way import Way
from benchlib.worker.client import WorkerError

Sizes = Mapping[str, int]  # free dimension -> its size
# What kept outputs, and what is said of them, is by.
DECIDING = (
    "benchlib.accuracy.provable",
    "benchlib.stages.answers",
    "benchlib.stages.legality",
    "benchlib.stages.nature",
    "benchlib.worker.judging",
    "benchlib.worker.verbs",
)


@dataclass(frozen=True)
class GroundTruth:
    """The outputs that count as right, by the number of the set of inputs."""

    trial: Trial
    task: str  # of the model, where its source says
    reference: KnownOutputs  # of the ground truth's way in the trial's dtype
    exact: KnownOutputs | None  # those of float64
    fallback: str = ""  # why float64 is not the ground truth
    origins: Mapping[int, InputSet] = field(default_factory=dict)  # of the sets beside the recorded one
    wanted: frozenset[int] = frozenset()  # the sets on which contenders are compared before they are timed
    missing: str = ""  # why there is no ground truth at all
    passed_over: Mapping[int, str] = field(default_factory=dict)  # sets on which this way is not compared, and why

    @property
    def nature(self) -> Nature:
        """Whether the model is a function, and what it is else."""
        return self.reference.metadata.nature

    @property
    def left_out(self) -> dict[int, str]:
        """The sets that do not count, with the reason."""
        return {**self.reference.metadata.left_out, **(self.exact.metadata.left_out if self.exact else {})}

    @property
    def sets(self) -> list[int]:
        """The sets of inputs that it has outputs for; 0 is the recorded one. What remembers its calls, or draws, has
        an answer to the first call alone."""
        known = [n for n in sorted(self.reference.metadata.hashes) if n not in self.left_out]
        return known if self.nature.repeats else [n for n in known if n == 0]

    @property
    def compared(self) -> list[int]:
        """Those of them on which contenders are compared before they are timed."""
        return [n for n in self.sets if n == 0 or n in self.wanted]

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

    def right(self, number: int) -> tensors.FlatArrays | None:
        """The outputs that count as right for a set, in the reference's order; None where nothing does."""
        if self.missing or not self.nature.repeats or number not in self.sets:
            return None
        reference = self.reference.outputs(number)
        return accuracy.in_order_of(reference, self.exact.outputs(number)) if self.exact else reference

    def is_derived(self, number: int) -> bool:
        """Whether a set was made out of the recorded one, so that a way may have a reason to refuse it."""
        return number in self.origins and self.origins[number].origin in DERIVED

    def check(self, files: Mapping[int, Path]) -> accuracy.Check:
        """The comparison of a session's outputs, a file for each set of inputs, over all of them together."""
        reference = {n: self.reference.outputs(n) for n in files}
        answered = {n: accuracy.as_complex_of(reference[n], tensors.load(path)[0]) for n, path in files.items()}
        candidate = {n: accuracy.in_order_of(reference[n], outputs) for n, outputs in answered.items()}
        exact = None
        if self.exact:
            exact = {n: accuracy.in_order_of(reference[n], self.exact.outputs(n)) for n in files}
        tolerance = accuracy.tolerance_for(self.trial.way.computes(self.trial.dtype), self.trial.tolerance)
        result = accuracy.compare(
            candidate, reference, self.trial.dtype, exact=exact, tolerance=tolerance, task=self.task
        )
        result.problem = re.sub(r"(?<=for input set )\d+(?=: )", self._with_words, result.problem)
        if result.rows and (0 in files or len(files) == 1):
            number = 0 if 0 in files else min(files)
            result.metrics |= accuracy.discrepancies(candidate[number], reference[number], tolerance)
        result.metrics |= self.about(files)
        numbers = self.reference.numbers(min(files))
        result.metrics["outputs_not_compared"] = ", ".join(numbers)
        if numbers and not any(reference.values()):
            result.unverified = f"the model answers with numbers of Python's alone ({', '.join(numbers)})"
        return result

    def _with_words(self, number: re.Match[str]) -> str:
        """`9 (mask: tail cut)`: a set of inputs and how it was made."""
        made = self.origins.get(int(number[0]))
        return f"{number[0]} ({made.words})" if made and made.words else number[0]

    def about(self, numbers: Mapping[int, Path]) -> Metrics:
        """What it is, and the sets of inputs for which outputs were compared."""
        words = [f"({n} {self.origins[n].origin})" if n in self.origins else "recorded" for n in numbers]
        return Metrics(
            judged_by=self.name,
            judge_fallback=self.fallback,
            input_seeds=", ".join(words),
            ground_truth_is=self.nature.in_words,
            input_sets_left_out="; ".join(
                f"{n}: {why}" for n, why in sorted({**self.passed_over, **self.left_out}.items())
            ),
        )

    def moved(self, name: str, without: Collection[int] = ()) -> bool:
        """Whether a set that is compared, but for those `without`, changes the input of this flat name."""
        compared = [n for n in self.compared if n in self.origins and n not in without]
        return any(name in self.origins[n].moves for n in compared)

    def depends_on(self, name: str) -> bool | None:
        """Whether its outputs change where this input alone does; None: there is no such set."""
        alone = [n for n in self.sets if n in self.origins and self.origins[n].moves == [name]]
        if not alone:
            return None
        known, dtype = (self.exact, "float64") if self.exact else (self.reference, self.trial.dtype)
        before = {key: tensors.thinned(array) for key, array in known.outputs(0).items()}
        return any(nature.moved(before, known.outputs(n), dtype) for n in alone)


@dataclass(frozen=True)
class GroundTruths:
    """Makes the ground truth of a trial, or takes it from the cache."""

    context: Context
    model: Model
    artifacts: Mapping[str, BuiltArtifact]

    def at_recorded_inputs(self) -> GroundTruth:
        """For the recorded inputs and the sets at which outputs are compared; for those that only take turns in the
        timing too, where the trial comes so far. Raises WorkerError."""
        model = self.model
        timed = self.context.trial.until == "measure"
        sets = {n: file for n, file in model.input_sets.items() if timed or n in model.compared_sets}
        given = {n: expected for n, expected in model.expected.items() if n == 0 or n in sets}
        truth = self._ground_truth({0: model.inputs, **sets}, (), given)
        beyond = self._beyond_calibration()
        wanted = frozenset(model.compared_sets) - beyond.keys()
        return replace(truth, origins=model.metadata.input_sets, wanted=wanted, passed_over=beyond)

    def _beyond_calibration(self) -> dict[int, str]:
        """The sets with numbers beyond those that a way of the trial was calibrated on, which it clips by design."""
        calls = [call for way in self.context.ways for call in way.passes]
        if not any(passes.get(call.name).needs_inputs for call in calls):
            return {}
        sets = self.model.metadata.input_sets.items()
        return {n: f"{', '.join(s.beyond)} beyond what was calibrated on" for n, s in sets if s.beyond}

    def at_shapes(self, inputs: Mapping[int, Path], shapes: Sequence[Sizes]) -> GroundTruth:
        """For `inputs`, files by number that were made from the recorded ones for `shapes`. Raises WorkerError."""
        return replace(self._ground_truth(inputs, shapes, {}), wanted=frozenset(inputs))

    def _ground_truth(
        self, inputs: Mapping[int, Path], shapes: Sequence[Sizes], given: Mapping[int, tuple[Path, str]]
    ) -> GroundTruth:
        trial, task = self.context.trial, self.model.metadata.task
        derived = () if shapes else [n for n, s in self.model.metadata.input_sets.items() if s.origin in DERIVED]
        making = Answering(self.context, self.model, self.judge, inputs, given, frozenset(derived), watched=not shapes)
        known_by = {"sets": sorted(inputs), "shapes": [*shapes]}
        try:
            reference = self._obtain(trial.judge_way, trial.device, known_by, making.reference)
        except WorkerError as error:
            if error.kind not in NO_TRUTH:
                raise
            return GroundTruth(
                trial, task, KnownOutputs(Path(), "", OutputsMetadata()), None, missing=first_line(error)
            )
        if trial.exact_way is None or not reference.metadata.nature.repeats:
            return GroundTruth(trial, task, reference, None)
        try:
            known_by |= {"against": reference.address}
            exact = self._obtain(trial.exact_way, "cpu", known_by, lambda folder: making.exact(reference, folder))
        except WorkerError as error:
            if error.kind != "oom":  # with more memory it may be there the next time, so nothing is kept
                raise
            return GroundTruth(trial, task, reference, None, error.message)
        problem = exact.metadata.problem
        return GroundTruth(trial, task, reference, None if problem else exact, problem)

    def _obtain(
        self, way: Way, device: str, known_by: Mapping[str, Any], make: Callable[[Path], OutputsMetadata]
    ) -> KnownOutputs:
        """The outputs of a way from the cache, or what `make` writes into a folder. They are `known_by` the sets of
        inputs and the shapes; those of float64 by the reference's address besides."""
        registered = ((exporters, way.exporter), (runtimes, way.runtime))
        decided_by = {
            "model": self.model.key,
            "way": vars(way),
            "device": device,
            "packages": {p: machine.package_version(p) for r, n in registered for p in r.get(n).packages},
            "code": [code_of(r, n, *DECIDING) for r, n in registered],
            **known_by,
        }

        def build(folder: Path, facts: dict[str, Any]) -> None:
            facts |= to_json(make(folder))

        left = self.context.launcher.left
        entry, _ = obtain("outputs", self.context.trial.model_name, decided_by, build, left)
        return KnownOutputs(entry.path, entry.address, from_json(OutputsMetadata, entry.facts))

    def judge(self, way: Way, device: str) -> AbstractContextManager[Judge]:
        """A process of its own that answers by a way, and ends with the block."""
        return started(self.context, contender_of(self.context, self.model, self.artifacts, way, device))


def inputs_not_moved(model: Model, truth: GroundTruth, failed: Collection[int]) -> str:
    """The inputs for one value of which alone the outputs of a way were compared that failed on some sets, by name; ""
    where there are none."""
    names = [name for name in tensors.load(model.inputs)[0] if not truth.moved(name, failed)]
    return ", ".join(dict.fromkeys([*names, *model.metadata.fixed_numbers]))
