"""What a worker can do: load, open, outputs, bye; other modules add their verbs (`service.MODULES`).
It holds one model or one session."""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchlib import layouts, tensors
from benchlib.models import LoadedModel, _facts, _input_sets, _saved, _work
from benchlib.record.metadata import InputSet, SavedModel, Session, part_facts, session_of
from benchlib.registries import runtimes, sources
from benchlib.runtimes import OpenRequest
from benchlib.typed_json import from_json, to_json
from benchlib.worker.binding import bound
from benchlib.worker.imports import import_packages, shared_seconds
from benchlib.worker.messages import Done, GiveOutputs, Leave, LoadModel, OpenSession, Outputs
from benchlib.worker.service import Worker, verb
from benchlib.worker.timed import take_block, warm_the_loop
from benchlib.worker.timed_outputs import hash_of

META = "meta.json"  # of a saved model


@verb
def load_model(worker: Worker, request: LoadModel) -> SavedModel:
    """Builds the model of a source and saves it with its inputs into a folder: model.pt, inputs.npz, meta.json."""
    source = sources.get(request.source)
    importing = worker.importing + import_packages(source.packages) + shared_seconds(source.packages)
    begin = time.perf_counter()
    worker.model = model = source.load(request.name, SimpleNamespace(**request.trial))
    seconds = time.perf_counter() - begin
    saved = _save_model(model, request, {"time_load": seconds, "time_load_import": importing})
    if model.write:  # the file as the exporter gets it is the one that was written
        worker.model = None
    (request.folder / META).write_text(json.dumps(to_json(saved), default=str))
    return saved


@verb
def open_session(worker: Worker, request: OpenSession) -> Session:
    """Opens an artifact with a runtime and binds the shared inputs; each worker hashes what it holds itself."""
    if request.heap_seed is not None:
        chance = random.Random(request.heap_seed)
        worker.padding = [bytearray(chance.randrange(1, 1 << 16)) for _ in range(chance.randrange(64))]
    add_import_paths(request.import_paths)
    runtime = runtimes.get(request.runtime)
    importing, shared = import_packages(runtime.packages), shared_seconds(runtime.packages)
    begin = time.perf_counter()
    worker.session = open_artifact(request)
    seconds = time.perf_counter() - begin
    call, flat = bound(worker.session, request.inputs)
    worker.inputs, worker.arrays = request.inputs, flat
    worker.device, worker.collects = request.device, request.collect_garbage
    worker.time_calls(call)
    warm_the_loop()
    gc.collect()
    gc.freeze()  # what is there now stays: the collection before each block need not look at it again
    return session_of(
        worker.session.facts,
        time_import=importing + shared,
        time_import_shared=shared,
        time_session=seconds,
        input_hash=tensors.content_hash(flat),
        executable=sys.executable,
    )


def open_artifact(request: OpenSession) -> Any:
    """An artifact as its runtime opens it (`benchlib.runtimes.Session`), with nothing bound to it yet."""
    add_import_paths(request.import_paths)
    return runtimes.get(request.runtime).open(_open_request(request))


@verb
def give_outputs(worker: Worker, request: GiveOutputs) -> Outputs:
    """The outputs of the last call on the recorded inputs, or of one call on others."""
    first_call = compile_cache = None
    input_hash = ""
    if request.inputs:
        call, flat = bound(worker.session, request.inputs)
        out, input_hash = call(), tensors.content_hash(flat)
    else:
        if worker.last is None:
            first_call = take_block(worker, 1)
            compile_cache = getattr(worker.session, "compile_cache", lambda: None)()
        elif worker.rotated:
            worker.last, worker.rotated = next(worker.rotation.calls_from(0))(), False
        out = worker.last
    out = getattr(worker.session, "to_host", lambda outputs: outputs)(out)
    leaves = tensors.leaves_of(out)
    leaves = tensors.thinned_leaves(leaves) if request.thin else leaves
    arrays = {name: tensors.to_numpy(leaf) for name, leaf in leaves.items()}
    if request.path:
        tensors.save_outputs(request.path, arrays)
    digest = tensors.content_hash(arrays)
    compared = hash_of(arrays)
    return Outputs(digest, tensors.count(out), first_call, compile_cache, input_hash, compared)


@verb
def leave(worker: Worker, request: Leave) -> Done:
    """The worker ends after this reply."""
    return Done()


def open_saved_model(folder: Path) -> LoadedModel:
    """The loaded model that `load_model` left in a folder."""
    meta = from_json(SavedModel, json.loads((folder / META).read_text()))
    add_import_paths(meta.import_paths)
    flat, structure = tensors.load(folder / "inputs.npz")
    file = folder / "model.pt"
    module = _saved.open_saved(file) if file.exists() else None  # first: it brings the classes of a script
    return LoadedModel(
        inputs=tensors.plain(structure, flat) if module is None else tensors.as_given(structure, flat),
        module=module,
        file=folder / meta.file if meta.file else None,
        positional=meta.positional,
        facts={**meta.metrics, **meta.details},
        axes=meta.axes,
    )


def held_model(worker: Worker, folder: Path) -> LoadedModel:
    """The model that this worker holds: what it loaded, else what lies in `folder`."""
    if worker.model is None:
        worker.model = open_saved_model(folder)
    return worker.model


def add_import_paths(paths: Sequence[str]) -> None:
    """Puts folders at the end of the import path, where they are not on it already."""
    sys.path.extend(p for p in paths if p not in sys.path)


def describe_shapes(inputs: Mapping[str, Any]) -> str:
    """`input_ids: int64[1×512], image: float32[1×3×64×64] channels_last, …`, for the record."""
    leaves = tensors.leaves_of(inputs)
    return ", ".join(
        f"{n}: {tensors.dtype_of(a)}[{'×'.join(map(str, a.shape))}] {layouts.order_words(a)}".rstrip()
        for n, a in leaves.items()
    )


def _save_model(model: LoadedModel, request: LoadModel, seconds: dict[str, float]) -> SavedModel:
    """Writes the parts of a loaded model, and says what lies there."""
    folder = request.folder
    hashes = {"input_hash": tensors.save(folder / "inputs.npz", model.inputs)}
    if model.module is not None:  # before anybody calls it, as a call may change it
        _saved.save(model.module, folder / "model.pt")
        hashes["weights_hash"] = _facts.weights_hash(model.module)
    found = _input_sets.of(model, request.trial["seed"])
    input_sets = {
        number: InputSet(own.save(folder / f"inputs-{number}.npz"), own.origin, own.moves, own.words, own.beyond)
        for number, own in found.sets.items()
    }
    calibration = [own.save(folder / f"calibrate-{number}.npz") for number, own in enumerate(found.calibrating, 1)]
    expected = {
        n: tensors.save_outputs(folder / f"expected-{n}.npz", given) for n, given in _given_outputs(model).items()
    }
    if model.write:  # the folder moves to its place when it is complete, so that the file's name is relative to it
        model.file = model.write(folder).relative_to(folder)
    said = {
        **seconds,
        **hashes,
        "input_size": tensors.count(model.inputs),
        "input_shapes": describe_shapes(model.inputs),
        "executable": sys.executable,
        **model.facts,
        **_work.work_of(model),
    }
    metrics, details = part_facts(said)
    return SavedModel(
        positional=tuple(model.positional),
        axes=model.axes,
        input_sets=input_sets,
        **hashes,
        calibration=calibration,
        fixed_numbers=found.fixed_numbers,
        expected=expected,
        file=Path(model.file) if model.file else None,
        import_paths=[*request.import_paths, *_added_paths()],
        metrics=metrics,
        details=details,
    )


def _open_request(request: OpenSession) -> OpenRequest:
    """What a runtime is asked to open, in the words of plug-ins."""
    return OpenRequest(
        artifact=str(request.artifact),
        exporter=request.exporter,
        exporter_args=request.exporter_args,
        positional=request.positional,
        device=request.device,
        provider=request.provider,
        threads=request.threads,
        rtopt=request.rtopt,
        options=request.runtime_args,
        io=request.io,
        cuda_graphs=request.cuda_graphs,
        dynamic=request.dynamic,
        profile=request.profile,
    )


def _given_outputs(model: LoadedModel) -> dict[int, Any]:
    """The given outputs by the number of their set, of large ones those elements that are compared."""
    return {n: tensors.thinned_leaves(tensors.leaves_of(out)) if n else out for n, out in model.expected.items()}


_PATHS_AT_START = list(sys.path)


def _added_paths() -> list[str]:
    """What loading put on the import path (a script's folder, for its helper modules)."""
    return [p for p in sys.path if p not in _PATHS_AT_START]
