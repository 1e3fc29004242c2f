"""What a worker can do: load, open, outputs, bye; other modules add their verbs (`service.MODULES`).
It holds one model or one session."""

from __future__ import annotations

import gc
import importlib
import json
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchlib import tensors
from benchlib.worker.service import Worker, verb
from benchlib.worker.timed import epoch, warm_the_loop


@verb
def load(worker: Worker, request: dict) -> dict:
    """Builds the model of a source and saves it with its inputs as a bundle: model.pt, inputs.npz, meta.json."""
    from benchlib.models import _facts, _input_sets, _saved, _work
    from benchlib.registries import sources

    source = sources.get(request["source"])
    importing = worker.importing + imported(source.packages)
    begin = time.perf_counter()
    worker.model = model = source.load(request["name"], SimpleNamespace(**request["trial"]))
    seconds = time.perf_counter() - begin
    bundle = Path(request["bundle"])
    input_hash = tensors.save(bundle / "inputs.npz", model.inputs)
    input_sets = {
        number: tensors.save(bundle / f"inputs-{number}.npz", nested)
        for number, nested in _input_sets.of(model, request["trial"]["seed"]).items()
    }
    expected = {n: tensors.save(bundle / f"expected-{n}.npz", nested) for n, nested in _expected(model).items()}
    if model.write:  # the bundle moves to its place when it is complete, so that the file's name is relative to it
        model.file = model.write(bundle).relative_to(bundle)
        worker.model = None
    hashes = {"input_hash": input_hash}
    if model.module is not None:
        _saved.save(model.module, bundle / "model.pt")
        hashes["weights_hash"] = _facts.weights_hash(model.module)
    work = _work.work_of(model)
    meta = {
        "positional": list(model.positional),
        "axes": {name: {str(axis): free for axis, free in axes.items()} for name, axes in model.axes.items()},
        "input_sets": input_sets,
        "expected": expected,
        "file": str(model.file) if model.file else None,
        "import_paths": [p for p in request.get("import_paths", [])] + _added_paths(),
        "facts": {
            "time_load": seconds,
            "time_load_import": importing,
            **hashes,
            "input_size": tensors.count(model.inputs),
            "input_shapes": shapes_of(model.inputs),
            "executable": sys.executable,
            **model.facts,
            **work,
        },
    }
    (bundle / "meta.json").write_text(json.dumps(meta, default=str))
    return meta


@verb
def open_(worker: Worker, request: dict) -> dict:
    """Opens an artifact with a runtime and binds the shared inputs; each worker hashes what it holds itself."""
    from benchlib.registries import runtimes
    from benchlib.runtimes import OpenRequest

    if request["heap_seed"] is not None:
        chance = random.Random(request["heap_seed"])
        worker.padding = [bytearray(chance.randrange(1, 1 << 16)) for _ in range(chance.randrange(64))]
    sys.path.extend(p for p in request["import_paths"] if p not in sys.path)
    runtime = runtimes.get(request["runtime"])
    importing = imported(runtime.packages)
    begin = time.perf_counter()
    worker.session = runtime.open(OpenRequest(**request["request"]))
    seconds = time.perf_counter() - begin
    flat, structure = tensors.load(request["inputs"])
    worker.device = request["request"].get("device", "cpu")
    worker.collects = request.get("gc", False)
    worker.times(worker.session.bind(tensors.unflatten(structure, flat), flat))
    warm_the_loop()
    gc.collect()
    gc.freeze()  # what is there now stays: the collection before each epoch need not look at it again
    return {
        "time_import": importing,
        "time_session": seconds,
        "input_hash": tensors.content_hash(flat),
        "executable": sys.executable,
        **worker.session.facts,
    }


@verb
def outputs(worker: Worker, request: dict) -> dict:
    """The outputs of the last call on the recorded inputs, which is made now if there was none, or if others had their
    turn since; written to `path` when one is given.

    With `inputs`, a file, they are those of one call on other inputs, which counts as none of the session's calls;
    with `thin`, of large ones only rows taken evenly.
    """
    reply: dict[str, Any] = {}
    if request.get("inputs"):
        flat, structure = tensors.load(request["inputs"])
        out = worker.session.bind(tensors.unflatten(structure, flat), flat)()
        out = tensors.apply(tensors.thinned, out) if request["thin"] else out
        reply["input_hash"] = tensors.content_hash(flat)
    else:
        if worker.last is None:
            reply["epoch"] = epoch(worker, 1)
            if hasattr(worker.session, "compile_cache"):
                reply["compile_cache"] = worker.session.compile_cache()
        elif worker.cycled:
            worker.last, worker.cycled = worker.call(), False
        out = worker.last
    out = getattr(worker.session, "to_host", lambda outputs: outputs)(out)
    flat, _ = tensors.flatten(out)
    arrays = {name: tensors.to_numpy(leaf) for name, leaf in flat.items()}
    if request.get("path"):
        tensors.save(request["path"], out)
    return {**reply, "hash": tensors.content_hash(arrays), "output_size": tensors.count(out)}


@verb
def bye(worker: Worker, request: dict) -> dict:
    return {}


def imported(packages: tuple[str, ...]) -> float:
    """Imports packages; the seconds that it took."""
    begin = time.perf_counter()
    for package in packages:
        importlib.import_module(package)
    return time.perf_counter() - begin


def model_of(worker: Worker, request: dict) -> Any:
    """The model that this worker holds: what it loaded, else what its bundle has."""
    if worker.model is None:
        worker.model = from_bundle(Path(request["bundle"]))
    return worker.model


def from_bundle(bundle: Path) -> Any:
    """The loaded model that `load` left in a folder (a `LoadedModel`)."""
    from benchlib.models import LoadedModel, _saved

    meta = json.loads((bundle / "meta.json").read_text())
    sys.path.extend(p for p in meta["import_paths"] if p not in sys.path)
    flat, structure = tensors.load(bundle / "inputs.npz")
    inputs = tensors.unflatten(structure, flat)
    saved, file = bundle / "model.pt", meta["file"]
    return LoadedModel(
        inputs=inputs,
        module=_saved.open_saved(saved) if saved.exists() else None,
        file=bundle / file if file else None,
        positional=tuple(meta["positional"]),
        facts=meta["facts"],
        axes={name: {int(axis): free for axis, free in axes.items()} for name, axes in meta["axes"].items()},
    )


def _expected(model: Any) -> dict[int, Any]:
    """The given outputs by the number of their set, of large ones those elements that are compared."""
    return {n: tensors.apply(tensors.thinned, out) if n else out for n, out in model.expected.items()}


def shapes_of(inputs: dict) -> str:
    """`input_ids: int64[1×512], …`, for the record."""
    flat, _ = tensors.flatten(inputs)
    return ", ".join(f"{n}: {tensors.dtype_of(a)}[{'×'.join(map(str, a.shape))}]" for n, a in flat.items())


_PATHS_AT_START = list(sys.path)


def _added_paths() -> list[str]:
    """What loading put on the import path (a script's folder, for its helper modules)."""
    return [p for p in sys.path if p not in _PATHS_AT_START]
