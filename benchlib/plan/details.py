"""What is known of models that nobody has loaded: parameters, bytes, shapes of their inputs.

Found on the meta device (`benchlib.worker.details`) and kept in the cache, per version of the packages and of our
code: for a whole suite in one table, at the default parameters; for a trial's own parameters, model by model.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from benchlib import artifacts, machine
from benchlib.artifacts.place import STATE
from benchlib.fingerprint import LIBRARY, code_of, tree_hash
from benchlib.plan.availability import absent
from benchlib.registries import sources
from benchlib.trial import LOADING, Trial, default_of
from benchlib.way import key_of

KIND = "details"
PATIENCE = 120.0  # seconds for one model; importing its package for the first time may compile it
_SIZING = ("seq_length", "max_audio_seq_length", "height", "width", "inputs")  # an item's inputs, and no weights
_MODULES = ("models/_meta.py", "worker/details.py")

Details = dict[str, Any]  # see `benchlib.worker.details.details_of`


def known(trial: Trial) -> Details | None:
    """What the cache has of a trial's model, `weights_size` in float32; None where it has nothing, or not the weights.

    Where only the suite's table knows it, the inputs are those of as many items, and nothing where an item has another
    size.
    """
    source, name = trial.source()
    if source.catalogue is None or source.gives != "module":
        return None
    if found := _kept(name, _decided(trial)):
        return found
    changed = {p for p in LOADING if getattr(trial, p) != default_of(p)}
    if changed - {"dtype", "seed", "batch_size", "attn_implementation", *_SIZING}:
        return None
    found = table(source.name, catalogued(source.name)).get(name)
    if not found or "unknown" in found:
        return None
    items = 0 if changed.intersection(_SIZING) else trial.batch_size if isinstance(trial.batch_size, int) else 1
    return {**found, "input_size": found["input_size"] * items}


def looked_at(trial: Trial, ask: Callable[[dict[str, Any]], Details]) -> Details | None:
    """The same, with a worker's answer kept where the cache has none; None where nobody knows, which is not kept: a
    model of the hub can be looked at once it is here."""
    source, name = trial.source()
    if source.catalogue is None or source.gives != "module":
        return None

    decided = _decided(trial)
    if found := _kept(name, decided):
        return found
    found = ask(_request(source.name, name, trial))
    if "unknown" in found:
        return None
    return _obtained(name, decided, lambda folder, facts: facts.update(found))


def catalogued(suite: str) -> list[str]:
    """The names of a suite's catalogue that its table holds: those which this machine does not lack."""
    return [row["name"] for row in sources.get(suite).catalogue() if not absent(row)]


def table(suite: str, names: Iterable[str]) -> dict[str, Details]:
    """What the cache has of these models at the default parameters; {} where they were never asked for together."""
    return (_kept(suite, _of_suite(suite, names)) or {}).get("models", {})


def fill(suite: str, names: Iterable[str], progress: Callable[[str], None] = lambda name: None) -> dict[str, Details]:
    """The same, found now where the cache has nothing. What cannot be found is `unknown`, with the reason."""
    names = list(names)

    def build(folder: Any, facts: Details) -> None:
        requests = [_request(suite, name, Trial.model_construct(model=f"{suite}/{name}")) for name in names]
        facts["models"] = {}
        for name, found in zip(names, _answers(requests), strict=True):
            progress(name)
            facts["models"][name] = found

    return _obtained(suite, _of_suite(suite, names), build)["models"]


def _answers(requests: list[dict[str, Any]]) -> Iterable[Details]:
    """From one process for all; when it dies or takes too long, from another one for those that are left."""
    waiting, child = list(requests), None
    try:
        while waiting:
            child = child or subprocess.Popen(
                [sys.executable, "-m", "benchlib.worker.details"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ),
            )  # fmt: skip
            line = _answer(child, waiting.pop(0))
            if line.startswith(b"{"):
                yield json.loads(line)
                continue
            yield {"unknown": f"it took more than {PATIENCE:g} s" if line else "its process died"}
            _end(child)
            child = None
    finally:
        if child:
            _end(child)


def _answer(child: subprocess.Popen, request: dict[str, Any]) -> bytes:
    """A line; empty when the process is gone, `?` when it took too long."""
    try:
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return b""
    ready = select.select([child.stdout], [], [], PATIENCE)[0]
    return child.stdout.readline() if ready else b"?"


def _end(child: subprocess.Popen) -> None:
    child.kill()
    child.communicate()


def _request(source: str, name: str, trial: Trial) -> dict[str, Any]:
    return {"source": source, "name": name, "trial": {**trial.model_dump(), "dtype": "float32", "seed": 0}}


def _decided(trial: Trial) -> dict[str, Any]:
    source, name = trial.source()
    parameters = {p: getattr(trial, p) for p in LOADING if p not in ("dtype", "seed")}
    return {"source": [source.name, source.identity(name, trial)], "parameters": parameters, **_versions(source.name)}


def _of_suite(suite: str, names: Iterable[str]) -> dict[str, Any]:
    return {"suite": suite, "names": list(names), **_versions(suite)}


@cache
def _versions(suite: str) -> Mapping[str, Any]:
    code = {**code_of(sources, suite), **{name: tree_hash(LIBRARY / name) for name in _MODULES}}
    return {"packages": {p: machine.package_version(p) for p in sources.get(suite).packages}, "code": code}


def _kept(name: str, decided: dict[str, Any]) -> Details | None:
    entry = artifacts.find(KIND, name, key_of(decided))
    return _released(entry) if entry else None


def _obtained(name: str, decided: dict[str, Any], build: Callable[[Any, Details], None]) -> Details:
    return _released(artifacts.obtain(KIND, name, key_of(decided), decided, build)[0])


def _released(entry: artifacts.Entry) -> Details:
    """The facts; the entry may go, as nobody opens a file of it."""
    artifacts.let_go(entry.path / STATE)
    return entry.facts
