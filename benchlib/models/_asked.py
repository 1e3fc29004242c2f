"""What inputs are made for, and what all kinds of inputs share: lengths within a batch, and their masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchlib.models._lengths import item_lengths
from benchlib.models._module import chance_of, generator
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

    def lengths(self, items: int, length: int) -> Any:
        """The lengths of items: in even steps for the recorded inputs, drawn for others."""
        return lengths(items, length, chance_of(self.trial))

    def mask(self, items: int, length: int) -> Any:
        """Which positions of the items are theirs; the others are padding on the right."""
        import torch

        return torch.arange(length) < self.lengths(items, length)[:, None]

    def normal(self, *shape: int) -> Any:
        import torch

        return torch.randn(shape, generator=self.generator())

    def first(self, *names: str, config: Any = None, default: Any = None) -> Any:
        """The first of these values that the configuration has."""
        found = (getattr(config or self.config, name, None) for name in names)
        return next((value for value in found if value is not None), default)


def lengths(items: int, length: int, rng: Any = None) -> Any:
    """The first item has the full length, the others get shorter in even steps down to half of it; with a generator
    they are drawn between the two."""
    import torch

    if rng is None:
        return torch.from_numpy(item_lengths(items, length))
    drawn = torch.randint((length + 1) // 2, length + 1, (items,), generator=rng)
    drawn[:1] = length
    return drawn
