"""The contenders of a trial: what each is opened from, and the sessions that are timed against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchlib.measure.contender import Contender, Opened, open_contender
from benchlib.registries import exporters, runtimes
from benchlib.stages.context import Context
from benchlib.stages.exporting import BuiltArtifact
from benchlib.stages.loading import Model
from benchlib.way import Way
from benchlib.worker.client import WorkerError
from benchlib.worker.messages import OpenSession


def contender_of(
    context: Context, model: Model, artifacts: Mapping[str, BuiltArtifact], way: Way, device: str
) -> Contender:
    """What is to be opened for a way on a device: the trial's parameters as the worker takes them."""
    exporter, runtime, trial = exporters.get(way.exporter), runtimes.get(way.runtime), context.trial
    request = OpenSession(
        runtime=way.runtime,
        artifact=artifacts[way.label].file,
        inputs=model.inputs,
        exporter=way.exporter,
        exporter_args={k: o.default for k, o in exporter.options.items()} | dict(way.exporter_args),
        positional=model.metadata.positional,
        device=device,
        provider=way.provider,
        threads=context.threads,
        rtopt=way.rtopt,
        runtime_args={k: o.default for k, o in runtime.options.items()} | dict(way.runtime_args),
        io=trial.io,
        cuda_graphs=way.cuda_graphs,
        dynamic=way.dynamic,
        import_paths=model.metadata.import_paths,
        collect_garbage=trial.gc,
    )
    return Contender(way.label, exporter.compiles, request)


def open_sessions(context: Context, model: Model, artifacts: Mapping[str, BuiltArtifact]) -> Iterator[Opened]:
    """Each contender, open in a worker of its own, in the order of the context's ways, as soon as it is.

    Raises:
        WorkerError: what opening came to, or that contenders hold other weights or inputs than the saved ones.
    """
    sessions = []
    for index, way in enumerate(context.ways):
        contender = contender_of(context, model, artifacts, way, context.trial.device)
        opened = open_contender(
            contender, context.launcher, context.level.start, 0, context.trial.seed, f"pair0-{index}"
        )
        opened.session.precision.setdefault("computes", way.computes(context.trial.dtype))
        sessions.append(opened)
        yield opened
    for opened in sessions:
        _require_equal(opened, "input_hash", opened.session.input_hash, model.metadata.input_hash)
    for opened in sessions:
        _require_equal(opened, "weights_hash", opened.session.weights_hash, model.metadata.weights_hash)


def _require_equal(opened: Opened, what: str, held: str | None, saved: str | None) -> None:
    """All contenders have to hold the same bytes; a runtime that cannot tell (an exported file) says nothing."""
    if saved and held and held != saved:
        label = opened.contender.label
        raise WorkerError("failed", "Mismatch", f"{label} holds {what} {held}, the saved model {saved}")
