"""How a model of pytorch/benchmark is built: by a library that holds it, or by a small module of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchlib.models import LoadedModel, _as_trained, _module, _refusals, _timm, _torchvision, _transformers
from benchlib.models._configs import Settings
from benchlib.registry import CatalogueRow
from benchlib.tensors import Inputs

NODES, EDGES, FEATURES = 10_000, 200_000, 64  # of one graph


@dataclass(frozen=True)
class Entry:
    """One model: how it is loaded for a trial, what it is for, the library that builds it, and its length."""

    load: Callable[[Any], LoadedModel]
    task: str
    package: str = "torch"
    seq_length: int | None = None
    sizes: tuple[str, ...] = ()  # the trial's sizes that it reads

    def row(self, name: str, batch_size: int = 1, summary: str = "") -> CatalogueRow:
        """Its row in a catalogue; the summary is the library that builds it unless given."""
        row: CatalogueRow = {
            "name": name,
            "task": self.task,
            "batch_size": batch_size,
            "packages": (self.package,),
            "summary": summary or f"built by {self.package}",
        }
        if self.seq_length:
            row["seq_length"] = self.seq_length
        return row


def refuse(models: Mapping[str, Entry], trial: Any) -> str | None:
    """Sizes that another kind of model in the suite reads, and a loss that it does not compute."""
    entry = models.get(trial.source()[1])
    if entry is None:
        return _refusals.no_attention(trial)
    unread = [n for n in ("seq_length", "height", "width") if getattr(trial, n) is not None and n not in entry.sizes]
    if unread:
        return f"{trial.model} does not read {unread[0]}"
    return (_refusals.no_shapes if entry.package == "transformers" else _refusals.no_attention)(trial)


def timm(name: str) -> Entry:
    return Entry(partial(_timm.loaded, name), "image-classification", "timm", sizes=("height", "width"))


def torchvision(
    name: str,
    values: Settings | None = None,
    size: tuple[int, int] | None = None,
    *,
    group_norm: bool = False,
    task: str = "image-classification",
) -> Entry:
    """A builder of torchvision; `group_norm`: with normalisations that treat each image by itself."""
    values = {**(values or {}), **({"norm_layer": _group_norm} if group_norm else {})}

    def load(trial: Any) -> LoadedModel:
        return _torchvision.loaded(name, trial, values, size)

    return Entry(load, task, "torchvision", sizes=("height", "width"))


def text(model_class: str, task: str, seq_length: int | None, values: Settings | None = None) -> Entry:
    """A class of transformers; `seq_length` None: it reads sound."""

    def load(trial: Any) -> LoadedModel:
        return _transformers.loaded(model_class, trial, values or {}, seq_length, task)

    return Entry(load, task, "transformers", seq_length, sizes=("seq_length",) if seq_length else ())


def graph(name: str) -> Entry:
    """A basic network of torch-geometric on random graphs, one for each item of the batch."""

    def load(trial: Any) -> LoadedModel:
        import torch
        import torch_geometric.nn.models

        torch.manual_seed(trial.seed)
        network = getattr(torch_geometric.nn.models, name)
        sizes = {"in_channels": FEATURES, "hidden_channels": FEATURES, "num_layers": 3}
        module = _module.built(network, {**sizes, **trial.model_args}, trial.model)

        def inputs_at(trial: Any) -> Inputs:
            rng = _module.generator(trial.seed)
            nodes = torch.randn((NODES * trial.batch_size, FEATURES), generator=rng)
            edges = torch.randint(NODES, (trial.batch_size, 2, EDGES), generator=rng)
            offset = NODES * torch.arange(trial.batch_size)[:, None, None]
            return {"x": nodes, "edge_index": (edges + offset).transpose(0, 1).reshape(2, -1)}

        return _finished(module, inputs_at, trial, "node-classification", ("x", "edge_index"))

    return Entry(load, "node-classification", "torch_geometric")


def own(
    build: str, task: str, shape: tuple[int, ...], *, values: Settings | None = None, normal: bool = False
) -> Entry:
    """A function or class of `_torchbench_modules`, on items of `shape`: normal, or uniform in [0, 1]."""

    def load(trial: Any) -> LoadedModel:
        import torch

        from benchlib.models import _torchbench_modules

        torch.manual_seed(trial.seed)
        arguments = {**(values or {}), **trial.model_args}
        module = _module.built(getattr(_torchbench_modules, build), arguments, trial.model)
        draw = torch.randn if normal else torch.rand

        def inputs_at(trial: Any) -> Inputs:
            return {"input": draw((trial.batch_size, *shape), generator=_module.generator(trial.seed))}

        return _finished(module, inputs_at, trial, task, ("input",))

    return Entry(load, task)


def _finished(module: Any, inputs_at: Any, trial: Any, task: str, positional: tuple[str, ...]) -> LoadedModel:
    as_trained = _as_trained.as_trained(module)
    return _module.loaded(as_trained, inputs_at, trial, task=task, weights="random", positional=positional)


def _group_norm(channels: int) -> Any:
    from torch import nn

    return nn.GroupNorm(min(32, channels), channels)
