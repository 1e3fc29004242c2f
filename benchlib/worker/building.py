"""What a builder worker can do: export the loaded model, and apply a pass to an exported graph."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.onnx_facts import onnx_facts
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import imported, model_of


@verb
def export(worker: Worker, request: dict) -> dict:
    """Runs an exporter on the loaded model (opened from its bundle when this worker did not load it). Beside the file
    it leaves the inputs that it exported with, and a module's own outputs for them."""
    from benchlib.registries import exporters

    exporter = exporters.get(request["exporter"])
    asked = export_request(worker, request)
    imported(exporter.packages)
    begin = time.perf_counter()
    facts = exporter.export(asked)
    seconds = time.perf_counter() - begin
    _keep_examples(asked.model, asked.path.parent)
    return {"time_export": seconds, "exported_at": _exported_at(asked), **facts}


@verb
def apply_pass(worker: Worker, request: dict) -> dict:
    """Applies a pass: {"seconds", "facts": the new graph's, "more": what the pass says itself}."""
    from benchlib.passes import PassRequest
    from benchlib.registries import passes

    plugin = passes.get(request["name"])
    imported(plugin.packages)
    asked = PassRequest(
        source=Path(request["source"]),
        target=Path(request["target"]),
        options=request["options"],
        without=tuple(request["without"]),
        inputs=tuple(map(Path, request["inputs"])),
        model_facts=request["model_facts"],
        device=request["device"],
    )
    # onnxruntime's tools leave files for debugging in the current folder, which is the user's.
    with tempfile.TemporaryDirectory(prefix="benchlib-") as folder, contextlib.chdir(folder):
        begin = time.perf_counter()
        more = plugin.apply(asked)
        seconds = time.perf_counter() - begin
    return {"seconds": seconds, "facts": onnx_facts(asked.target, optimized=True), "more": more}


def export_request(worker: Worker, request: dict) -> Any:
    """The ExportRequest of a request; with free shapes on examples that have at least two of each, as a dimension of
    one is taken for a constant."""
    from benchlib.exporters import ExportRequest
    from benchlib.models import _shape_sets

    model = model_of(worker, request)
    axes = {name: {int(axis): free for axis, free in own.items()} for name, own in request["axes"].items()}
    sizes = _shape_sets.sizes_of(model.inputs, axes)
    if any(size < 2 for size in sizes.values()):
        enough = {free: max(2, size) for free, size in sizes.items()}
        model = replace(model, inputs=_shape_sets.resized(model.inputs, axes, enough))
    if model.module is not None:
        model = replace(model, inputs=tensors.apply(tensors.to_torch, model.inputs))
    path, options = Path(request["path"]), request["options"]
    return ExportRequest(model, path, options, request["target_opset"], axes, request["opt_patterns"])


def _exported_at(asked: Any) -> dict[str, int]:
    """The sizes of the free dimensions in the examples."""
    from benchlib.models import _shape_sets

    return _shape_sets.sizes_of(asked.model.inputs, asked.axes)


def _keep_examples(model: Any, folder: Path) -> None:
    tensors.save(folder / "inputs.npz", model.inputs)
    if model.module is None:  # a ready file answers by a runtime only
        return
    import torch

    with torch.no_grad():
        tensors.save(folder / "outputs.npz", model.call())
