"""What inputs are made for, and what all kinds of inputs share: lengths within a batch, and their masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchlib.models._module import generator
from benchlib.tensors import Inputs


@dataclass(frozen=True)
class Asked:
    """A model of transformers and the trial whose sizes its inputs shall have."""

    config: Any
    module: Any
    takes: tuple[str, ...]  # parameters of forward
    required: frozenset[str]  # those without default
    trial: Any
    seq_length: int  # where the trial names none
    inputs: Inputs = field(default_factory=dict)  # what has been made so far

    @property
    def name(self) -> str:
        return type(self.module).__name__

    @property
    def batch(self) -> int:
        return self.trial.batch_size

    def generator(self) -> Any:
        return generator(self.trial.seed)

    def normal(self, *shape: int) -> Any:
        import torch

        return torch.randn(shape, generator=self.generator())

    def first(self, *names: str, config: Any = None, default: Any = None) -> Any:
        """The first of these values that the configuration has."""
        found = (getattr(config or self.config, name, None) for name in names)
        return next((value for value in found if value is not None), default)


def lengths(batch: int, length: int) -> Any:
    """The first item has the full length, the others get shorter in even steps down to half of it."""
    import torch

    return torch.linspace(length, (length + 1) // 2, batch).round().long()


def mask(batch: int, length: int) -> Any:
    """Which positions of the items are theirs; the others are padding on the right."""
    import torch

    return torch.arange(length) < lengths(batch, length)[:, None]
