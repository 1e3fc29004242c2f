"""What a worker can do: load, export, open, outputs, run, bye. One worker holds one model or one session."""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import signal
import sys
import time
import traceback
from array import array
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchlib import tensors
from benchlib.errors import Unavailable, UserError
from benchlib.worker.channel import Channel, Closed

VERBS: dict[str, Callable[[Worker, dict], dict]] = {}


def verb(function: Callable[[Worker, dict], dict]) -> Callable[[Worker, dict], dict]:
    VERBS[function.__name__.rstrip("_")] = function
    return function


class Worker:
    """The state of one worker between requests."""

    def __init__(self, channel: Channel):
        self.channel = channel
        self.model: Any = None  # a LoadedModel, in a builder
        self.session: Any = None
        self.call: Callable[[], Any] | None = None
        self.last: Any = None  # the outputs of the last call
        self.padding: list[bytearray] = []

    def serve(self) -> None:
        """Answers requests until `bye` or until the controller is gone."""
        while True:
            try:
                request = self.channel.receive()
            except Closed:
                return
            try:
                reply = VERBS[request["verb"]](self, request)
            except BaseException as error:  # whatever a model raises, KeyboardInterrupt too, is an answer
                reply = {"error": describe(error)}
            sys.stdout.flush()
            sys.stderr.flush()
            self.channel.send(reply)
            if request["verb"] == "bye":
                return


def describe(error: BaseException) -> dict[str, str]:
    """An exception as a reply: its kind is the status that the trial ends with."""
    names = {kind.__name__ for kind in type(error).__mro__}
    text = str(error) or type(error).__name__
    memory = ("out of memory", "bad_alloc", "can't allocate memory", "failed to allocate memory")
    if isinstance(error, Unavailable):
        kind = "skipped"
    elif isinstance(error, MemoryError) or "OutOfMemoryError" in names or any(m in text.lower() for m in memory):
        kind = "oom"
    else:
        kind = "failed"
    trace = "" if isinstance(error, UserError | Unavailable) else "".join(traceback.format_exception(error))
    return {"kind": kind, "type": type(error).__name__, "message": text, "traceback": trace}


@verb
def load(worker: Worker, request: dict) -> dict:
    """Builds the model of a source and saves it with its inputs as a bundle: model.pt, inputs.npz, meta.json."""
    from benchlib.models import _facts, _saved
    from benchlib.registry import sources

    source = sources.get(request["source"])
    imported = _import(source.packages)
    begin = time.perf_counter()
    worker.model = model = source.load(request["name"], SimpleNamespace(**request["trial"]))
    seconds = time.perf_counter() - begin
    bundle = Path(request["bundle"])
    input_hash = tensors.save(bundle / "inputs.npz", model.inputs)
    hashes = {"input_hash": input_hash}
    if model.module is not None:
        _saved.save(model.module, bundle / "model.pt")
        hashes["weights_hash"] = _facts.weights_hash(model.module)
    meta = {
        "positional": list(model.positional),
        "file": str(model.file) if model.file else None,
        "import_paths": [p for p in request.get("import_paths", [])] + _added_paths(),
        "facts": {
            "time_load": seconds,
            "time_load_import": imported,
            **hashes,
            "input_size": tensors.count(model.inputs),
            "input_shapes": _shapes(model.inputs),
            "executable": sys.executable,
            **model.facts,
        },
    }
    (bundle / "meta.json").write_text(json.dumps(meta, default=str))
    return meta


@verb
def export(worker: Worker, request: dict) -> dict:
    """Runs an exporter on the loaded model (opened from its bundle when this worker did not load it)."""
    from benchlib.registry import exporters

    exporter = exporters.get(request["exporter"])
    if worker.model is None:
        worker.model = _from_bundle(Path(request["bundle"]))
    _import(exporter.packages)
    begin = time.perf_counter()
    facts = exporter.export(worker.model, Path(request["path"]), request["options"], request["target_opset"])
    return {"time_export": time.perf_counter() - begin, **facts}


@verb
def open_(worker: Worker, request: dict) -> dict:
    """Opens an artifact with a runtime and binds the shared inputs; each worker hashes what it holds itself."""
    from benchlib.registry import runtimes
    from benchlib.runtimes import OpenRequest

    chance = random.Random(request["heap_seed"])
    worker.padding = [bytearray(chance.randrange(1, 1 << 16)) for _ in range(chance.randrange(64))]
    sys.path.extend(p for p in request["import_paths"] if p not in sys.path)
    runtime = runtimes.get(request["runtime"])
    imported = _import(runtime.packages)
    begin = time.perf_counter()
    worker.session = runtime.open(OpenRequest(**request["request"]))
    seconds = time.perf_counter() - begin
    flat, structure = tensors.load(request["inputs"])
    worker.call = worker.session.bind(tensors.unflatten(structure, flat), flat)
    _warm_the_loop()
    gc.collect()
    gc.freeze()  # what is there now stays: the collection before each epoch need not look at it again
    return {
        "time_import": imported,
        "time_session": seconds,
        "input_hash": tensors.content_hash(flat),
        "executable": sys.executable,
        **worker.session.facts,
    }


@verb
def outputs(worker: Worker, request: dict) -> dict:
    """The outputs of the last call, which is made now if there was none; written to `path` when one is given."""
    reply: dict[str, Any] = {}
    if worker.last is None:
        reply["epoch"] = _epoch(worker, 1)
    flat, _ = tensors.flatten(worker.last)
    arrays = {name: tensors.to_numpy(leaf) for name, leaf in flat.items()}
    if request.get("path"):
        tensors.save(request["path"], worker.last)
    return {**reply, "hash": tensors.content_hash(arrays), "output_size": tensors.count(worker.last)}


@verb
def run(worker: Worker, request: dict) -> dict:
    """One epoch: `calls` calls one after another, each timed by itself."""
    return {"epoch": _epoch(worker, request["calls"])}


@verb
def bye(worker: Worker, request: dict) -> dict:
    return {}


def _epoch(worker: Worker, calls: int) -> dict:
    """Times `calls` calls. A call's result is released when the next has returned, inside the timed region,
    as a caller's variable would; collections of garbage are kept out of it."""
    ns, call, out, worker.last = array("Q", bytes(8 * calls)), worker.call, worker.last, None
    gc.collect()
    gc.disable()
    cpu, start = time.process_time_ns(), time.perf_counter_ns()
    out = _timed(call, out, ns)
    end, cpu = time.perf_counter_ns(), time.process_time_ns() - cpu
    gc.enable()
    worker.last = out
    return {"ns": ns.tolist(), "start": start, "end": end, "cpu": cpu}


def _timed(call: Callable[[], Any], out: Any, ns: array) -> Any:
    """The timed loop: a sample for each place of `ns`, whose memory is there already."""
    clock = time.perf_counter_ns
    for i in range(len(ns)):
        begin = clock()
        out = call()
        ns[i] = clock() - begin
    return out


def _warm_the_loop() -> None:
    """Lets the interpreter specialise the timed loop: in a forked worker that writes to pages that it shares with
    its server, and such faults belong to no sample."""
    for _ in range(2):
        _timed(lambda: None, None, array("Q", bytes(8 * 1000)))


def _import(packages: tuple[str, ...]) -> float:
    begin = time.perf_counter()
    for package in packages:
        importlib.import_module(package)
    return time.perf_counter() - begin


def _from_bundle(bundle: Path) -> Any:
    from benchlib.models import LoadedModel, _saved

    meta = json.loads((bundle / "meta.json").read_text())
    sys.path.extend(p for p in meta["import_paths"] if p not in sys.path)
    flat, structure = tensors.load(bundle / "inputs.npz")
    inputs = tensors.unflatten(structure, flat)
    saved, file = bundle / "model.pt", meta["file"]
    return LoadedModel(
        inputs=inputs,
        module=_saved.open_saved(saved) if saved.exists() else None,
        file=Path(file) if file else None,
        positional=tuple(meta["positional"]),
        facts=meta["facts"],
    )


def _shapes(inputs: dict) -> str:
    flat, _ = tensors.flatten(inputs)
    return ", ".join(f"{n}: {tensors.dtype_of(a)}[{'×'.join(map(str, a.shape))}]" for n, a in flat.items())


_PATHS_AT_START = list(sys.path)


def _added_paths() -> list[str]:
    """What loading put on the import path (a script's folder, for its helper modules)."""
    return [p for p in sys.path if p not in _PATHS_AT_START]


def main(channel: Channel) -> None:
    """A worker's life; ends without running destructors, which may hang or crash in foreign libraries."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's affair
    try:
        Worker(channel).serve()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
