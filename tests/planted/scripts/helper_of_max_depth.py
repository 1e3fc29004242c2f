"""Stands beside a script that imports it."""

from torch import nn


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 5)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(5, 5))])

    def forward(self, x):
        return self.blocks[0](self.fc(x))
