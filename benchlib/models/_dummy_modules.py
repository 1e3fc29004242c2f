"""torch_bench's dummies: one small network under every kind of signature. Imported by functions of `explicit` only.

The names of the inputs are torch_bench's; the modules are written anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn


class Dummy(nn.Module):
    """A tensor in, a tensor out."""

    def __init__(self, width: int = 8, classes: int = 4):
        super().__init__()
        self.up, self.down = nn.Linear(width, 16), nn.Linear(16, classes)

    def scores(self, x):
        return self.down(torch.tanh(self.up(x)))

    def forward(self, x):
        return torch.sigmoid(self.scores(x))


class DummyTuple(Dummy):
    """A nested tuple out, with the input in it."""

    def forward(self, x):
        scores = self.scores(x)
        return torch.sigmoid(scores), (x, scores)


class Dummy2Outputs(Dummy):
    """Two outputs of a wide input, each through the same layers."""

    def __init__(self):
        super().__init__(width=1000, classes=100)

    def forward(self, x):
        return torch.sigmoid(self.scores(x + 1)), torch.softmax(self.scores(x), dim=-1)


class Dummy2Inputs(Dummy):
    """Two tensors in, of different widths."""

    def forward(self, x, y):
        return torch.sigmoid(self.scores(x) + y)


class DummyNamed(Dummy):
    """Two optional tensors, of which one is given."""

    def forward(self, input_x=None, input_y=None):
        return torch.sigmoid(-self.scores(input_y) if input_x is None else self.scores(input_x))


class DummyIList(Dummy):
    """A list of tensors among the inputs."""

    def forward(self, x, yz):
        return torch.sigmoid(self.scores(x + yz[0] * yz[1]))


class DummyIInt(Dummy):
    """A Python integer that picks a column."""

    def forward(self, x, i_input):
        return torch.sigmoid(self.scores(x))[:, i_input]


class DummyNoneInt(Dummy):
    """An input that is always None, and an integer, which may have a default."""

    def forward(self, x, empty_input=None, i_input=3):
        return torch.sigmoid(self.scores(x))[:, i_input]


class DummyNoneListInt(Dummy):
    """A list with None among its tensors, and an integer that cuts the batch."""

    def forward(self, x, yz, i_input):
        return torch.sigmoid(self.scores(x + yz[0] * yz[3]))[:i_input]


@dataclass
class MambaCache:
    """The state of a Mamba-like model between two tokens: what transformers' class of this name held."""

    conv_states: torch.Tensor  # layers × batch × channels × kernel
    ssm_states: torch.Tensor  # layers × batch × channels × states


class DummyMambaCache(nn.Module):
    """One token through Mamba-like layers: a cache in, the next one out.

    A cache comes as a mapping of its fields: that is what any dataclass becomes on its way through a file
    (`benchlib.tensors`).
    """

    LAYERS, KERNEL, STATES = 2, 4, 3

    def __init__(self, channels: int = 8):
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, self.KERNEL, groups=channels) for _ in range(self.LAYERS)
        )
        self.gates = nn.ModuleList(nn.Linear(channels, self.STATES) for _ in range(self.LAYERS))
        self.decay = nn.Parameter(torch.rand(channels, self.STATES))

    def forward(self, x, cache: Mapping[str, torch.Tensor]):
        before, windows, states = MambaCache(**cache), [], []
        for layer, (convolution, gate) in enumerate(zip(self.convolutions, self.gates, strict=True)):
            window = torch.cat([before.conv_states[layer][..., 1:], x[..., None]], -1)
            mixed = torch.nn.functional.silu(convolution(window)[..., 0])
            state = torch.exp(-self.decay) * before.ssm_states[layer] + mixed[..., None] * gate(mixed)[:, None]
            x = x + state.mean(-1)
            windows.append(window)
            states.append(state)
        return x, MambaCache(torch.stack(windows), torch.stack(states))


class Fails(Dummy):
    """What its layers give does not fit what it is multiplied by."""

    def forward(self, x):
        return torch.sigmoid(self.scores(x) * torch.ones(3))


class FailsExport(Dummy):
    """The values of the input decide which way it goes: a graph of one way would compute something else."""

    def forward(self, x):
        scores = self.scores(x)
        return torch.sigmoid(scores) if x.sum() > 0 else torch.tanh(scores)
