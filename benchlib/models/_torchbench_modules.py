"""The small models of pytorch/benchmark that no library holds, written anew from their descriptions there."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock


def _block(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


def lennard_jones() -> nn.Module:
    """The energy between two particles from their distance."""
    *hidden, last = pairwise((1, 16, 16, 16, 16, 1))
    return _block(*(layer for pair in hidden for layer in (nn.Linear(*pair), nn.Tanh())), nn.Linear(*last))


def deep_recommender() -> nn.Module:
    """NVIDIA's autoencoder of a user's ratings; the dropout between its halves does nothing here."""
    sizes = (197951, 512, 512, 1024)
    pairs = [*pairwise(sizes), *pairwise(sizes[::-1])]
    return _block(*(layer for pair in pairs for layer in (nn.Linear(*pair), nn.SELU())))


def dcgan() -> nn.Module:
    """The discriminator of DCGAN, for images of 64 × 64."""
    layers = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for before, after in pairwise((64, 128, 256, 512)):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    model = _block(*layers, nn.Conv2d(512, 1, 4, bias=False), nn.Sigmoid())
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0, 0.02)
    return model


def omniglot(running: bool = True) -> nn.Module:
    """The network that MAML learns to adapt: five characters of 28 × 28; `running`: norms keep statistics."""
    layers = []
    for before in (1, 64, 64):
        norm = nn.BatchNorm2d(64, track_running_stats=running)
        layers += [nn.Conv2d(before, 64, 3), norm, nn.ReLU(), nn.MaxPool2d(2)]
    return _block(*layers, nn.Flatten(), nn.Linear(64, 5))


def painter() -> nn.Module:
    """LearningToPaint's actor: a ResNet-18 whose first stage halves too, from target, canvas, step and coordinates to
    five strokes."""

    def stage(before: int, after: int) -> nn.Module:
        shortcut = _block(nn.Conv2d(before, after, 1, 2, bias=False), nn.BatchNorm2d(after))
        return _block(BasicBlock(before, after, 2, shortcut), BasicBlock(after, after))

    stem = _block(nn.Conv2d(9, 64, 3, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
    stages = (stage(before, after) for before, after in pairwise((64, 64, 128, 256, 512)))
    return _block(stem, *stages, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, 65), nn.Sigmoid())


class Residual(nn.Module):
    """A block of the UvA course's ResNet: its shortcut is a bare strided convolution."""

    def __init__(self, before: int, after: int):
        super().__init__()
        stride = 1 if before == after else 2
        self.body = _block(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1, stride)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def course_resnet() -> nn.Module:
    """The UvA deep-learning course's ResNet for CIFAR-10 (Lippe): three groups of three blocks."""
    widths = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    stem = _block(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return _block(stem, *(Residual(*pair) for pair in pairwise(widths)), *_head(64))


class Dense(nn.Module):
    """A layer of DenseNet: what it computes stands before what it was given."""

    def __init__(self, before: int, growth: int, bottleneck: int):
        super().__init__()
        self.body = _block(
            *_activated(before),
            nn.Conv2d(before, bottleneck, 1, bias=False),
            *_activated(bottleneck),
            nn.Conv2d(bottleneck, growth, 3, padding=1, bias=False),
        )

    def forward(self, x):
        return torch.cat([self.body(x), x], 1)


def course_densenet(growth: int = 16) -> nn.Module:
    """The same course's DenseNet: four groups of six layers, halved in width and size between them."""
    width, layers = 2 * growth, [nn.Conv2d(3, 2 * growth, 3, padding=1)]
    for group in range(4):
        if group:
            layers += [*_activated(width), nn.Conv2d(width, width // 2, 1, bias=False), nn.AvgPool2d(2)]
            width //= 2
        for _ in range(6):
            layers.append(Dense(width, growth, 2 * growth))
            width += growth
    return _block(*layers, *_activated(width), *_head(width))


def _activated(width: int) -> tuple[nn.Module, ...]:
    return nn.BatchNorm2d(width), nn.ReLU()


def _head(width: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)


class UNet(nn.Module):
    """U-Net as in Pytorch-UNet: padded convolutions with norms, bilinear enlarging, two classes."""

    def __init__(self):
        super().__init__()
        widths = (64, 128, 256, 512, 512)
        self.down = nn.ModuleList(_twice(*pair) for pair in pairwise((3, *widths)))
        self.up = nn.ModuleList(
            _twice(2 * beside, after, beside) for beside, after in pairwise((512, 256, 128, 64, 64))
        )
        self.classes = nn.Conv2d(64, 2, 1)

    def forward(self, x):
        kept = []
        for step in self.down:
            x = step(nn.functional.max_pool2d(x, 2) if kept else x)
            kept.append(x)
        for step, beside in zip(self.up, kept[-2::-1], strict=True):
            larger = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            rows, columns = beside.shape[2] - larger.shape[2], beside.shape[3] - larger.shape[3]
            around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
            x = step(torch.cat([beside, nn.functional.pad(larger, around)], 1))
        return self.classes(x)


def _twice(before: int, after: int, between: int | None = None) -> nn.Module:
    between = between or after
    first = (nn.Conv2d(before, between, 3, padding=1), *_activated(between))
    return _block(*first, nn.Conv2d(between, after, 3, padding=1), *_activated(after))
