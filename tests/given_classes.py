"""Classes of inputs, in a module that any process imports."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import Any, NamedTuple

import torch


@dataclasses.dataclass
class Batch:
    x: Any
    weight: Any
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any

    def __post_init__(self):
        assert self.x is not None, "the constructor is not called again with parts of another kind"


class Derived(Batch):
    """A dataclass that got an attribute beside its fields."""


@dataclasses.dataclass
class OwnInit:
    """A dataclass whose constructor is its own, and takes something else."""

    x: Any

    def __init__(self, halves):
        self.x = halves * 2


class Doubling(OwnInit):
    """A child whose constructor takes what its field is called, and makes something else of it."""

    def __init__(self, x):
        super().__init__(x + 1)


@dataclasses.dataclass
class Rounding:
    """A dataclass that changes what is written into it."""

    x: Any

    def __setattr__(self, name, value):
        super().__setattr__(name, value + 1)


@dataclasses.dataclass
class Spec:
    """What describes a tensor and is none."""

    shape: Any
    dtype: Any


class Obliging:
    """An object that has every attribute that it is asked for."""

    def __init__(self, x):
        self.x = x

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return 5


class Plain:
    """An object that is its attributes."""

    def __init__(self, x):
        self.x, self._mask, self.depth = x, x > 0, 3


class Linked:
    """An object that holds one that holds it."""

    def __init__(self, x):
        self.x, self.inner = x, Plain(x + 1)
        self.inner.outer = self


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


class Reduced:
    """An object that says itself how it is pickled."""

    def __init__(self, x, word):
        self.x, self.word = x, word

    def __reduce__(self):
        return Reduced, (self.x, self.word)


class TwoParts(tuple):
    """A tuple that pickle does not open again: its constructor takes other things than it gives."""

    def __new__(cls, first, second):
        return super().__new__(cls, (first, second))


class Uncopied:
    """An object that is not to be copied."""

    def __deepcopy__(self, memo):
        raise RuntimeError("there is one of it")


class Shapeshifter:
    """An object that is another after it was stored."""

    def __reduce__(self):
        return list, ()


class Unshown:
    """An object that fails to show itself."""

    def __init__(self, number):
        self.number = number

    def __repr__(self):
        raise RuntimeError("not now")


class Listed(list):
    """A list with an attribute."""


class State(NamedTuple):
    h: Any
    c: Any


class Marked(State):
    """A named tuple that takes attributes."""


class Named(tuple):
    """A tuple that only says the names of its parts."""

    _fields = ("left", "right")


Pair = collections.namedtuple("Pair", ["left", "right"])


class Mode(enum.Enum):
    FAST = 1
    SLOW = 2


class Tagged(torch.Tensor):
    """A tensor with an attribute."""


class TakesAll(torch.nn.Module):
    """Parts of two dtypes and in two modes; its second output says how it was called: ones, where all is as given."""

    def __init__(self):
        super().__init__()
        self.mix, self.norm = torch.nn.Linear(4, 4).bfloat16(), torch.nn.BatchNorm1d(4)
        self.eval()
        self.norm.train()

    def forward(self, batch, column, cache, adjacency, wanted, mode, *, where):
        found = [
            type(batch) is Batch and batch.scale == 2.0,
            batch.x.stride() == (32, 1, 16, 4) and column.stride() == (8,),
            type(cache).__name__ == "DynamicCache" and cache.get_seq_length() == 3,
            adjacency.layout == torch.sparse_csr,
            wanted == {1, 2} and mode is Mode.FAST and where == (torch.device("cpu"), slice(1, None), ...),
            self.norm.training and not self.training and not self.mix.training,
        ]
        keys, _ = cache.update(batch.weight[None, None], batch.weight[None, None], 0)
        x = self.norm(batch.x.mean((2, 3)).to(self.norm.weight.dtype))
        mixed = self.mix(x.to(self.mix.weight.dtype)).to(x.dtype)
        looked_up = adjacency @ keys.mean((0, 1))[:2].to(adjacency.dtype)
        torch.ones(400, 400) @ torch.ones(400, 400)  # so long that one call can be timed alone
        return mixed.sum(1) + looked_up.sum() + column.sum(), torch.tensor([float(one) for one in found])


class LooksAtStrides(torch.nn.Module):
    """Answers ones where its input is a Batch of a transposed table and of a row of it."""

    def forward(self, batch, n):
        found = [type(batch) is Batch and n == 3, batch.x.stride() == (1, 6)]
        found.append(batch.weight.data_ptr() == batch.x.data_ptr() + 6 * 4)
        return torch.tensor([float(one) for one in found])
