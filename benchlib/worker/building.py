"""What a builder worker can do: export the loaded model, and apply a pass to an exported graph."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchlib import tensors
from benchlib.errors import Refused, UserError
from benchlib.exporters import ExportRequest
from benchlib.models import LoadedModel, _shape_sets
from benchlib.models._onnx_graph import inputs_of, outputs_of
from benchlib.onnx_facts import onnx_facts
from benchlib.onnx_links import without_links
from benchlib.passes import PassRequest
from benchlib.record.metadata import Artifact, part_facts
from benchlib.registries import exporters, passes
from benchlib.structures import SOME
from benchlib.tensors import Inputs
from benchlib.worker.imports import import_packages
from benchlib.worker.messages import AppliedPass, ApplyPass, ExportModel
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import held_model


@verb
def export_model(worker: Worker, request: ExportModel) -> Artifact:
    """Runs an exporter on the loaded model. Beside the file it leaves the inputs that it exported with, and a module's
    own outputs for them."""
    exporter = exporters.get(request.exporter)
    export = _export_request(worker, request)
    import_packages(exporter.packages)
    begin = time.perf_counter()
    try:
        facts = exporter.export(export)
    except Exception as error:
        _refuse_objects(export.model, request.exporter, error)
        raise
    seconds = time.perf_counter() - begin
    outputs = _keep_examples(export.model, request.path.parent)
    artifact = _artifact(facts, seconds, _shape_sets.sizes_of(tensors.leaves_of(export.model.inputs), export.axes))
    if artifact.metrics.get("onnx_model") and (pairs := _given_as_pairs(artifact.file, export.model.inputs, outputs)):
        artifact.metrics["complex_as_pairs"] = "|".join(pairs)
    return artifact


@verb
def apply_pass(worker: Worker, request: ApplyPass) -> AppliedPass:
    """Applies a pass, and reads the graph that it left."""
    plugin = passes.get(request.name)
    import_packages(plugin.packages)
    # onnxruntime's tools leave files for debugging in the current folder, which is the user's.
    with (
        without_links(request.source) as source,
        tempfile.TemporaryDirectory(prefix="benchlib-") as folder,
        contextlib.chdir(folder),
    ):
        wanted = PassRequest(
            source=source,
            target=request.target,
            options=request.options,
            without=tuple(request.without),
            inputs=tuple(request.inputs),
            model_facts=request.model_facts,
            device=request.device,
        )
        begin = time.perf_counter()
        details = plugin.apply(wanted)
        seconds = time.perf_counter() - begin
    metrics, rest = part_facts(onnx_facts(request.target, optimized=True))
    return AppliedPass(seconds, metrics, rest["operators"], dict(details))


def _export_request(worker: Worker, request: ExportModel) -> ExportRequest:
    """The ExportRequest of a request; with free shapes on examples that have at least two of each, as a dimension of
    one is taken for a constant."""
    model = held_model(worker, request.model)
    leaves, structure = tensors.flatten(model.inputs)
    sizes = _shape_sets.sizes_of(leaves, request.axes)
    if any(size < 2 for size in sizes.values()):
        enough = {free: max(2, size) for free, size in sizes.items()}
        arrays = _shape_sets.resized(leaves, request.axes, enough)
        nesting = tensors.plain if model.module is None else tensors.as_given
        model = replace(model, inputs=nesting(structure, arrays))
    return ExportRequest(
        model=model,
        path=request.path,
        options=request.exporter_args,
        target_opset=request.target_opset,
        axes=request.axes,
        opt_patterns=request.opt_patterns,
    )


def _refuse_objects(model: LoadedModel, exporter: str, failure: Exception) -> None:
    """Raises Refused for an export that failed where an input is an object which few exporters can look into."""
    foreign = {} if isinstance(failure, UserError) else tensors.flatten(model.inputs)[1].objects_by(SOME)
    if foreign:
        place, words = next(iter(foreign.items()))
        reason = next(iter(str(failure).strip().splitlines()), type(failure).__name__)
        raise Refused(f"{exporter} cannot take the input {place}, a {words}: {reason}") from failure


def _artifact(facts: Mapping[str, Any], seconds: float, exported_at: dict[str, int]) -> Artifact:
    """What an exporter says, parted. It may know better than the clock how long it took: a ready file took no time."""
    rest = dict(facts)
    file, operators = Path(rest.pop("file")), rest.pop("operators", None)
    seconds = rest.pop("time_export", seconds)
    metrics, details = part_facts(rest)
    return Artifact(file, seconds, operators, exported_at, metrics=metrics, details=details)


def _keep_examples(model: LoadedModel, folder: Path) -> Any:
    """Stores the inputs, and a module's outputs, which it returns; of a ready file, which answers by a runtime only,
    none."""
    tensors.save(folder / "inputs.npz", model.inputs)
    if model.module is None:
        return ()
    import torch

    with torch.no_grad():
        outputs = model.call()
    tensors.save_outputs(folder / "outputs.npz", outputs)
    return outputs


def _given_as_pairs(file: Path, inputs: Inputs, outputs: Any) -> list[str]:
    """The names of the graph's inputs and outputs that are real where the model's own are complex."""
    given, answered = tensors.leaves_of(inputs), tensors.leaves_of(outputs)
    if not any(map(tensors.is_complex, (*given.values(), *answered.values()))):
        return []
    import onnx

    proto = onnx.load(file, load_external_data=False)
    takes, gives = inputs_of(proto), outputs_of(proto)
    found = [name for name, leaf in given.items() if name in takes and tensors.is_complex(leaf)]
    found += [name for name, leaf in zip(gives, answered.values(), strict=False) if tensors.is_complex(leaf)]
    return [name for name in found if not {**takes, **gives}[name].kind.startswith("COMPLEX")]
