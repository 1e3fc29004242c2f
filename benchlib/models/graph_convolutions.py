"""MLAgility's corpus `graph_convolutions`: single layers of torch_geometric on a random graph, with random weights.

Its 35 scripts are of 22 layers, 13 of which stand there twice; twelve more layers, from which work on graphs often
starts, are ours. The graph has as many nodes as that of its scripts, Cora's, and as many edges as nodes; theirs all
lead from one node to itself, ours from anywhere to anywhere.
"""

from __future__ import annotations

from typing import Any

from benchlib.errors import UnknownName
from benchlib.models import LoadedModel, _corpus, _module, _refusals
from benchlib.models._graph_layers import EDGE_FEATURES, LAYERS, MLAGILITY
from benchlib.registry import SIZES, CatalogueRow, Option, Source
from benchlib.tensors import Inputs

DEFAULTS = {"k": 8, "alpha": 2.2, "in_channels": 1433, "out_channels": 16, "num_layers": 8}
OPTIONS = {
    "num_nodes": Option(int, 2708, "nodes of the graph"),
    "num_edges": Option(int, 2708, "edges of the graph"),
}


def load(name: str, trial: Any) -> LoadedModel:
    """The layer with weights drawn from the trial's seed, and a graph with normal-distributed features."""
    import torch
    from torch_geometric import nn

    if name not in LAYERS:
        raise UnknownName("graph convolution", name, LAYERS)
    layer = LAYERS[name]
    sizes = {size: DEFAULTS[size] if getattr(trial, size) is None else getattr(trial, size) for size in layer.sizes}
    nodes, edges = (trial.model_args.get(option, OPTIONS[option].default) for option in OPTIONS)
    torch.manual_seed(trial.seed)
    module = layer.build(nn, **{size: sizes[size] for size in layer.arguments})
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.is_meta and not parameter.any():  # a bias of zeros would hide what goes wrong with it
                parameter.normal_(0, 0.05)

    def inputs_at(trial: Any) -> Inputs:
        rng = _module.generator(trial.seed)
        features = [sizes[size] for size in layer.features]
        makers = {
            "x": lambda: torch.randn((nodes, *features), generator=rng),
            "x_0": lambda: torch.randn((nodes, *features), generator=rng),
            "edge_index": lambda: torch.randint(nodes, (2, edges), generator=rng),
            "pos_edge_index": lambda: torch.randint(nodes, (2, edges), generator=rng),
            "neg_edge_index": lambda: torch.randint(nodes, (2, edges), generator=rng),
            "edge_attr": lambda: torch.randn((edges, EDGE_FEATURES), generator=rng),
        }
        return {read: makers[read]() for read in layer.reads}

    return _module.loaded(module, inputs_at, trial, task="graph", weights="random", positional=layer.reads)


def catalogue() -> list[CatalogueRow]:
    return [
        {
            "name": name,
            "task": "graph",
            "summary": "" if name in MLAGILITY else "ours, beside the corpus",
            "labels": {
                **_corpus.labels(name, "graph_convolutions", "mlagility" if name in MLAGILITY else "benchlib"),
                "task": ["Graph_Machine_Learning"],
            },
        }
        for name in LAYERS
    ]


def refuse(trial: Any) -> str | None:
    """A graph is one item: its nodes are no batch. And not every layer reads every size."""
    if trial.batch_size != 1:
        return "a graph network takes one graph, whose nodes are no batch: batch_size: 1 (model_args: num_nodes)"
    for option, value in trial.model_args.items():
        if value < 1:
            return f"model_args: {option}: {value} is not above 0"
    name = trial.model.rpartition("/")[2]
    if name in LAYERS:
        reads = LAYERS[name].sizes
        unread = [size for size in SIZES if getattr(trial, size) is not None and size not in reads]
        if unread:
            return f"{name} does not read {unread[0]}; it reads {', '.join(reads)}"
        if name == "egconv" and (trial.out_channels or DEFAULTS["out_channels"]) % 8:
            return "egconv has 8 heads: out_channels has to be a multiple of 8"
    return _refusals.no_attention(trial)


source = Source(
    name="graph_convolutions",
    summary="layers of torch_geometric on a random graph, MLAgility's and more",
    load=load,
    packages=("torch", "torch_geometric"),
    catalogue=catalogue,
    shapes=DEFAULTS,
    options=OPTIONS,
    refuse=refuse,
)
