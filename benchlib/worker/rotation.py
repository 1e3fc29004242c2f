"""The sets of inputs that are timed by rotation, and the buffers that they lie in.

A call is bound to a *buffer*: the arrays that it reads. A set of inputs does not stay in one: sets change places, so
that an engine that remembers its answers by the address of what it is given answers for another set. And of a model
that changes its inputs each call gets its buffer filled anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, pairwise
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.tensors import FlatArrays

EXCHANGED_AT_ONCE = 4 << 20  # bytes of a set: larger ones change places in every second block, every third, …


class Rotation:
    """Sets of inputs, by their numbers, in bound buffers.

    Args:
        calls: one on each buffer; set n lies in the n-th.
        buffers: the arrays that each call reads in place; none where that is not known.
        pristine: the sets as they were, of a model that changes its inputs; needs `buffers`.
    """

    def __init__(
        self,
        calls: Sequence[Callable[[], Any]],
        buffers: Sequence[FlatArrays] = (),
        pristine: Sequence[FlatArrays] = (),
    ):
        self.calls, self.buffers, self.pristine = list(calls), list(buffers), list(pristine)
        self._place = list(range(len(self.calls)))  # of each set, its buffer
        self._size = sum(array.nbytes for array in self.buffers[0].values()) if self.buffers else 0
        self._exchanges = len(self.calls) > 1 and are_exchangeable(self.buffers)
        self._asked = 0  # how often sets were to change places
        self._chance = random.Random(0)  # alike in all processes

    def call_on(self, number: int) -> Callable[[], Any]:
        """The call on a set, whose buffer holds it already."""
        return self.calls[self._place[number]]

    def calls_from(self, number: int) -> Iterator[Callable[[], Any]]:
        """Calls on this set, counted on beyond their number, and on those after it in turn, without end. Where inputs
        are given afresh this happens as the iterator is moved on, before whoever times the call reads the clock."""
        first = number % len(self.calls) if self.calls else 0
        numbers = [*range(first, len(self.calls)), *range(first)]
        return self._given_afresh(numbers) if self.pristine else cycle([self.call_on(n) for n in numbers])

    def exchange(self, number: int) -> None:
        """Sets change places, where the calls read their buffers in place: all of them at first, later this one and one
        that is drawn, so that no order of calls finds them where they were."""
        asked, self._asked = self._asked, self._asked + 1
        if not self._exchanges or asked % (1 + self._size // EXCHANGED_AT_ONCE):
            return
        count = len(self.calls)
        own = self._place[number % count]
        if asked:
            self._swap(own, (own + self._chance.randrange(1, count)) % count)
            return
        for place in range(count - 1):
            self._swap(place, place + 1)

    def _swap(self, one: int, other: int) -> None:
        """Two buffers take each other's contents."""
        for name, array in self.buffers[one].items():
            held = array.copy()
            array[...] = self.buffers[other][name]
            self.buffers[other][name][...] = held
        moved = {one: other, other: one}
        self._place = [moved.get(place, place) for place in self._place]

    def _given_afresh(self, numbers: Sequence[int]) -> Iterator[Callable[[], Any]]:
        for number in cycle(numbers):
            for name, array in self.buffers[self._place[number]].items():
                array[...] = self.pristine[number][name]
            call = self.call_on(number)
            getattr(call, "renew", _nothing)()
            yield call


def _nothing() -> None:
    """What there is to do before a call whose inputs hold no objects."""


def are_exchangeable(buffers: Sequence[FlatArrays]) -> bool:
    """Whether buffers can take each other's contents: arrays of the same names, dtypes and shapes, which can be
    written, and none of which shares memory with another."""
    if not buffers or not all(map(is_writable, buffers)):
        return False
    kinds = [{name: (tensors.dtype_of(a), a.dtype, a.shape) for name, a in buffer.items()} for buffer in buffers]
    spans = sorted(
        np.lib.array_utils.byte_bounds(array) for buffer in buffers for array in buffer.values() if array.size
    )
    apart = all(before[1] <= after[0] for before, after in pairwise(spans))
    return apart and all(kind == kinds[0] for kind in kinds)


def is_writable(buffer: FlatArrays) -> bool:
    """Whether its arrays can be written. They lie in memory as they are read (`worker.binding`)."""
    return all(isinstance(a, np.ndarray) and a.flags.writeable for a in buffer.values())
