"""The torch modules of the suite `selftest`. Imported by its functions only."""

from __future__ import annotations

from torch import nn


class Linear(nn.Module):
    """A layer that keeps the width."""

    def __init__(self, width: int):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return self.fc(x)


class TwoLayer(nn.Module):
    """A layer that halves the width, and one that keeps it."""

    def __init__(self, width: int):
        super().__init__()
        self.fc, self.fc2 = nn.Linear(width, width // 2), nn.Linear(width // 2, width // 2)

    def forward(self, x):
        return self.fc2(self.fc(x))
