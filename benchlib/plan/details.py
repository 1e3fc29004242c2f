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
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from benchlib import artifacts, machine
from benchlib.artifacts.entry import DecidedBy
from benchlib.artifacts.place import STATE
from benchlib.fingerprint import code_of
from benchlib.models import rows_of
from benchlib.plan.availability import absent
from benchlib.registries import sources
from benchlib.registry import Facts
from benchlib.remembered import forget, remembered
from benchlib.trial import LOADING, Trial, default_of
from benchlib.typed_json import from_json, to_json
from benchlib.way import key_of
from benchlib.worker.messages import DescribeModel, ModelDescription

Descriptions = dict[str, ModelDescription]  # by the name of the model in its suite
KIND = "details"
PATIENCE = 120.0  # seconds for one model; importing its package for the first time may compile it
_SIZING = ("seq_length", "max_audio_seq_length", "height", "width", "inputs")  # an item's inputs, and no weights
_FINDER = "benchlib.worker.details"  # what finds them


def known(trial: Trial) -> ModelDescription | None:
    """What the cache has of a trial's model, `weights_size` in float32; None where it has nothing, or not the weights.

    Where only the suite's table knows it, the inputs are those of as many items, and nothing where an item has another
    size.
    """
    source, name = trial.source()
    if source.catalogue is None or source.gives != "module":
        return None
    if facts := _kept(name, _decided(trial)):
        return from_json(ModelDescription, facts)
    changed = {p for p, default in _defaults().items() if getattr(trial, p) != default}
    if changed - {"dtype", "seed", "batch_size", "attn_implementation", *_SIZING}:
        return None
    found = table(source.name, catalogued(source.name)).get(name)
    if found is None or found.unknown:
        return None
    items = 0 if changed.intersection(_SIZING) else trial.batch_size if isinstance(trial.batch_size, int) else 1
    return replace(found, input_size=found.input_size * items)


def looked_at(trial: Trial, ask: Callable[[DescribeModel], ModelDescription]) -> ModelDescription | None:
    """The same, with a worker's answer kept where the cache has none; None where nobody knows, which is not kept: a
    model of the hub can be looked at once it is here."""
    source, name = trial.source()
    if source.catalogue is None or source.gives != "module":
        return None
    decided = _decided(trial)
    if facts := _kept(name, decided):
        return from_json(ModelDescription, facts)
    description = ask(_request(source.name, name, trial))
    if description.unknown:
        return None
    _obtained(name, decided, lambda folder, facts: facts.update(to_json(description)))
    return description


@cache
def _defaults() -> Mapping[str, Any]:
    return {parameter: default_of(parameter) for parameter in LOADING}


@remembered
def catalogued(suite: str) -> tuple[str, ...]:
    """The names of a suite's catalogue that its table holds: those which this machine does not lack."""
    return tuple(name for name, row in rows_of(suite).items() if not absent(row))


def table(suite: str, names: Iterable[str]) -> Descriptions:
    """What the cache has of these models at the default parameters; {} where they were never asked for together."""
    return _table(suite, tuple(names))


@remembered
def _table(suite: str, names: tuple[str, ...]) -> Descriptions:
    return _models(_kept(suite, _of_suite(suite, names)))


def fill(suite: str, names: Iterable[str], progress: Callable[[str], None] = lambda name: None) -> Descriptions:
    """The same, found now where the cache has nothing. What cannot be found is `unknown`, with the reason."""
    names = list(names)

    def build(folder: Path, facts: Facts) -> None:
        requests = [_request(suite, name, Trial.model_construct(model=f"{suite}/{name}")) for name in names]
        facts["models"] = {}
        for name, description in zip(names, _answers(requests), strict=True):
            progress(name)
            facts["models"][name] = to_json(description)

    return _models(_obtained(suite, _of_suite(suite, names), build))


def _models(facts: Facts | None) -> Descriptions:
    return from_json(Descriptions, facts["models"]) if facts else {}


def _answers(requests: list[DescribeModel]) -> Iterable[ModelDescription]:
    """From one process for all; when it dies or takes too long, from another one for those that are left."""
    waiting, child = list(requests), None
    try:
        while waiting:
            child = child or subprocess.Popen(
                [sys.executable, "-m", _FINDER],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ),
            )  # fmt: skip
            line = _answer(child, waiting.pop(0))
            if line.startswith(b"{"):
                yield from_json(ModelDescription, json.loads(line))
                continue
            yield ModelDescription(f"it took more than {PATIENCE:g} s" if line else "its process died")
            _end(child)
            child = None
    finally:
        if child:
            _end(child)


def _answer(child: subprocess.Popen, request: DescribeModel) -> bytes:
    """A line; empty when the process is gone, `?` when it took too long."""
    try:
        child.stdin.write(json.dumps(to_json(request)).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return b""
    ready = select.select([child.stdout], [], [], PATIENCE)[0]
    return child.stdout.readline() if ready else b"?"


def _end(child: subprocess.Popen) -> None:
    child.kill()
    child.communicate()


def _request(source: str, name: str, trial: Trial) -> DescribeModel:
    return DescribeModel(source, name, {**trial.model_dump(), "dtype": "float32", "seed": 0})


def _decided(trial: Trial) -> DecidedBy:
    source, name = trial.source()
    parameters = {p: getattr(trial, p) for p in LOADING if p not in ("dtype", "seed")}
    return {"source": [source.name, source.identity(name, trial)], "parameters": parameters, **_versions(source.name)}


def _of_suite(suite: str, names: Iterable[str]) -> DecidedBy:
    return {"suite": suite, "names": list(names), **_versions(suite)}


@remembered
def _versions(suite: str) -> DecidedBy:
    return {
        "packages": {p: machine.package_version(p) for p in sources.get(suite).packages},
        "code": code_of(sources, suite, _FINDER),
    }


def _kept(name: str, decided: DecidedBy) -> Facts | None:
    return _kept_under(name, key_of(decided))


@remembered
def _kept_under(name: str, key: str) -> Facts | None:
    entry = artifacts.find(KIND, name, key)
    return _released(entry) if entry else None


def _obtained(name: str, decided: DecidedBy, build: Callable[[Path, Facts], None]) -> Facts:
    facts = _released(artifacts.obtain(KIND, name, key_of(decided), decided, build)[0])
    forget()  # that there was nothing
    return facts


def _released(entry: artifacts.Entry) -> Facts:
    """The facts; the entry may go, as nobody opens a file of it."""
    artifacts.let_go(entry.path / STATE)
    return entry.facts
