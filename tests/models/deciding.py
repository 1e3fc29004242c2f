"""Modules that decide on the values of their inputs: what a trace fixes there is right for the recorded inputs alone.

Each writes its decision to `decided` at every call, beside what it answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


class Deciding(nn.Module):
    """A linear layer behind a decision."""

    def __init__(self, features: int = 16):
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(features, features)
        self.decided: Any = None


class BranchOnSum(Deciding):
    def forward(self, x):
        self.decided = bool(x.sum() > 0)
        return self.fc(x) if self.decided else 5 * self.fc(-x) + 3


class ScaleByMaximum(Deciding):
    def forward(self, x):
        self.decided = scale = float(x.abs().max()) / 127
        return self.fc((x / scale).round() * scale)


class Standardised(Deciding):
    def forward(self, x):
        self.decided = mean, spread = float(x.mean()), float(x.std())
        return self.fc((x - mean) / spread)


class TimesNumber(Deciding):
    def forward(self, x, t):
        self.decided = float(t)
        return self.fc(x) * self.decided


class FirstTimestep(Deciding):
    def forward(self, x, timestep):
        self.decided = int(timestep[0])
        return self.fc(x) * (1 + self.decided)


class MaskOfOnes(Deciding):
    def forward(self, x, mask):
        self.decided = bool(mask.all())
        x = self.fc(x)
        return x.mean(1) if self.decided else (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


class NumberOfClasses(Deciding):
    def forward(self, ids):
        self.decided = int(ids.max()) + 1
        return nn.functional.one_hot(ids, self.decided).float()


class LengthByMask(Deciding):
    def forward(self, x, mask):
        self.decided = int(mask.sum(1).max())
        return self.fc(x[:, : self.decided]).sum(1)


class RangeOfImage(Deciding):
    def forward(self, image):
        self.decided = bool(image.max() > 1)
        return (image / 255 if self.decided else image).mean((-2, -1))


class Loudness(Deciding):
    def forward(self, wave):
        self.decided = wave.abs().max().item()
        return wave / self.decided


class LengthOfItems(Deciding):
    def forward(self, x, lengths):
        self.decided = lengths.tolist()
        return torch.stack([self.fc(own[:n]).sum(0) for own, n in zip(x, self.decided, strict=True)])


class Causal(Deciding):
    def forward(self, x, causal):
        self.decided = bool(causal)
        return self.fc(x.cumsum(1) if self.decided else x)


@dataclass(frozen=True)
class Case:
    """A module with what makes its inputs, as a script would."""

    module: type[Deciding]
    inputs: Callable[[Any], dict[str, Any]]  # of a generator


def _rand(generator: Any, *shape: int) -> Any:
    return torch.rand(shape, generator=generator)


def _randn(generator: Any, *shape: int) -> Any:
    return torch.randn(shape, generator=generator)


def _padding(g: Any) -> Any:
    return (torch.arange(12) < torch.tensor([12, 9, 7])[:, None]).long()


CASES = {
    "branch on the sum": Case(BranchOnSum, lambda g: {"x": _randn(g, 4, 16)}),
    "branch on the sum of hidden states": Case(BranchOnSum, lambda g: {"x": _randn(g, 2, 24, 16)}),
    "branch on the sum of positive numbers": Case(BranchOnSum, lambda g: {"x": _rand(g, 4, 16)}),
    "scale by the maximum": Case(ScaleByMaximum, lambda g: {"x": _randn(g, 4, 16)}),
    "mean and spread": Case(Standardised, lambda g: {"x": _randn(g, 4, 16)}),
    "a number": Case(TimesNumber, lambda g: {"x": _randn(g, 4, 16), "t": torch.tensor(0.7)}),
    "a number in a list": Case(TimesNumber, lambda g: {"x": _randn(g, 4, 16), "t": torch.tensor([2.0])}),
    "a timestep": Case(FirstTimestep, lambda g: {"x": _randn(g, 4, 16), "timestep": torch.tensor([10])}),
    "a timestep for each item": Case(
        FirstTimestep, lambda g: {"x": _randn(g, 4, 16), "timestep": torch.full((4,), 10)}
    ),
    "a mask of ones": Case(MaskOfOnes, lambda g: {"x": _randn(g, 3, 12, 16), "mask": torch.ones(3, 12).long()}),
    "a mask of yes": Case(MaskOfOnes, lambda g: {"x": _randn(g, 3, 12, 16), "mask": torch.ones(3, 12) > 0}),
    "a mask of floats": Case(MaskOfOnes, lambda g: {"x": _randn(g, 3, 12, 16), "mask": torch.ones(3, 12)}),
    "number of classes": Case(NumberOfClasses, lambda g: {"ids": torch.randint(0, 46, (2, 24), generator=g)}),
    "number of classes of one item": Case(NumberOfClasses, lambda g: {"ids": torch.randint(0, 46, (24,), generator=g)}),
    "number of classes of 0, 1, 2": Case(NumberOfClasses, lambda g: {"ids": torch.arange(12)[None]}),
    "a length by the mask": Case(LengthByMask, lambda g: {"x": _randn(g, 3, 12, 16), "mask": _padding(g)}),
    "a length by a full mask": Case(
        LengthByMask, lambda g: {"x": _randn(g, 1, 12, 16), "mask": torch.ones(1, 12, dtype=torch.long)}
    ),
    "an image of bytes": Case(RangeOfImage, lambda g: {"image": 255 * _rand(g, 1, 3, 24, 24)}),
    "an image of fractions": Case(RangeOfImage, lambda g: {"image": _rand(g, 1, 3, 24, 24)}),
    "an image of bytes, channels last": Case(RangeOfImage, lambda g: {"image": 255 * _rand(g, 1, 24, 24, 3)}),
    "loudness": Case(Loudness, lambda g: {"wave": 0.2 * _randn(g, 1, 1600).clamp(-1, 1)}),
    "lengths": Case(LengthOfItems, lambda g: {"x": _randn(g, 3, 12, 16), "lengths": torch.tensor([12, 9, 4])}),
    "lengths of all": Case(LengthOfItems, lambda g: {"x": _randn(g, 3, 12, 16), "lengths": torch.tensor([12] * 3)}),
    "a flag": Case(Causal, lambda g: {"x": _randn(g, 3, 12, 16), "causal": torch.tensor(True)}),
}  # fmt: skip
