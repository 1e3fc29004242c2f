"""The memory and disk that a trial needs at least, from what is known of its model, against what there is.

Counted are weights and inputs: while the model is loaded, in float32, one copy; then one for each contender, as they
are all there while they take turns. Those that call the saved module itself share one, which is mapped from its file;
on a GPU each has its own. Some of the host is left to the system and the processes themselves. What a forward needs
besides is not counted, so nothing is refused that could run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from benchlib import artifacts, machine
from benchlib.plan.details import known
from benchlib.plan.in_words import count, size
from benchlib.registries import exporters
from benchlib.trial import LOADING, Trial
from benchlib.worker.messages import ModelDescription

_SIZES = {"float32": 4, "float16": 2, "bfloat16": 2, "float64": 8, "mixed": 4}
_EXACT = 2  # float64 takes twice the bytes of float32
RESERVED = 2 << 30  # bytes of the host for the system, the notebook's kernel and what workers import; a tenth at most


@dataclass(frozen=True)
class Need:
    """Bytes: of the weights in the trial's dtype, and of all that is there at once on the host, the GPU, the disk."""

    weights: int
    load: int  # while it is loaded, on the host
    holders: tuple[str, ...]  # the ways that hold a copy of the weights at the same time; none: it is only loaded
    host: int
    gpu: int
    disk: int


def need(trial: Trial, details: ModelDescription) -> Need:
    """What a trial needs of a model with these details."""
    loading = details.weights_size
    weights, inputs = (n * _SIZES[trial.dtype] // _SIZES["float32"] for n in (details.weights_size, details.input_size))
    ways = [] if trial.until == "export" else [*filter(None, [trial.reference_way]), trial.way]
    on_gpu = trial.device != "cpu"
    holders, shared = [], False
    for way in ways:
        of_module = exporters.get(way.exporter).artifact == "module"
        if on_gpu or not (of_module and shared):
            holders.append(way.label)
        shared = shared or of_module
    running = len(holders) * weights + len(ways) * inputs
    files = {w.label: w for w in filter(None, [trial.reference_way, trial.way, trial.judge_way])}.values()
    exported = [1 + len(w.passes) for w in files if exporters.get(w.exporter).export is not None]
    load = max(loading, weights) + details.input_size
    host = max(load, 0 if on_gpu else running)
    return Need(weights, load, tuple(holders), host, running if on_gpu else 0, weights * (1 + sum(exported)))


def refusal(trial: Trial, details: ModelDescription | None) -> str | None:
    """The rule that refuses a trial because its weights and inputs do not fit into memory, or None."""
    if details is None:
        return None
    wanted = need(trial, details)
    sizes = [(wanted.load, wanted.host, "this machine", host_room())]
    if wanted.gpu and (there := machine.gpu_memory(trial.device)):
        sizes.append((wanted.weights, wanted.gpu, trial.device, there))
    for alone, together, where, there in sizes:
        if alone > there:
            return f"{_about(trial, details, alone, ())}, {where} has {size(there)} for it"
        if together > there:
            return f"{_about(trial, details, together, wanted.holders)}, {where} has {size(there)} for it"
    return None


def host_room() -> int:
    """Bytes of this machine's memory that models may take."""
    limit = machine.memory_limit()
    return limit - min(RESERVED, limit // 10)


def no_disk(trial: Trial, details: ModelDescription | None) -> str | None:
    """The same for the disk: the cache keeps the loaded model and every graph that is made of it."""
    if details is None:
        return None
    wanted, there = need(trial, details).disk, shutil.disk_usage(artifacts.root()).free
    if wanted <= there:
        return None
    return (
        f"{trial.model} needs about {size(wanted)} of disk for its weights and exports, "
        f"{artifacts.root()} has {size(there)} left"
    )


def no_exact(params_size: int | None) -> str | None:
    """Why the judge cannot compute in float64 on the CPU, of a model with so many parameters (None: nobody knows). What
    it holds comes beside the contenders, so it has to fit into what they leave free."""
    wanted, there = (params_size or 0) * _SIZES["float32"] * _EXACT, machine.memory_available()
    if wanted <= there:
        return None
    return f"float64 needs about {size(wanted)} for the weights, {size(there)} of memory are free"


def of_plan(trials: Iterable[Trial]) -> str:
    """The room that trials need together, in words; empty where nothing is known of their models."""
    trials = list(trials)
    found = [(t, need(t, d)) for t in trials if (d := known(t))]
    if not found:
        return ""
    models = {(t.model, *(str(getattr(t, p)) for p in LOADING)): n.weights for t, n in found}
    disk = sum(n.disk - n.weights for _, n in found) + sum(models.values())
    others = len({t.model for t in trials} - {t.model for t, _ in found})
    text = f"memory: at least {size(max(n.host for _, n in found))}; disk: up to {size(disk)}"
    return text + (
        f"; {others} model{'s' if others > 1 else ''} not counted: 'list SUITE --details' tells" if others else ""
    )


def _about(trial: Trial, details: ModelDescription, together: int, holders: tuple[str, ...]) -> str:
    several = len(holders) > 1
    what = f"{len(holders)} copies of its weights" if several else "its weights"
    if details.input_size > details.weights_size // 10:
        what += " and its inputs"
    inside = [" and ".join(holders)] if several else []
    if details.params_size:
        inside.append(f"{count(details.params_size)} parameters in {trial.dtype}")
    return f"{trial.model} needs about {size(together)} for {what} ({'; '.join(inside)})"
