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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.fingerprint import code_of
from benchlib.registries import exporters, passes
from benchlib.stages.bundles import Model, obtained
from benchlib.trial import Trial
from benchlib.way import PassCall, Way, key_of
from benchlib.worker.client import Worker, WorkerError

EXAMPLES = ("inputs.npz", "outputs.npz")  # what the export was made with, and what eager answered
EXPLAINING = 60.0  # seconds, at most, that looking for the submodule which does not export may take


@dataclass
class Artifact:
    """What a way is opened from: its file, the facts of its making, and whether all of it was there before."""

    file: Path
    facts: dict[str, Any]
    address: str = ""  # in the cache; empty when the artifact is the saved model itself
    cached: bool = False
    key: str = ""
    ran: list[str] = field(default_factory=list)  # the stages that had to run
    exporter: str = ""


@dataclass(frozen=True)
class Builder:
    """Makes the artifacts of one trial, in the trial's builder worker where the cache has none."""

    trial: Trial
    model: Model
    worker: Callable[[], Worker]
    left: Callable[[], float]  # seconds that a request may take
    waiting: Callable[[str], None]  # told who builds the same just now

    def artifact(self, way: Way) -> Artifact:
        """The artifact of a way. Raises WorkerError, with the stage: `export` or `pass`."""
        exporter = exporters.get(way.exporter)
        if exporter.export is None:
            return Artifact(self.model.saved, {} if exporter.compiles else {"time_export": 0.0})
        found = self._exported(way)
        for call in way.passes:
            found = self._passed(way, call, found)
        return found

    def _exported(self, way: Way) -> Artifact:
        decided_by = {
            "model": self.model.free_key if way.dynamic else self.model.key,
            "exporter": way.exporter,
            "options": dict(way.exporter_args),
            "target_opset": way.target_opset,
            "axes": free_axes(way, self.model),
            "opt_patterns": way.opt_patterns if exporters.get(way.exporter).own_patterns else "",
            "packages": {p: machine.package_version(p) for p in exporters.get(way.exporter).packages},
            "code": code_of(exporters, way.exporter),
        }
        request = export_request(way, self.model)

        def build(folder: Path, facts: dict[str, Any]) -> None:
            with self._logged(folder, f"log_{_plain(way.exporter)}.txt"):
                reply = self._asked("export", path=str(folder / "model"), **request)
            # A ready file stays where it is; what was written here moves with the entry.
            file = Path(reply["file"])
            facts.update(reply, file=file.name if file.is_relative_to(folder) else str(file))
            facts["stages"] = [_stage(way.exporter, "export", reply["time_export"], facts)]

        return self._obtained("export", way.exporter, way, decided_by, build)

    def _passed(self, way: Way, call: PassCall, before: Artifact) -> Artifact:
        plugin, options = passes.get(call.name), way.options_of(call.name)
        calibration = [self.model.inputs, *self.model.compared_sets.values()] if plugin.needs_inputs else []
        decided_by = {
            "from": before.key,
            "exporter": way.exporter,
            "passes": [[done["name"], done["without"]] for done in before.facts.get("passes", [])]
            + [[call.name, list(call.without)]],
            "options": options,
            "inputs": self.model.meta["facts"]["input_hash"] if calibration else "",
            "packages": {p: machine.package_version(p) for p in plugin.packages},
            "code": code_of(passes, call.name),
        }
        request = {
            "name": call.name,
            "source": str(before.file),
            "options": options,
            "without": list(call.without),
            "inputs": [str(file) for file in calibration],
            "model_facts": self.model.meta["facts"],
            "device": self.trial.device,
        }

        def build(folder: Path, facts: dict[str, Any]) -> None:
            for name in EXAMPLES:
                _shared(before.file.parent / name, folder / name)
            with self._logged(folder, f"log_{_plain(call.name)}.txt"):
                reply = self._asked("apply_pass", target=str(folder / "model.onnx"), **request)
            facts |= before.facts | reply["facts"] | {"file": "model.onnx", "onnx_optimized": 1}
            facts["passes"] = [*before.facts.get("passes", []), _change(call, way, before.facts, reply)]
            facts["time_passes"] = sum(done["seconds"] for done in facts["passes"])
            facts["stages"] = [*before.facts["stages"], _stage(call.name, "pass", reply["seconds"], facts)]

        return self._obtained("pass", call.name, way, decided_by, build, before.ran)

    def _obtained(
        self,
        stage: str,
        name: str,
        way: Way,
        decided_by: dict[str, Any],
        build: Callable[[Path, dict[str, Any]], None],
        ran: list[str] | None = None,
    ) -> Artifact:
        """What a stage leaves, found or made now; `ran` are the stages before it that had to run."""
        key, model = key_of(decided_by), self.trial.model_name
        try:
            entry, cached = obtained("artifacts", model, decided_by, build, self.left, self.waiting)
        except WorkerError as error:
            error.stage = stage
            told = {"stage": stage, "kind": error.kind, "type": error.type, "message": error.message}
            logs = [self.worker().log] if error.kind == "failed" else []  # a worker that died has left its own
            artifacts.failed("artifacts", model, key, decided_by, told | {"traceback": error.traceback}, logs)
            raise
        ran = [*(ran or []), *([] if cached else [name])]
        file = entry.path / entry.facts["file"]
        return Artifact(file, entry.facts, entry.address, not ran, key, ran, way.exporter)

    def _asked(self, verb: str, **request: Any) -> dict[str, Any]:
        """The worker's reply; the failure of an export is told with the smallest part of the model that fails too."""
        try:
            return self.worker().ask(verb, self.left(), **request)
        except WorkerError as error:
            if verb == "export" and error.kind == "failed":
                error.report = {"exception": error.type, "message": error.message, "smallest": self._smallest(request)}
            raise

    def _smallest(self, request: dict[str, Any]) -> dict[str, Any]:
        """The smallest submodule that does not export either; {} where that could not be found out."""
        seconds = min(EXPLAINING, self.left() / 2)
        try:
            found = self.worker().ask("explain_failure", self.left(), seconds=seconds, **request)
        except WorkerError:
            return {}
        return found["smallest"] or {}

    @contextlib.contextmanager
    def _logged(self, folder: Path, name: str) -> Iterator[None]:
        """Keeps what the worker prints inside the block as a file of its own."""
        log = self.worker().log
        begin = log.stat().st_size if log.exists() else 0
        try:
            yield
        finally:
            with contextlib.suppress(OSError), log.open("rb") as file:
                file.seek(begin)
                (folder / name).write_bytes(file.read())


def free_axes(way: Way, model: Model) -> dict[str, dict[str, str]]:
    """Which dimensions a way leaves free, by the flat name of an input. Raises WorkerError where there is none."""
    if not way.dynamic:
        return {}
    axes = model.meta["axes"]
    if not axes:
        reason = "dynamic: no dimension of the model's inputs is known to follow batch_size or seq_length"
        raise WorkerError("refused", "Refused", reason)
    return axes


def export_request(way: Way, model: Model) -> dict[str, Any]:
    """The arguments of the worker's `export` for a way, but for the path."""
    exporter = exporters.get(way.exporter)
    return {
        "exporter": way.exporter,
        "bundle": str(model.path),
        "options": {k: o.default for k, o in exporter.options.items()} | dict(way.exporter_args),
        "target_opset": way.target_opset,
        "axes": free_axes(way, model),
        "opt_patterns": way.opt_patterns if exporter.own_patterns else "",
    }


def _change(call: PassCall, way: Way, before: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    """What a pass did to the graph."""
    after = reply["facts"]
    found = {
        "name": call.name,
        "without": list(call.without),
        "options": dict(way.pass_args.get(call.name, {})),
        "seconds": reply["seconds"],
    }
    for word, facts in (("before", before), ("after", after)):
        found |= {
            f"size_{word}": facts["onnx_filesize"],
            f"nodes_{word}": facts["onnx_n_nodes"],
            f"operators_{word}": facts["operators"],
        }
    return found | reply["more"]


def _stage(name: str, kind: str, seconds: float, facts: dict[str, Any]) -> dict[str, Any]:
    shown = {n: facts[n] for n in ("onnx_filesize", "onnx_n_nodes", "onnx_opset") if n in facts}
    return {"name": name, "kind": kind, "seconds": seconds, "log": f"log_{_plain(name)}.txt", **shown}


def _plain(name: str) -> str:
    """The name of a plug-in as a part of a file's name: `mine` of `path/to/file.py:mine`."""
    return name.rpartition(":")[2]


def _shared(source: Path, target: Path) -> None:
    """The same file in another entry, without a copy where the file system allows."""
    if source.exists():
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
