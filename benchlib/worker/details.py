"""What a model is, found without its weights (`benchlib.models._meta`): parameters, bytes, shapes of its inputs.

Tensors without memory may stay behind in a package's own caches, so they are made in a process in which nothing is
loaded afterwards: a worker forks one. As a program this answers requests from its input: a line of JSON for each, a
`DescribeModel`, and a line for its `ModelDescription`.
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
from benchlib.models import LoadedModel, _meta
from benchlib.registries import sources
from benchlib.typed_json import from_json, to_json
from benchlib.worker import process
from benchlib.worker.imports import import_packages
from benchlib.worker.messages import DescribeModel, ModelDescription
from benchlib.worker.service import Worker, verb
from benchlib.worker.verbs import describe_shapes

ALLOWANCE = 3 << 30  # bytes; what allocates all the same must not fill the machine
PATIENCE = 60.0  # seconds


@verb
def describe_apart(worker: Worker, request: DescribeModel) -> ModelDescription:
    """`describe` in a process forked for it, before this worker has done anything else."""
    worker.importing += import_packages(sources.get(request.source).packages)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process.die_with_parent()
            os.write(writing, _line(_describe_bounded(request)))
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as file:
            ready = select.select([file], [], [], PATIENCE)[0]
            answer = file.read() if ready else b""
    finally:
        os.kill(pid, signal.SIGKILL)  # it is not collected yet, so the number is still its own
        os.waitpid(pid, 0)
    if answer:
        return from_json(ModelDescription, json.loads(answer))
    return ModelDescription("its process died" if ready else f"it took more than {PATIENCE:g} s")


def describe(request: DescribeModel) -> ModelDescription:
    """The description of a model for the parameters of a trial. Never raises: what cannot be found is `unknown`."""
    try:
        source = sources.get(request.source)
        for package in source.packages:
            importlib.import_module(package)
        with _meta.large_on_meta():
            return describe_loaded(source.load(request.name, SimpleNamespace(**request.trial)))
    except (Exception, SystemExit) as error:  # whatever a source or a package raises on this device
        text = str(error).strip().partition("\n")[0]
        return ModelDescription(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def describe_loaded(model: LoadedModel) -> ModelDescription:
    """The description of a model, whose tensors may have no memory."""
    return ModelDescription(
        params_size=model.facts.get("params_size"),
        weights_size=_weights_size(model),
        input_size=sum(map(_bytes, tensors.leaves_of(model.inputs).values())),
        input_shapes=describe_shapes(model.inputs),
        model_task=model.facts.get("model_task") or "",
    )


def _weights_size(model: LoadedModel) -> int:
    if model.module is None:  # a ready file
        return model.facts.get("weights_size", 0)
    held = {id(t): t for t in (*model.module.parameters(), *model.module.buffers())}
    return sum(map(_bytes, held.values()))


def _bytes(leaf: Any) -> int:
    return leaf.numel() * leaf.element_size() if hasattr(leaf, "element_size") else leaf.nbytes


def _describe_bounded(request: DescribeModel) -> ModelDescription:
    """`describe` in a process that may have little more data than it has once the packages are imported."""
    with contextlib.suppress(Exception):  # `describe` says what is wrong
        import_packages(sources.get(request.source).packages)
    data = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if data:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft == resource.RLIM_INFINITY:
            resource.setrlimit(resource.RLIMIT_DATA, (int(data[1]) * 1024 + ALLOWANCE, hard))
    return describe(request)


def _line(description: ModelDescription) -> bytes:
    return json.dumps(to_json(description)).encode() + b"\n"


def main() -> None:
    """Answers until there are no more requests; what models print goes to stderr."""
    answers = os.dup(1)
    os.dup2(2, 1)
    for line in sys.stdin:
        os.write(answers, _line(_describe_bounded(from_json(DescribeModel, json.loads(line)))))


if __name__ == "__main__":
    main()
