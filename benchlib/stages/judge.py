"""What the outputs of a trial's sessions are held against, and how they fare.

Compared are all elements for the recorded inputs; for the derived sets, of outputs with more than a million
elements, rows taken evenly (`benchlib.tensors.thinned`): what an export folded into a constant shows in any row.

The judge is its source's (eager, as a rule) in float64 on the CPU, where its runtime computes in that and the
result can be compared; else the same way in the trial's own dtype, and the record says why. Its outputs for each
set of inputs are computed once per model and kept in the cache. Outputs that were given with the inputs of an ONNX
file are right in its place.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchlib import accuracy, artifacts, machine, tensors
from benchlib.fingerprint import code_of
from benchlib.measure import controller
from benchlib.plan.estimate import no_exact
from benchlib.registries import exporters, runtimes
from benchlib.stages.bundles import obtained
from benchlib.trial import Trial
from benchlib.way import Way
from benchlib.worker.client import WorkerError

if TYPE_CHECKING:
    from benchlib.stages.steps import TrialRun


@dataclass(frozen=True)
class Judge:
    """The outputs that count as right, by the number of the set of inputs."""

    trial: Trial
    task: str  # of the model, where its source says
    reference: artifacts.Entry  # outputs of the judge's way in the trial's dtype
    exact: artifacts.Entry | None  # those of float64
    fallback: str = ""  # why float64 is not the judge

    @property
    def sets(self) -> list[int]:
        """The sets of inputs that the judge runs on; 0 is the recorded one."""
        return sorted(map(int, self.reference.facts["hashes"]))

    @property
    def name(self) -> str:
        own = f"{self.trial.source()[0].judged_by}{', float64' if self.exact else ''}"
        given = self.reference.facts.get("given", [])
        return own if not given else "given outputs" + ("" if len(given) == len(self.sets) else f", else {own}")

    @property
    def recorded(self) -> Path:
        """The reference's outputs for the recorded inputs."""
        return self.reference.path / "outputs-0.npz"

    def knows(self, number: int, digest: str) -> bool:
        """Whether outputs with this hash are, to the bit, those of the reference."""
        return self.reference.facts["hashes"][str(number)] == digest

    def verdict(self, files: Mapping[int, Path]) -> accuracy.Check:
        """The comparison of a session's outputs, a file for each set of inputs."""
        result = accuracy.combined({n: self.compare(n, path, discrepancies=n == 0) for n, path in files.items()})
        seeds = [f"({self.trial.seed}, {number})" if number else "recorded" for number in files]
        result.metrics |= {"judged_by": self.name, "judge_fallback": self.fallback, "input_seeds": ", ".join(seeds)}
        return result

    def compare(self, number: int, path: Path, discrepancies: bool = False) -> accuracy.Check:
        """The comparison at one set of inputs; with the metrics `discrepancies_*` if asked for."""
        file = f"outputs-{number}.npz"
        reference = tensors.load(self.reference.path / file)[0]
        found = accuracy.in_order_of(reference, tensors.load(path)[0])
        tolerance = accuracy.tolerance_for(self.trial.way.computes(self.trial.dtype), self.trial.tolerance)
        check = accuracy.compare(
            found,
            reference,
            self.trial.dtype,
            exact=accuracy.in_order_of(reference, tensors.load(self.exact.path / file)[0]) if self.exact else None,
            own=self.exact.facts["own"][str(number)] if self.exact else None,
            tolerance=tolerance,
            task=self.task,
        )
        if discrepancies and check.rows:
            check.metrics |= accuracy.discrepancies(found, reference, tolerance)
        return check


def judge_of(run: TrialRun, inputs: Mapping[int, Path] | None = None, shapes: list[dict[str, int]] = ()) -> Judge:
    """The judge of a trial; computes its outputs where the cache has none. Raises WorkerError.

    It judges at the recorded inputs and the sets derived from them; or at `inputs`, files by number, which were made
    from the recorded ones for these `shapes`.
    """
    trial, task = run.trial, run.model.meta["facts"].get("model_task") or ""
    inputs = inputs or {0: run.model.inputs, **run.model.compared_sets}
    reference = _kept(run, trial.judge_way, trial.device, inputs, shapes)
    if trial.exact_way is None:
        return Judge(trial, task, reference, None)
    try:
        exact = _kept(run, trial.exact_way, "cpu", inputs, shapes, against=reference)
    except WorkerError as error:
        if error.kind != "oom":  # with more memory it may be there the next time, so nothing is kept
            raise
        return Judge(trial, task, reference, None, error.message)
    problem = exact.facts["problem"]
    return Judge(trial, task, reference, None if problem else exact, problem)


def verdict(run: TrialRun, hashes: list[dict[int, str]], files: list[dict[int, Path]]) -> accuracy.Check:
    """That of the trial's own way, which is the last contender; a wrong reference spoils it, as there is nothing to
    be faster than. `hashes` and `files` are those of each contender's outputs, by set of inputs."""
    own = run.judge.verdict(files[-1])
    for index in range(len(files) - 1):
        if not all(run.judge.knows(*item) for item in hashes[index].items()):
            spoilt(own, run, index, run.judge.verdict(files[index]))
    return own


def spoilt(own: accuracy.Check, run: TrialRun, index: int, later: accuracy.Check, when: str = "") -> None:
    """Takes what was found of a contender's outputs into the verdict on the trial's own way."""
    if own.equal and not later.equal:
        whose = "" if index == len(run.ways) - 1 else f"the reference, {run.ways[index].label}: "
        own.equal, own.problem = False, f"{when}{whose}{later.problem}"


def _kept(
    run: TrialRun,
    way: Way,
    device: str,
    inputs: Mapping[int, Path],
    shapes: list[dict[str, int]],
    against: artifacts.Entry | None = None,
) -> artifacts.Entry:
    """The outputs of a way for sets of inputs, from the cache or computed now. `against` holds those of the
    reference, when the way is its float64."""
    recorded = {0: run.model.inputs, **run.model.compared_sets}
    name, registered = run.trial.model_name, ((exporters, way.exporter), (runtimes, way.runtime))
    decided_by = {
        "model": run.model.key,
        "way": vars(way),
        "device": device,
        "packages": {p: machine.package_version(p) for r, n in registered for p in r.get(n).packages},
        "code": [code_of(r, n) for r, n in registered],
        "against": against.address if against else "",
        "shapes": shapes,
    }

    def build(folder: Path, facts: dict[str, Any]) -> None:
        if against is None:
            facts |= _right(run, way, device, inputs, folder, run.model.expected if inputs == recorded else {})
        else:
            facts |= _exact(run, way, inputs, against, folder)

    return obtained("outputs", name, decided_by, build, run.launcher.left)[0]


def _right(
    run: TrialRun,
    way: Way,
    device: str,
    inputs: Mapping[int, Path],
    folder: Path,
    given: Mapping[int, tuple[Path, str]],
) -> dict[str, Any]:
    """The outputs that were `given` (a file and its hash), and a way's for the other sets of inputs: none where that
    way does not run the model at all, which a runtime that is asked for may well do."""
    for number, (file, _) in given.items():
        shutil.copyfile(file, folder / f"outputs-{number}.npz")
    hashes = {str(number): digest for number, (_, digest) in given.items()}
    others = {number: file for number, file in inputs.items() if number not in given}
    try:
        found = _computed(run, way, device, others, folder) if others else {"hashes": {}, "left_out": {}}
    except WorkerError as error:
        if not given or error.kind not in ("failed", "refused"):
            raise
        found = {"hashes": {}, "left_out": {str(number): _line(error) for number in others}}
    return {"hashes": hashes | found["hashes"], "left_out": found["left_out"], "given": sorted(given)}


def _computed(run: TrialRun, way: Way, device: str, inputs: Mapping[int, Path], folder: Path) -> dict[str, Any]:
    """Runs a way on sets of inputs. One on which it fails is left out, the recorded one excepted: what is derived
    from it need not be legal."""
    hashes, left_out = {}, {}
    with _session(run, way, device) as opened:
        for number, file in inputs.items():
            path = folder / f"outputs-{number}.npz"
            try:
                hashes[str(number)] = opened.outputs_for(file, path, thin=number > 0)["hash"]
            except WorkerError as error:
                if number == 0 or error.kind != "failed":
                    raise
                left_out[str(number)] = _line(error)
    return {"hashes": hashes, "left_out": left_out}


def _exact(
    run: TrialRun, way: Way, inputs: Mapping[int, Path], reference: artifacts.Entry, folder: Path
) -> dict[str, Any]:
    """The same in float64, with the reference's own error, or the problem with it."""
    if reason := no_exact(run.model.meta["facts"]):
        raise WorkerError("oom", "OutOfMemory", reason)
    wanted = sorted(map(int, reference.facts["hashes"]))
    try:
        found = _computed(run, way, "cpu", {number: inputs[number] for number in wanted}, folder)
    except WorkerError as error:
        if error.kind != "failed":
            raise
        return {"problem": _line(error)}
    own = {}
    for number in wanted:
        if str(number) in found["left_out"]:
            return {"problem": found["left_out"][str(number)]}
        theirs, _ = tensors.load(reference.path / f"outputs-{number}.npz")
        right = accuracy.in_order_of(theirs, tensors.load(folder / f"outputs-{number}.npz")[0])
        problem = accuracy.misfit(theirs, right)
        if not problem:
            own[str(number)] = accuracy.own_error(theirs, right)
            problem = accuracy.too_large(own[str(number)], right, run.trial.dtype)
        if problem:
            return {"problem": problem}
    return {**found, "own": own, "problem": ""}


def _line(error: WorkerError) -> str:
    return f"{error.type}: {error.message.strip().partition(chr(10))[0]}"


@contextlib.contextmanager
def _session(run: TrialRun, way: Way, device: str) -> Iterator[controller.Opened]:
    """The contender of that way, which is open already, or a session in a worker that ends with the block."""
    if way in run.ways and device == run.trial.device:
        yield run.opened[run.ways.index(way)]
        return
    workers = run.launcher.workers
    before = len(workers)
    try:
        contender = run.contender(way, device)
        yield controller.open_contender(contender, run.launcher, run.level.start, 0, run.trial.seed, "judge")
    finally:
        for worker in workers[before:]:
            worker.kill()
        del workers[before:]
