"""A trial as its notebook runs it: six steps, each of which notes its time and its failure.

What a step does with a failure stands in `benchlib.stages.guard`.
"""

from __future__ import annotations

import ast
import datetime
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchlib import accuracy, machine
from benchlib.errors import Unavailable, UnknownName, UserError
from benchlib.measure import controller
from benchlib.measure.levels import Level, level_of
from benchlib.measure.profile import profiled
from benchlib.mistakes import make
from benchlib.plan import details, estimate
from benchlib.plan.availability import lacks
from benchlib.plan.rules import refusal
from benchlib.registries import exporters, runtimes
from benchlib.stages import assemble, building, bundles, footprint, judge, machine_share, other_shapes, timing, views
from benchlib.stages.driver import tell
from benchlib.stages.guard import MEASURING_LIMIT, step
from benchlib.stages.warm import WarmServer
from benchlib.trial import Trial
from benchlib.way import Way
from benchlib.worker import process
from benchlib.worker.client import Worker, WorkerError


def begin(parameters: Mapping[str, Any]) -> TrialRun:
    """Starts a trial from a namespace that holds its parameters (a notebook's `globals()`). Raises UserError."""
    values = {name: parameters[name] for name in Trial.model_fields if name in parameters}
    if isinstance(values.get("model"), views.View):
        raise UserError("`model` is the loaded model by now: run the parameters cell again first")
    for name in _injected(parameters):
        if name not in Trial.model_fields:
            raise UnknownName("parameter", name, Trial.model_fields)
    return TrialRun(make(values))


def _injected(namespace: Mapping[str, Any]) -> list[str]:
    """The names that Papermill's `-p` and `-y` set: those assigned in the cell that it puts into the notebook."""
    cells = [source for source in namespace.get("In", ()) if source.startswith("# Parameters\n")]
    statements = [s for s in ast.parse(cells[-1]).body if isinstance(s, ast.Assign)] if cells else []
    return [target.id for s in statements for target in s.targets if isinstance(target, ast.Name)]


class TrialRun:
    """One trial on its way through the steps. The notebook keeps it in `trial`."""

    def __init__(self, trial: Trial):
        self._start(trial)

    def _start(self, trial: Trial) -> None:
        self.trial, self.key = trial, trial.key()
        self.began, self.clock = datetime.datetime.now(datetime.UTC), time.perf_counter()
        self.scratch = Path(tempfile.mkdtemp(prefix=f"benchlib-{self.key}-"))
        self.threads = trial.num_cores or machine.allowed_cores()
        self.warm = WarmServer(trial, self.threads)
        self.launcher = controller.Launcher(
            process.own_mark(self.key), self.threads, self.scratch, self.warm.lease, trial.timeout
        )
        self.level = level_of(trial)
        self.steps: dict[str, dict[str, Any]] = {}
        self.failure: dict[str, Any] | None = None
        self.check_result: accuracy.Check | None = None
        self.builder: Worker | None = None
        self.model: bundles.Model | None = None
        self.artifacts: dict[str, building.Artifact] = {}  # by the label of the way
        self.opened: list[controller.Opened] = []
        self.measurement: controller.Measurement | None = None
        self.course: list[dict[str, Any]] = []  # of each process, see timing.course
        self.memory: list[dict[str, Any]] = []  # of each contender, when it is asked for
        self.energy: dict[str, Any] = {}
        self.machine_share: dict[str, Any] = {}
        self.profile: list[dict[str, Any]] = []
        self.judge: judge.Judge | None = None
        self.output_size: int | None = None

    @property
    def ways(self) -> list[Way]:
        """The contenders' ways: the reference first where there is one, the trial's own last."""
        return [*filter(None, [self.trial.reference_way]), self.trial.way]

    @property
    def items(self) -> int:
        """How many items a call has: `batch_size`, but where a file or the inputs given with it say another number."""
        return self.model.meta["facts"].get("items", self.trial.batch_size)

    # -- the steps -------------------------------------------------------------------------------

    @step
    def load(self) -> views.ModelView:
        """Loads the model and one batch of inputs, in a worker; both are kept in the cache."""
        self._require()
        self.model = bundles.loaded(self.trial, self._builder, self.launcher.left, self._require_room)
        return views.ModelView(self.trial, self.model)

    @step
    def export(self) -> views.ArtifactView:
        """Makes the artifact of every contender: export and passes, each once."""
        build = building.Builder(self.trial, self.model, self._builder, self.launcher.left, self._waiting_for_build)
        for way in filter(None, [*self.ways, self.trial.judge_way, self.trial.exact_way]):
            if way.label not in self.artifacts:
                self.artifacts[way.label] = build.artifact(way)
        self._end_builder()
        return views.ArtifactView(self.trial, self.artifacts[self.trial.way.label])

    @step
    def open(self) -> views.SessionView:
        """Opens each contender in a worker of its own; the hashes of weights and inputs have to agree."""
        contenders = [self.contender(way, self.trial.device) for way in self.ways]
        for index, contender in enumerate(contenders):
            self.opened.append(self._open(contender, index))
            precision = self.opened[-1].facts.setdefault("precision", {})
            precision.setdefault("computes", self.ways[index].computes(self.trial.dtype))
        _require_equal(self.opened, "input_hash", self.model.meta["facts"]["input_hash"])
        _require_equal(self.opened, "weights_hash", self.model.meta["facts"].get("weights_hash"))
        return views.SessionView(self.trial, [(o.contender.label, o.facts) for o in self.opened])

    @step
    def check(self) -> views.CheckView:
        """Makes each session's first call, then one on each other set of inputs, and compares with the judge; with free
        shapes at other shapes too."""
        files = [{0: self.scratch / f"outputs-{index}.npz"} for index in range(len(self.opened))]
        replies = [{0: opened.outputs(file[0])} for opened, file in zip(self.opened, files, strict=True)]
        self.output_size = replies[-1][0]["output_size"]
        self.judge = judge.judge_of(self)
        for index, opened in enumerate(self.opened):
            for number in self.judge.sets[1:]:
                files[index][number] = self.scratch / f"outputs-{index}-{number}.npz"
                inputs = self.model.input_sets[number]
                replies[index][number] = opened.outputs_for(inputs, files[index][number], thin=True)
        hashes = [{number: reply["hash"] for number, reply in own.items()} for own in replies]
        self.check_result = judge.verdict(self, hashes, files)
        if self.trial.dynamic:
            other_shapes.check(self)
        return views.CheckView(self.trial, self.check_result)

    @step
    def measure(self) -> views.TimingView:
        """Times the contenders in interleaved rounds, in several processes each; then memory and energy, if asked."""
        for opened in self.opened:
            opened.contender = replace(opened.contender, turns=self._turns())
        contenders = [o.contender for o in self.opened]
        try:
            self.measurement = controller.measure(
                contenders,
                self.opened,
                self.launcher,
                self._measuring_level(),
                self.trial.seed,
                lambda done, total: self.progress(f"{done}/{total} processes"),
            )
            if self.trial.profile:
                self.profile = profiled(contenders[-1], self.launcher, self.level, self.trial.seed)
        finally:
            self.launcher.end()
        self.course = timing.course(self.measurement.samples)
        for pair, index, path in self.measurement.changed_outputs:
            when = f"after timing, in process {pair}: "
            judge.spoilt(self.check_result, self, index, self.judge.compare(0, path), when)
        found = timing.metrics(self)
        self.machine_share = machine_share.metrics(self, found["time_latency"])
        footprint.measure(self)
        found |= self.machine_share | footprint.metrics(self)
        return views.TimingView(self.trial, self.measurement.samples, found, self.profile)

    def record(self) -> views.RecordView:
        """The record of the trial, whatever came of it; displayed, it is stored in the notebook."""
        self.launcher.end()
        self.warm.close()
        tell("record", 60.0)
        record = assemble.record(self)
        shutil.rmtree(self.scratch, ignore_errors=True)
        return views.RecordView(record, self.measurement.samples if self.measurement else None)

    # -- by hand ---------------------------------------------------------------------------------

    def use(self, module: Any, inputs: Any = None) -> views.ModelView:
        """From here on `module` itself, edits included, is what is exported and timed.

        `inputs` are those of the model that was loaded, unless new ones are given.
        """
        from benchlib.artifacts import root
        from benchlib.models import python

        changes = {"label": self.trial.label or self.trial.model_name, "model_args": {}}
        if inputs is None:
            inputs, by_position = views.ModelView(self.trial, self.model).inputs, self.model.meta["positional"]
            inputs = [inputs[n] for n in by_position] if len(by_position) == len(inputs) else inputs
        else:
            changes |= {"batch_size": python.batch_of(inputs), "inputs": None}
        changes["model"] = python.store(module, inputs, root())
        self.launcher.end()
        self._start(make({**self.trial.model_dump(), **changes}))
        return self.load()

    # -- helpers ---------------------------------------------------------------------------------

    def _require(self) -> None:
        """Raises for what a plan would have told before: a rule that refuses, something that this machine lacks."""
        rule = refusal(self.trial)
        if rule:
            raise WorkerError("refused", "Refused", rule)
        missing = lacks(self.trial)
        if missing:
            raise Unavailable(missing)

    def _require_room(self) -> None:
        """Raises where the model would not fit here, which the builder finds out before it loads it."""
        found = details.looked_at(
            self.trial, lambda asked: self._builder().ask("details", self.launcher.left(), **asked)
        )
        rule = estimate.refusal(self.trial, found) or estimate.no_disk(self.trial, found)
        if rule:
            raise WorkerError("refused", "Refused", rule)

    def _builder(self) -> Worker:
        if self.builder is None:
            self.builder = self.launcher.start("builder", self.level.start)
        return self.builder

    def _end_builder(self) -> None:
        if self.builder:
            self.builder.end()
            self.launcher.workers.remove(self.builder)
            self.builder = None

    def contender(self, way: Way, device: str) -> controller.Contender:
        """What is to be opened for a way on a device."""
        exporter, runtime = exporters.get(way.exporter), runtimes.get(way.runtime)
        request = {
            "artifact": str(self.artifacts[way.label].file),
            "exporter": way.exporter,
            "exporter_args": {k: o.default for k, o in exporter.options.items()} | dict(way.exporter_args),
            "positional": self.model.meta["positional"],
            "device": device,
            "provider": way.provider,
            "threads": self.threads,
            "rtopt": way.rtopt,
            "options": {k: o.default for k, o in runtime.options.items()} | dict(way.runtime_args),
            "io": self.trial.io,
            "cuda_graphs": way.cuda_graphs,
            "dynamic": way.dynamic,
        }
        arguments = {
            "runtime": way.runtime,
            "request": request,
            "inputs": str(self.model.inputs),
            "import_paths": self.model.meta["import_paths"],
            "gc": self.trial.gc,
        }
        return controller.Contender(way.label, exporter.compiles, arguments)

    def _turns(self) -> dict[str, str]:
        """The sets of inputs that take turns while it is timed: none where a model refused one that was derived, nor
        where a captured graph reads at one address."""
        illegal = set(self.model.compared_sets) - set(self.judge.sets)
        return {} if illegal or any(way.cuda_graphs for way in self.ways) else self.model.turns

    def _measuring_level(self) -> Level:
        """Three replicates are enough of what compiles anew in each."""
        anew = any(exporters.get(w.exporter).compiles_anew(dict(w.exporter_args)) for w in self.ways)
        return replace(self.level, pairs=min(self.level.pairs, 3)) if anew else self.level

    def _open(self, contender: controller.Contender, index: int) -> controller.Opened:
        return controller.open_contender(
            contender, self.launcher, self.level.start, 0, self.trial.seed, f"pair0-{index}"
        )

    def progress(self, note: str) -> None:
        """Tells the driver how far measuring has come."""
        tell("measure", MEASURING_LIMIT, note)

    def _waiting(self, owner: str) -> None:
        print(f"waiting for this host: {owner} is being measured")

    def _waiting_for_build(self, builder: str) -> None:
        print(f"waiting for an artifact: {builder} builds the same")

    def _log_tail(self) -> str:
        return "\n".join(w.log_tail() for w in self.launcher.workers[-1:])


def _require_equal(opened: list[controller.Opened], fact: str, expected: str | None) -> None:
    """All contenders have to hold the same bytes; a runtime that cannot tell (an exported file) says nothing."""
    for o in opened:
        found = o.facts.get(fact)
        if expected and found and found != expected:
            raise WorkerError(
                "failed", "Mismatch", f"{o.contender.label} holds {fact} {found}, the saved model {expected}"
            )
