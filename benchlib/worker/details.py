"""What a model is, found without its weights (`benchlib.models._meta`): parameters, bytes, shapes of its inputs.

Tensors without memory may stay behind in a package's own caches, so they are made in a process in which nothing is
loaded afterwards: a worker forks one. As a program this answers requests from its input, a line of JSON each.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import resource
import select
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchlib import tensors
from benchlib.worker import process
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import imported, shapes_of

ALLOWANCE = 3 << 30  # bytes; what allocates all the same must not fill the machine
PATIENCE = 60.0  # seconds


@verb
def details(worker: Worker, request: dict) -> dict:
    """`details_of` in a process forked for it, before this worker has done anything else."""
    from benchlib.registries import sources

    worker.importing += imported(sources.get(request["source"]).packages)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process.die_with_parent()
            os.write(writing, json.dumps(_bounded(request)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as file:
            ready = select.select([file], [], [], PATIENCE)[0]
            found = file.read() if ready else b""
    finally:
        os.kill(pid, signal.SIGKILL)  # it is not collected yet, so the number is still its own
        os.waitpid(pid, 0)
    if found:
        return json.loads(found)
    return {"unknown": "its process died" if ready else f"it took more than {PATIENCE:g} s"}


def details_of(request: dict[str, Any]) -> dict[str, Any]:
    """`params_size` (count), `weights_size` and `input_size` (bytes; of the weights with all buffers), `input_shapes`,
    `model_task` of the model `name` of `source` for the parameters `trial`; or `unknown`, the reason why they cannot be
    found. Never raises."""
    from benchlib.models import _meta
    from benchlib.registries import sources

    try:
        source = sources.get(request["source"])
        for package in source.packages:
            importlib.import_module(package)
        with _meta.large_on_meta():
            return _found(source.load(request["name"], SimpleNamespace(**request["trial"])))
    except (Exception, SystemExit) as error:  # whatever a source or a package raises on this device
        text = str(error).strip().partition("\n")[0]
        return {"unknown": f"{type(error).__name__}: {text}" if text else type(error).__name__}


def _found(model: Any) -> dict[str, Any]:
    return {
        "params_size": model.facts.get("params_size"),
        "weights_size": _weights_size(model),
        "input_size": sum(map(_bytes, tensors.flatten(model.inputs)[0].values())),
        "input_shapes": shapes_of(model.inputs),
        "model_task": model.facts.get("model_task") or "",
    }


def _weights_size(model: Any) -> int:
    if model.module is None:  # a ready file
        return model.facts.get("weights_size", 0)
    held = {id(t): t for t in (*model.module.parameters(), *model.module.buffers())}
    return sum(map(_bytes, held.values()))


def _bytes(leaf: Any) -> int:
    return leaf.numel() * leaf.element_size() if hasattr(leaf, "element_size") else leaf.nbytes


def _bounded(request: dict[str, Any]) -> dict[str, Any]:
    """The same in a process that may have little more data than it has once the packages are imported."""
    from benchlib.registries import sources

    with contextlib.suppress(Exception):  # `details_of` tells what is wrong
        imported(sources.get(request["source"]).packages)
    found = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft == resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_DATA, (int(found[1]) * 1024 + ALLOWANCE, hard))
    return details_of(request)


def main() -> None:
    """Answers until there are no more requests; what models print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_bounded(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
