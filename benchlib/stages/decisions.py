"""What an export fixed for the recorded inputs: decisions about values that a trace keeps, inputs that a graph lost.

Both are questions about the model: it is traced in a process of its own (`benchlib.worker.tracing`), once for a model
and its sets of inputs, and the report is kept in the cache. A decision about values that some compared set takes
otherwise is settled by the outputs on that set. One that matters and that none takes otherwise leaves a way that traces
`unverified`; one about shapes never does.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from benchlib import machine, tensors
from benchlib.fingerprint import code_of
from benchlib.record import Decision
from benchlib.record.metrics import Metrics
from benchlib.registries import exporters, sources
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.loading import Model, obtain
from benchlib.typed_json import from_json, to_json
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import ExamineTrace, TraceReport

TRYING = 120.0  # seconds, at most, in which decisions are turned over
_SHARE = 0.5  # of the time that is left to the step, which the whole examination may take
# What decides a report.
_DECIDING = ("benchlib.worker.conversions", "benchlib.worker.traced", "benchlib.worker.tracing")
_UNEXAMINED = "what the trace decided on values could not be examined"


class Truth(Protocol):
    """What is asked of a ground truth here (`benchlib.stages.ground_truth.GroundTruth`)."""

    @property
    def compared(self) -> Sequence[int]:
        """The numbers of the sets of inputs that contenders are compared on; 0 is the recorded one."""

    def depends_on(self, name: str) -> bool | None:
        """Whether its outputs change where this input alone does; None: no set moves it alone."""


@dataclass(frozen=True)
class Decisions:
    """What is to be said of a way's graph besides its outputs."""

    problem: str = ""  # why it is wrong: it lost an input that the outputs depend on
    unverified: str = ""  # why equal outputs prove nothing
    metrics: Metrics = field(default_factory=Metrics)
    decisions: list[Decision] = field(default_factory=list)


def examine(context: Context, model: Model, artifacts: Mapping[str, BuiltArtifact], truth: Truth) -> Decisions:
    """What the trial's own way decided for the recorded inputs.

    Args:
        context: of the trial.
        model: as it lies in the cache, with its sets of inputs.
        artifacts: by the label of their way; the trial's own among them.
        truth: the ground truth, which knows what its outputs depend on.
    """
    look = _Look(context, model, artifacts, truth)
    lost, frozen = look.lost_inputs(), look.frozen()
    unverified = "; ".join(filter(None, [frozen.unverified, lost.unverified]))
    return Decisions(lost.problem, unverified, lost.metrics | frozen.metrics, frozen.decisions)


class _Unfinished(Exception):
    """There was no time for all of a report."""

    def __init__(self, report: TraceReport):
        super().__init__("the examination was not finished")
        self.report = report


@dataclass(frozen=True)
class _Look:
    context: Context
    model: Model
    artifacts: Mapping[str, BuiltArtifact]
    truth: Truth

    @property
    def built(self) -> BuiltArtifact:
        """The artifact of the trial's own way."""
        return self.artifacts[self.context.trial.way.label]

    # -- inputs ----------------------------------------------------------------------------------

    def lost_inputs(self) -> Decisions:
        """Tensors of the model whose values its graph does not take: wrong where the ground truth depends on them."""
        lost = self._missing(self.built)
        if not lost:
            return Decisions()
        depends = {name: self.truth.depends_on(name) for name in lost}
        needed = [name for name in lost if depends[name]]
        unknown = [name for name in lost if depends[name] is None and name not in self._ignored_anyway]
        ignored = [name for name in lost if name not in needed + unknown]
        problem = f"{_no_inputs(needed)}, and the outputs depend on {_it(needed)}" if needed else ""
        unverified = f"{_no_inputs(unknown)}, and no set of inputs moves {_it(unknown)} alone" if unknown else ""
        metrics = Metrics(inputs_ignored=", ".join(ignored)) if ignored else Metrics()
        return Decisions(problem, unverified, metrics)

    def _missing(self, built: BuiltArtifact) -> list[str]:
        """The model's tensors that an artifact's outputs are not computed from; none where that is not known."""
        metrics = built.metadata.metrics
        if "graph_inputs_used" not in metrics:
            return []
        names, used = self._names, _listed(metrics["graph_inputs_used"])
        graph = _listed(metrics.get("onnx_input_names", "")) or names
        nested = tuple(f"{name}_" for name in used if name not in names)  # a sequence of tensors is one input of ONNX
        if len(graph) == len(names) and not {*graph} <= {*names}:  # a runtime binds these by position
            used = [name for name, of_graph in zip(names, graph, strict=True) if of_graph in used]
        return [name for name in names if name not in used and not (nested and name.startswith(nested))]

    @cached_property
    def _names(self) -> list[str]:
        return list(tensors.load(self.model.inputs)[0])

    @cached_property
    def _ignored_anyway(self) -> set[str]:
        """Inputs that the model itself asks nothing of: a ready file's own graph, or the module's Python."""
        judge = self.artifacts.get(self.context.trial.judge_way.label)
        if judge is not None and "graph_inputs_used" in judge.metadata.metrics:
            return {*self._missing(judge)}
        try:
            return {*self._report.unused} if self.model.module_file.exists() else set()
        except WorkerError:
            return set()

    # -- decisions -------------------------------------------------------------------------------

    def frozen(self) -> Decisions:
        """What a way that traces, or that drafts its graph, decided."""
        drafted = self.built.metadata.metrics.get("decisions") or ""
        maker = self.built.metadata.metrics.get("exporter_used") or self.context.trial.way.exporter
        if not (drafted or exporters.get(maker).traces) or not self.model.module_file.exists():
            return Decisions()
        try:
            report = self._report
        except WorkerError as error:
            return Decisions(unverified=f"{_UNEXAMINED}: {error.message.strip().partition(chr(10))[0]}")
        if report.failed:
            return Decisions(unverified=f"{_UNEXAMINED}: {report.failed}")
        by_values = [decision for decision in report.decisions if decision.origin == "input"]
        by_shapes = [decision for decision in report.decisions if decision.origin != "input"]
        told = [drafted, *(f"{place_of(d)} is {d.value} ({d.outcome})" for d in by_values)]
        metrics = Metrics(decisions="; ".join(filter(None, told))) if any(told) else Metrics()
        dynamic = self.context.trial.way.dynamic
        if dynamic:
            metrics["decisions_on_shapes"] = len(by_shapes)
        return Decisions(
            unverified=_open(by_values) or _random(report),
            metrics=metrics,
            decisions=by_values + (by_shapes if dynamic else []),
        )

    @cached_property
    def _report(self) -> TraceReport:
        """What tracing the model comes to, from the cache or found now. Raises WorkerError."""
        source, _ = self.context.trial.source()
        metadata, numbers = self.model.metadata, [n for n in self.truth.compared if n]
        sets = {0: self.model.inputs, **{n: self.model.input_sets[n] for n in numbers}}
        decided_by = {
            "model": self.model.key,
            "sets": {0: metadata.input_hash, **{n: metadata.input_sets[n].hash for n in numbers}},
            "packages": {p: machine.package_version(p) for p in ("torch", *source.packages)},
            "code": code_of(sources, source.name, *_DECIDING),
        }

        def build(folder: Path, facts: dict[str, Any]) -> None:
            report = self._trace(sets, folder / "log.txt")
            if report.unfinished:  # on a quieter host there may be time for all of it, so nothing is kept
                raise _Unfinished(report)
            facts |= to_json(report)

        left = self.context.launcher.left
        try:
            entry, _ = obtain("traces", self.context.trial.model_name, decided_by, build, left)
        except _Unfinished as unfinished:
            return unfinished.report
        return from_json(TraceReport, entry.facts)

    def _trace(self, sets: dict[int, Path], log: Path) -> TraceReport:
        """Asks a process of its own, which ends with the answer; no session serves, as it would be changed by it."""
        launcher = self.context.launcher
        worker = launcher.start("traces", self.context.level.start)
        try:
            seconds = launcher.left() * _SHARE
            return worker.ask(ExamineTrace(self.model.path, sets, min(TRYING, seconds / 2)), seconds)
        finally:
            worker.kill()
            launcher.workers.remove(worker)
            if worker.log.exists():
                shutil.copyfile(worker.log, log)


def _open(decisions: Sequence[Decision]) -> str:
    """Of those that matter and are settled by no set of inputs the first, in words; "" where there is none."""
    open_ = [decision for decision in decisions if not decision.settled]
    if not open_:
        return ""
    more = len({(decision.file, decision.line) for decision in open_}) - 1
    others = f" (the same at {more} other place{'s' if more > 1 else ''})" if more else ""
    place = place_of(open_[0])
    return f"{place} was decided for the recorded input, and no compared input decides otherwise{others}"


def _random(report: TraceReport) -> str:
    if not report.random:
        return ""
    return f"two traces of the recorded input differ at {report.random}: the model draws numbers, or keeps a state"


def place_of(decision: Decision) -> str:
    """`net.py:12: `if x.sum() > 0``, the code in backticks."""
    code = decision.code.removesuffix(":") or decision.kind
    return f"{decision.file}:{decision.line}: `{code}`"


def _listed(joined: str) -> list[str]:
    return joined.split("|") if joined else []


def _no_inputs(names: Sequence[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names)
    return f"{listed} {'is no input' if len(names) == 1 else 'are no inputs'} of the graph"


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
