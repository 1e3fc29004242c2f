"""Models that are no functions of their inputs."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class DropsOut(nn.Module):
    """Dropout by the function, which is on unless it is told otherwise."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(32, 8)

    def forward(self, x):
        return self.f(F.dropout(x, 0.3))


class AddsNoise(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(32, 8)

    def forward(self, x):
        return self.f(x + 0.1 * torch.randn_like(x))


class KeepsSamples(nn.Module):
    """Its answer depends on what it was called with before."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(10, 4)
        self.register_buffer("last", torch.zeros(10))

    def forward(self, chunk):
        self.last = torch.cat([self.last, chunk])[-10:]
        return self.f(self.last)


class CountsCalls(nn.Module):
    """A state that is no buffer."""

    def __init__(self):
        super().__init__()
        self.f, self.calls = nn.Linear(32, 8), 0

    def forward(self, x):
        self.calls += 1
        return self.f(x) * self.calls


class NotANumber(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(32, 8)

    def forward(self, x):
        return (self.f(x) - 100).sqrt()


class WritesIntoItsInput(nn.Module):
    """A function of its input, which it shrinks."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(1024, 1024)

    def forward(self, x):
        return self.f(x.mul_(0.9))


x = torch.randn(64, 32)
for kind in (DropsOut, AddsNoise, CountsCalls, NotANumber):
    kind().eval()(x)
WritesIntoItsInput().eval()(torch.randn(256, 1024))
KeepsSamples().eval()(torch.randn(5))
