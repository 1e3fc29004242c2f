"""Modules that are no functions, or look as if they were none; their tests stand in `test_natures.py`."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Drops(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)

    def forward(self, x):
        return F.dropout(self.a(x), 0.3)


class ThrowsDice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)

    def forward(self, x):
        return self.a(x) + float(np.random.rand())


class KeepsSamples(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)
        self.register_buffer("last", torch.zeros(4, 16))

    def forward(self, x):
        self.last = 0.5 * self.last + x
        return self.a(self.last)


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.seen = nn.Linear(16, 8), [0]

    def forward(self, x):
        self.seen[0] += 1
        return self.a(x) / self.seen[0]


class ShrinksItsInput(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)

    def forward(self, x):
        return self.a(x.mul_(0.9))


class Healthy(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.drop = nn.Linear(16, 48), nn.LayerNorm(16), nn.Dropout(0.1)

    def forward(self, x):
        q, k, v = self.a(self.norm(x)).chunk(3, -1)
        return self.drop(F.scaled_dot_product_attention(q[None], k[None], v[None]))


class Normalises(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(16))
        self.register_buffer("var", torch.ones(16))

    def forward(self, x):
        return F.batch_norm(x, self.mean, self.var, training=True)


class RunsExportedAlone(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(16, 8)

    def forward(self, x):
        if torch.is_inference_mode_enabled():
            raise RuntimeError("no inference here")
        return self.a(x)
