"""Models that are right by every exporter, and whose outputs look as if they were not: they have to pass."""

import torch
from torch import nn

torch.manual_seed(0)


class OneNumber(nn.Module):
    """A regressor: one number, far from zero, for one item."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 1)

    def forward(self, x):
        return 290 + self.f(x)


class UniformSoftmax(nn.Module):
    """Classes that are all nearly as likely."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 10)

    def forward(self, x):
        return (1e-4 * self.f(x)).softmax(-1)


class OneHot(nn.Module):
    """Softmax of large logits."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 10)

    def forward(self, x):
        return (1000 * self.f(x)).softmax(-1)


class AllZeros(nn.Module):
    """A ReLU behind which nothing is left."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 10)

    def forward(self, x):
        return (self.f(x) - 1e4).relu()


class MaskedLogits(nn.Module):
    """Logits of which every other one is masked by the lowest number that a float16 can hold, and by more."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 12)
        self.register_buffer("mask", torch.arange(12) % 2 == 0)

    def forward(self, x):
        y = self.f(x)
        return y.masked_fill(self.mask, -6e4), y.masked_fill(self.mask, -1e30)


class BoxesAndScores(nn.Module):
    """Pixels beside probabilities."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 7)

    def forward(self, x):
        y = self.f(x)
        return torch.cat([320 + 300 * y[..., :4].tanh(), y[..., 4:].sigmoid()], -1)


class LooksAtShapes(nn.Module):
    """A course that depends on the shape of its input alone."""

    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x):
        rows = len(x)
        return self.f(x if rows > 2 else x.repeat(2, 1)) / rows


x = torch.randn(6, 16)
OneNumber().eval()(torch.randn(1, 16))
for kind in (UniformSoftmax, OneHot, AllZeros, MaskedLogits, BoxesAndScores, LooksAtShapes):
    kind().eval()(x)
