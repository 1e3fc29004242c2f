"""The artifact of a way: the saved model, a ready file, or what exporting and every pass after it left.

Each stage is an entry of the cache, so that ways which begin alike share their beginning: `onnx_dynamo`,
`onnx_dynamo+ir` and `onnx_dynamo+ort` export once. What an entry is keyed by decides its file and nothing else does:
with free shapes the sizes of the example inputs are no part of it, and whoever comes second, at another batch size,
finds the export made. Beside the file lie the log of each stage, the inputs that it was exported with and eager's
outputs for them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.fingerprint import code_of, environment
from benchlib.record import ExportReport, SmallestFailure
from benchlib.record.metadata import Artifact, BuildStage, FreeAxes, PassStep
from benchlib.record.metrics import Metrics
from benchlib.registries import exporters, passes
from benchlib.stages.builder import Builder
from benchlib.stages.context import Context
from benchlib.stages.loading import Model, obtain
from benchlib.typed_json import from_json, to_json
from benchlib.way import PassCall, Way, key_of
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import AppliedPass, ApplyPass, ExplainFailure, ExportModel

EXAMPLES = ("inputs.npz", "outputs.npz")  # what the export was made with, and what eager answered
_VERBS = "benchlib.worker.building"  # those that export and apply passes
EXPLAINING = 60.0  # seconds, at most, that looking for the submodule which does not export may take


@dataclass(frozen=True)
class BuiltArtifact:
    """What a way is opened from, and where it came from."""

    file: Path
    metadata: Artifact
    address: str = ""  # in the cache; empty when the artifact is the saved model itself
    key: str = ""
    exporter: str = ""
    stages_run: tuple[str, ...] = ()  # those that were not in the cache

    @property
    def cached(self) -> bool:
        """Whether all of it was in the cache."""
        return bool(self.key) and not self.stages_run

    @property
    def exported_now(self) -> bool:
        """Whether the export itself was made in this trial."""
        return self.stages_run[:1] == (self.exporter,)


def export_all(context: Context, model: Model, builder: Builder) -> Iterator[tuple[str, BuiltArtifact]]:
    """The artifact of every way that the trial needs, with the way's label, as soon as it is made: the contenders' and
    the ground truth's.

    Raises:
        WorkerError: with the stage, `export` or `pass`.
    """
    trial, exports = context.trial, _Exports(context, model, builder)
    labels: set[str] = set()
    for way in filter(None, [*context.ways, trial.judge_way, trial.exact_way]):
        if way.label not in labels:
            labels.add(way.label)
            yield way.label, exports.artifact(way)
    builder.end()


def export_model_request(way: Way, model: Model) -> ExportModel:
    """What a worker is asked to export for a way; its path is that of the saved model until it is replaced.

    Raises:
        WorkerError: where the way leaves shapes free and the model has none.
    """
    exporter = exporters.get(way.exporter)
    return ExportModel(
        exporter=way.exporter,
        model=model.path,
        path=model.path,
        exporter_args={k: o.default for k, o in exporter.options.items()} | dict(way.exporter_args),
        target_opset=way.target_opset,
        axes=_free_axes(way, model),
        opt_patterns=way.opt_patterns if exporter.own_patterns else "",
    )


@dataclass(frozen=True)
class _Exports:
    """Makes artifacts in the builder where the cache has none."""

    context: Context
    model: Model
    builder: Builder

    def artifact(self, way: Way) -> BuiltArtifact:
        exporter = exporters.get(way.exporter)
        if exporter.export is None:
            # The saved module is the artifact. A compiler's export is its first call, so its time is not known yet.
            seconds = None if exporter.compiles else 0.0
            return BuiltArtifact(self.model.module_file, Artifact(self.model.module_file, seconds))
        built = self._export(way)
        for call in way.passes:
            built = self._apply(way, call, built)
        return built

    def _export(self, way: Way) -> BuiltArtifact:
        exporter = exporters.get(way.exporter)
        request = export_model_request(way, self.model)
        decided_by = {
            "model": self.model.free_key if way.dynamic else self.model.key,
            "exporter": way.exporter,
            "options": dict(way.exporter_args),
            "target_opset": way.target_opset,
            "axes": request.axes,
            "opt_patterns": request.opt_patterns,
            "packages": {p: machine.package_version(p) for p in exporter.packages},
            "environment": environment(),
            "processor": machine.processor_name(),
            "code": code_of(exporters, way.exporter, _VERBS),
        }

        def build(folder: Path) -> Artifact:
            with self._logged(folder, way.exporter):
                exported = self._ask_for_export(replace(request, path=folder / "model"))
            # A ready file stays where it is; what was written here moves with the entry.
            file = exported.file.relative_to(folder) if exported.file.is_relative_to(folder) else exported.file
            stage = _stage(way.exporter, "export", exported.time_export or 0.0, exported.metrics)
            return replace(exported, file=file, stages=[stage])

        return self._obtain("export", way.exporter, way, decided_by, build)

    def _apply(self, way: Way, call: PassCall, before: BuiltArtifact) -> BuiltArtifact:
        plugin, options, metadata = passes.get(call.name), way.options_of(call.name), self.model.metadata
        calibration = self.model.calibration_sets if plugin.needs_inputs else []
        decided_by = {
            "from": before.key,
            "exporter": way.exporter,
            "passes": [[step.name, step.without] for step in before.metadata.passes] + [[call.name, [*call.without]]],
            "options": options,
            "inputs": metadata.calibration if calibration else [],
            "packages": {p: machine.package_version(p) for p in plugin.packages},
            "environment": environment(),
            "processor": machine.processor_name(),
            "code": code_of(passes, call.name, _VERBS),
        }

        def build(folder: Path) -> Artifact:
            for name in EXAMPLES:
                _link(before.file.parent / name, folder / name)
            target = folder / "model.onnx"
            request = ApplyPass(
                name=call.name,
                source=before.file,
                target=target,
                options=dict(options),
                without=[*call.without],
                inputs=calibration,
                model_facts={**metadata.metrics, **metadata.details},
                device=self.context.trial.device,
            )
            with self._logged(folder, call.name):
                applied = self.builder.ask(request)
            return _after_pass(before.metadata, call, way, applied)

        return self._obtain("pass", call.name, way, decided_by, build, before.stages_run)

    def _obtain(
        self,
        stage: str,
        name: str,
        way: Way,
        decided_by: dict[str, Any],
        build: Callable[[Path], Artifact],
        stages_run: tuple[str, ...] = (),  # those before it that had to run
    ) -> BuiltArtifact:
        """What a stage leaves, from the cache or made now."""
        key, model = key_of(decided_by), self.context.trial.model_name

        def store(folder: Path, facts: dict[str, Any]) -> None:
            facts.update(to_json(build(folder)))

        try:
            entry, cached = obtain("artifacts", model, decided_by, store, self.context.launcher.left, _say_waiting)
        except WorkerError as error:
            error.stage = stage
            told = {"stage": stage, "kind": error.kind, "type": error.type, "message": error.message}
            logs = [self.builder.log] if error.kind == "failed" else []  # a worker that died has left its own
            artifacts.failed("artifacts", model, key, decided_by, told | {"traceback": error.traceback}, logs)
            raise
        metadata = from_json(Artifact, entry.facts)
        run = stages_run if cached else (*stages_run, name)
        return BuiltArtifact(entry.path / metadata.file, metadata, entry.address, key, way.exporter, run)

    def _ask_for_export(self, request: ExportModel) -> Artifact:
        """The export; of one that fails the smallest part of the model that fails too goes with the error."""
        try:
            return self.builder.ask(request)
        except WorkerError as error:
            if error.kind == "failed":
                error.report = ExportReport(error.type, error.message, self._smallest_failure(request))
            raise

    def _smallest_failure(self, request: ExportModel) -> SmallestFailure | None:
        """The smallest submodule that does not export either; None where that could not be found out."""
        try:
            seconds = min(EXPLAINING, self.context.launcher.left() / 2)
            return self.builder.ask(ExplainFailure(request, seconds)).smallest
        except WorkerError:
            return None

    @contextlib.contextmanager
    def _logged(self, folder: Path, plugin: str) -> Iterator[None]:
        """Keeps what the builder prints inside the block as a file of its own."""
        log = self.builder.log
        begin = log.stat().st_size if log.exists() else 0
        try:
            yield
        finally:
            with contextlib.suppress(OSError), log.open("rb") as file:
                file.seek(begin)
                (folder / _log_name(plugin)).write_bytes(file.read())


def _free_axes(way: Way, model: Model) -> FreeAxes:
    """Which dimensions a way leaves free, by the flat name of an input."""
    if way.dynamic and not model.metadata.axes:
        reason = "dynamic: no dimension of the model's inputs is known to follow batch_size or seq_length"
        raise WorkerError("refused", "Refused", reason)
    return model.metadata.axes if way.dynamic else {}


def _after_pass(before: Artifact, call: PassCall, way: Way, applied: AppliedPass) -> Artifact:
    """The artifact behind a pass: the new graph, and what the pass did to it."""
    step = PassStep(
        name=call.name,
        seconds=applied.seconds,
        size_before=before.metrics["onnx_filesize"],
        size_after=applied.metrics["onnx_filesize"],
        nodes_before=before.metrics["onnx_n_nodes"],
        nodes_after=applied.metrics["onnx_n_nodes"],
        operators_before=before.operators or {},
        operators_after=applied.operators,
        without=[*call.without],
        options=dict(way.pass_args.get(call.name, {})),
        details=applied.details,
    )
    steps = [*before.passes, step]
    metrics = before.metrics | applied.metrics
    metrics |= {"onnx_optimized": 1, "time_passes": sum(step.seconds for step in steps)}
    return replace(
        before,
        file=Path("model.onnx"),
        operators=applied.operators,
        passes=steps,
        stages=[*before.stages, _stage(call.name, "pass", applied.seconds, metrics)],
        metrics=metrics,
    )


def _stage(name: str, kind: str, seconds: float, metrics: Metrics) -> BuildStage:
    size, nodes, opset = (metrics.get(name) for name in ("onnx_filesize", "onnx_n_nodes", "onnx_opset"))
    return BuildStage(name, kind, seconds, _log_name(name), size, nodes, opset)


def _log_name(plugin: str) -> str:
    """Of a plug-in in a user's file, `path/to/file.py:mine`, its own name is enough."""
    return f"log_{plugin.rpartition(':')[2]}.txt"


def _link(source: Path, target: Path) -> None:
    """The same file in another entry, without a copy where the file system allows."""
    if source.exists():
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def _say_waiting(builder: str) -> None:
    print(f"waiting for an artifact: {builder} builds the same")
