"""The torch modules of the suite `explicit`. Imported by its functions only."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrizations


class MLP(nn.Module):
    """Two layers, one tensor in, one out."""

    def __init__(self, width: int = 64, hidden: int = 256):
        super().__init__()
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.down(torch.relu(self.up(x)))


class TupleIO(nn.Module):
    """A tuple in; a tensor and a tuple out, one of them passed through unchanged."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.mix = nn.Linear(width, width)

    def forward(self, pair: tuple[torch.Tensor, torch.Tensor]):
        a, b = pair
        return self.mix(a) + b, (a * b, b)


class DictIO(nn.Module):
    """A dict in, a nested dict out, with None and a number among the values."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.mix = nn.Linear(width, width)

    def forward(self, batch: dict[str, torch.Tensor]):
        mixed = self.mix(batch["left"])
        return {"left": mixed, "states": {"sum": mixed + batch["right"], "cache": None}, "steps": 1}


class ListIO(nn.Module):
    """A list of tensors of different lengths in, a list out."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.mix = nn.Linear(width, width)

    def forward(self, parts: list[torch.Tensor]):
        return [self.mix(part) for part in parts]


class IntInput(nn.Module):
    """A tensor, a Python integer (a constant of exported graphs) and an optional input that is None."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.mix = nn.Linear(width, width)

    def forward(self, x, repeats: int, bias=None):
        for _ in range(repeats):
            x = torch.tanh(self.mix(x))
        return x if bias is None else x + bias


class ConvBN(nn.Module):
    """A convolution and a batch normalisation that exporters can fold together."""

    def __init__(self, channels: int = 16):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.uniform_(self.norm.running_mean, -0.5, 0.5)  # as after training: folding them is no no-op
        nn.init.uniform_(self.norm.running_var, 0.5, 1.5)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x))).mean((-2, -1))


class WeightNormed(nn.Module):
    """Parametrized layers, which refuse to be pickled as they are."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.first = parametrizations.weight_norm(nn.Linear(width, width))
        self.second = parametrizations.weight_norm(nn.Conv1d(1, 4, 3))

    def forward(self, x):
        return self.second(torch.tanh(self.first(x))[:, None])
