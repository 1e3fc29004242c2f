"""Modules with a shorter way that answers as the longer one does wherever it is taken: an export that kept the way of
the recorded inputs alone is wrong where the other one is taken, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


class TwoWays(nn.Module):
    """Asks a question about its inputs, and answers by one way or the other.

    Args:
        question: of the inputs by name.
        ways: for yes and for no, of the layer and the inputs.
    """

    def __init__(self, question: Callable[..., Any], yes: Callable[..., Any], no: Callable[..., Any]):
        super().__init__()
        torch.manual_seed(0)
        self.fc, self.words = nn.Linear(16, 8), nn.Embedding(1200, 16)
        self.question, self.ways = question, {True: yes, False: no}
        self.frozen: bool | None = None  # the answer that an export kept

    def forward(self, **inputs):
        answer = bool(self.question(**inputs)) if self.frozen is None else self.frozen
        return self.ways[answer](self, **inputs)


@dataclass(frozen=True)
class Shortcut:
    """A module and its recorded inputs."""

    module: Callable[[], TwoWays]
    inputs: dict[str, Any]


def by_padding(question: Callable[..., Any], pad: int) -> Callable[[], TwoWays]:
    def pooled(self, ids):
        kept = (ids != pad)[..., None]
        return self.fc((self.words(ids) * kept).sum(1) / kept.sum(1).clamp(min=1))

    return lambda: TwoWays(question, lambda self, ids: self.fc(self.words(ids).mean(1)), pooled)


def by_bias(question: Callable[..., Any]) -> Callable[[], TwoWays]:
    def attended(self, x, bias):
        return self.fc(torch.softmax(x @ x.mT + bias[:, None], -1) @ x)

    return lambda: TwoWays(question, lambda self, x, bias: self.fc(torch.softmax(x @ x.mT, -1) @ x), attended)


def of_x(question: Callable[..., Any], yes: Callable[..., Any], no: Callable[..., Any]) -> Callable[[], TwoWays]:
    """Ways that change x before the layer."""
    return lambda: TwoWays(question, lambda self, x: self.fc(yes(x)), lambda self, x: self.fc(no(x)))


def by_step(question: Callable[..., Any]) -> Callable[[], TwoWays]:
    return lambda: TwoWays(question, lambda self, x, t: self.fc(x) * 2, lambda self, x, t: self.fc(x) + t)


def same(x):
    return x


G = torch.Generator().manual_seed(3)
X, POSITIVE = torch.randn(3, 6, 16, generator=G), torch.rand(3, 6, 16, generator=G)
IMAGE = torch.rand(1, 3, 24, 16, generator=G)
IDS = torch.randint(8, 90, (3, 12), generator=G)
HOLES = {"x": X, "bias": torch.zeros(3, 6)}
STEP, NUMBER = {"x": X, "t": torch.tensor(10)}, {"x": X, "t": torch.tensor([150, 150, 150])[:, None, None]}
SHORTCUTS = {
    "no padding of 0": Shortcut(by_padding(lambda ids: ids.ne(0).all(), 0), {"ids": IDS}),
    "no padding of 1": Shortcut(by_padding(lambda ids: not (ids == 1).any(), 1), {"ids": IDS}),
    "no padding of 7": Shortcut(by_padding(lambda ids: not ids.eq(torch.tensor(7)).any(), 7), {"ids": IDS}),
    "no padding of 1199, of one item": Shortcut(by_padding(lambda ids: ids.ne(1199).all(), 1199), {"ids": IDS[:1]}),
    "no padding in the last column": Shortcut(by_padding(lambda ids: ids[:, -1].ne(5).all(), 5), {"ids": IDS}),
    "0 in it": Shortcut(by_padding(lambda ids: 0 not in ids, 0), {"ids": IDS}),
    "0 in a list of it": Shortcut(by_padding(lambda ids: 0 not in ids.flatten().tolist(), 0), {"ids": IDS}),
    "no padding, counted": Shortcut(by_padding(lambda ids: not (ids == 0).nonzero().shape[0], 0), {"ids": IDS}),
    "no infinity": Shortcut(by_bias(lambda x, bias: not torch.isinf(bias).any()), HOLES),
    "nothing added": Shortcut(by_bias(lambda x, bias: not bias.any()), HOLES),
    "not the lowest": Shortcut(by_bias(lambda x, bias: not (bias == torch.finfo(bias.dtype).min).any()), HOLES),
    "nothing below -1000": Shortcut(by_bias(lambda x, bias: bias.min() > -1000), HOLES),
    "nothing negative": Shortcut(of_x(lambda x: (x >= 0).all(), same, torch.relu), {"x": POSITIVE}),
    "nothing negative in an image": Shortcut(of_x(lambda x: x.min() >= 0, same, torch.relu), {"x": IMAGE}),
    "something negative": Shortcut(of_x(lambda x: (x < 0).any(), same, lambda x: x + 1), {"x": X}),
    "nothing above 3": Shortcut(
        of_x(lambda x: not (x > 3).any(), same, lambda x: x.clamp(max=3)), {"x": POSITIVE[..., :16] - 0.5}
    ),
    "some are not equal": Shortcut(
        of_x(lambda x: x.min() != x.max(), lambda x: (x - x.mean()) / x.std(), torch.zeros_like), {"x": X}
    ),
    "not all zero": Shortcut(of_x(lambda x: x.any(), lambda x: x / x.norm(), torch.zeros_like), {"x": X}),
    "not a number": Shortcut(of_x(lambda x: x.isnan().any(), torch.nan_to_num, same), {"x": X}),
    "all finite": Shortcut(of_x(lambda x: torch.isfinite(x).all(), same, torch.nan_to_num), {"x": X}),
    "something is masked": Shortcut(
        lambda: TwoWays(
            lambda x, mask: mask.sum() == mask.numel(),
            lambda self, x, mask: self.fc(x.mean(1)),
            lambda self, x, mask: self.fc((x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)) + 1,
        ),
        {"x": X, "mask": torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]])},
    ),
    "a late step": Shortcut(by_step(lambda x, t: t >= 500), STEP),
    "a late step, asked as a number": Shortcut(by_step(lambda x, t: int(t) > 500), STEP),
    "a hundred": Shortcut(by_step(lambda x, t: int(t) > 100), STEP),
    "step 0": Shortcut(by_step(lambda x, t: int(t) == 0), STEP),
    "the first step": Shortcut(by_step(lambda x, t: t.item() == 1), STEP),
    "a few of 150": Shortcut(by_step(lambda x, t: int(t.max()) < 20), NUMBER),
    "exactly 777": Shortcut(by_step(lambda x, t: (t == 777).all()), NUMBER),
    "two items are alike": Shortcut(of_x(lambda x: (x[0] == x[1]).all(), same, lambda x: x * 2), {"x": X}),
    "another first one": Shortcut(
        by_padding(lambda ids: ids[0, 0] == int(IDS[0, 0]), 8), {"ids": IDS.clone().index_fill_(1, torch.tensor(3), 8)}
    ),
}
