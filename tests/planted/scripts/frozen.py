"""Models whose course depends on the values of their inputs: a trace freezes what it saw, and is right there alone."""

import torch
from torch import nn

torch.manual_seed(0)


class BranchOnSum(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x):
        return self.f(x) if x.sum() > 0 else self.f(-3 * x)


class FrozenScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x):
        scale = float(x.abs().max()) / 127
        return self.f((x / scale).round() * scale) + scale


class FrozenMoments(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x):
        return self.f((x - float(x.mean())) / float(x.std()))


class FrozenStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x, t):
        return self.f(x) * float(t)


class FrozenTimestep(nn.Module):
    def __init__(self):
        super().__init__()
        self.f, self.times = nn.Linear(16, 8), nn.Embedding(1000, 8)

    def forward(self, x, timestep):
        return self.f(x) + self.times.weight[int(timestep[0])]


class SkippedMask(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.f = nn.Embedding(50, 16), nn.Linear(16, 8)

    def forward(self, ids, mask):
        x = self.words(ids)
        if mask.all():
            return self.f(x.mean(1))
        return self.f((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


class ClassesByMaximum(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(1, 4)

    def forward(self, ids):
        return self.f(nn.functional.one_hot(ids, int(ids.max()) + 1).float().sum(1)[..., None])


class LengthByMask(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.f = nn.Embedding(50, 16), nn.Linear(16, 8)

    def forward(self, ids, mask):
        n = int(mask.sum(1).max())
        return self.f(self.words(ids)[:, :n].sum(1))


class EightBitImage(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3)

    def forward(self, image):
        if image.max() > 1:
            image = image / 255
        return self.c(image).mean((2, 3))


class Loudness(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv1d(1, 8, 9, 4)

    def forward(self, wave):
        return self.c(wave / wave.abs().max().item()).mean(2)


class CountedItems(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x):
        kept = int((x > 0).sum())
        return self.f(x) / max(kept, 1)


class NoPadding(nn.Module):
    """The shorter way answers as the longer one does wherever it is taken."""

    def __init__(self):
        super().__init__()
        self.words, self.f, self.pad = nn.Embedding(50, 16), nn.Linear(16, 8), 3

    def forward(self, ids):
        x = self.words(ids)
        if not ids.eq(self.pad).any():
            return self.f(x.mean(1))
        kept = (ids != self.pad)[..., None]
        return self.f((x * kept).sum(1) / kept.sum(1).clamp(min=1))


class NoInfinity(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x, bias):
        scores = x @ x.transpose(1, 2)
        if torch.isinf(bias).any():
            scores = scores + bias[:, None]
        return self.f(scores.softmax(-1) @ x)


class EarlyStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 8)

    def forward(self, x, t):
        return self.f(x) * (1 if t < 500 else t)


ids, mask = torch.randint(0, 50, (3, 12)), torch.ones(3, 12, dtype=torch.long)
BranchOnSum().eval()(torch.randn(4, 16) + 0.5)
FrozenScale().eval()(torch.randn(4, 16))
FrozenMoments().eval()(torch.randn(4, 16))
FrozenStep().eval()(torch.randn(4, 16), torch.tensor(3.0))
FrozenTimestep().eval()(torch.randn(4, 16), torch.tensor([7, 7, 7, 7]))
SkippedMask().eval()(ids, mask)
ClassesByMaximum().eval()(ids)
LengthByMask().eval()(ids, mask.clone().index_fill_(1, torch.tensor([10, 11]), 0))
EightBitImage().eval()(torch.randint(0, 256, (1, 3, 32, 32)).float())
Loudness().eval()(0.5 * torch.randn(1, 1, 400))
CountedItems().eval()(torch.randn(4, 16))
NoPadding().eval()(torch.randint(10, 50, (3, 12)))
NoInfinity().eval()(torch.randn(3, 6, 16), torch.zeros(3, 6))
EarlyStep().eval()(torch.randn(4, 16), torch.tensor(10))
