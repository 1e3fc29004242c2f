"""The layers of the suite `graph_convolutions`, as data: how each is made, and what its forward reads.

`build` takes `torch_geometric.nn` and, by their names, the sizes that the layer reads.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EDGE_FEATURES = 6  # as the molecules have, on which MLAgility's scripts run the layers that read them


@dataclass(frozen=True)
class Layer:
    build: Callable[..., Any]
    reads: tuple[str, ...] = ("x", "edge_index")  # parameters of forward
    features: tuple[str, ...] = ("in_channels",)  # the sizes of x behind its nodes

    @property
    def arguments(self) -> list[str]:
        """The sizes that `build` takes."""
        return list(inspect.signature(self.build).parameters)[1:]

    @property
    def sizes(self) -> list[str]:
        """The sizes that make a difference to the layer or to its inputs."""
        return list(dict.fromkeys([*self.features, *self.arguments]))


_WITH_FEATURES = ("x", "edge_index", "edge_attr")


def _in_out(name: str) -> Layer:
    return Layer(lambda nn, in_channels, out_channels: getattr(nn, name)(in_channels, out_channels))


def _perceptron(nn: Any, *widths: int) -> Any:
    return nn.MLP(list(widths), norm=None)


MLAGILITY: dict[str, Layer] = {
    "appnp": Layer(lambda nn, k, alpha: nn.APPNP(k, alpha)),
    "armaconv": _in_out("ARMAConv"),
    "cgconv": Layer(lambda nn, in_channels: nn.CGConv(in_channels)),
    "chebconv": Layer(lambda nn, in_channels, out_channels, k: nn.ChebConv(in_channels, out_channels, k)),
    "dnaconv": Layer(lambda nn, in_channels: nn.DNAConv(in_channels), features=("num_layers", "in_channels")),
    "egconv": _in_out("EGConv"),
    "feastconv": _in_out("FeaStConv"),
    "filmconv": _in_out("FiLMConv"),
    "gatedgraphconv": Layer(  # it keeps the width of its nodes
        lambda nn, out_channels, num_layers: nn.GatedGraphConv(out_channels, num_layers), features=("out_channels",)
    ),
    "generalconv": _in_out("GeneralConv"),
    "ginconv": Layer(
        lambda nn, in_channels, out_channels: nn.GINConv(_perceptron(nn, in_channels, out_channels, out_channels))
    ),
    "gineconv": Layer(
        lambda nn, in_channels, out_channels: nn.GINEConv(
            _perceptron(nn, in_channels, out_channels, out_channels), edge_dim=EDGE_FEATURES
        ),
        _WITH_FEATURES,
    ),
    "gmmconv": Layer(
        lambda nn, in_channels, out_channels: nn.GMMConv(in_channels, out_channels, EDGE_FEATURES, kernel_size=2),
        _WITH_FEATURES,
    ),
    "leconv": _in_out("LEConv"),
    "lgconv": Layer(lambda nn: nn.LGConv()),
    "mfconv": _in_out("MFConv"),
    "nnconv": Layer(
        lambda nn, in_channels, out_channels: nn.NNConv(
            in_channels, out_channels, _perceptron(nn, EDGE_FEATURES, 25, in_channels * out_channels), aggr="mean"
        ),
        _WITH_FEATURES,
    ),
    "pnaconv": Layer(
        lambda nn, in_channels, out_channels: nn.PNAConv(
            in_channels, out_channels, ["sum"], ["identity"], deg=_one_edge_each()
        )
    ),
    "resgatedgraphconv": _in_out("ResGatedGraphConv"),
    "sageconv": _in_out("SAGEConv"),
    "signedconv": Layer(
        lambda nn, in_channels, out_channels: nn.SignedConv(in_channels, out_channels, first_aggr=True),
        ("x", "pos_edge_index", "neg_edge_index"),
    ),
    "tagconv": _in_out("TAGConv"),
}
OURS: dict[str, Layer] = {
    "agnnconv": Layer(lambda nn: nn.AGNNConv()),
    "clustergcnconv": _in_out("ClusterGCNConv"),
    "edgeconv": Layer(
        lambda nn, in_channels, out_channels: nn.EdgeConv(_perceptron(nn, 2 * in_channels, out_channels, out_channels))
    ),
    "gatconv": _in_out("GATConv"),
    "gatv2conv": _in_out("GATv2Conv"),
    "gcn2conv": Layer(lambda nn, in_channels, alpha: nn.GCN2Conv(in_channels, alpha), ("x", "x_0", "edge_index")),
    "gcnconv": _in_out("GCNConv"),
    "genconv": _in_out("GENConv"),
    "graphconv": _in_out("GraphConv"),
    "sgconv": Layer(lambda nn, in_channels, out_channels, k: nn.SGConv(in_channels, out_channels, k)),
    "ssgconv": Layer(lambda nn, in_channels, out_channels, alpha, k: nn.SSGConv(in_channels, out_channels, alpha, k)),
    "transformerconv": _in_out("TransformerConv"),
}
LAYERS = {**MLAGILITY, **OURS}


def _one_edge_each() -> Any:
    """A histogram of degrees: all nodes have one. Without scalers that depend on it, it decides nothing."""
    import torch

    return torch.tensor([0, 1])
