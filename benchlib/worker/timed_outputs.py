"""What timed calls answered: hashed after their block has ended, and stored where nobody knows it yet.

So what is checked is what is timed: the same session, the same buffers, in the phase whose figures are published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.tensors import FlatTensors
from benchlib.worker.messages import NewOutputs

HASHED = 4 << 20  # bytes: some milliseconds


class OutputCheck:
    """The outputs of one session for its sets of inputs.

    An engine that is right need not repeat itself to the bit, so one set may have many outputs. Of those that are not
    known the first is stored, then the second, the fourth, … of each set: few files, and one that is wrong again and
    again is among them.

    Args:
        session: whose outputs they are.
        prefix: how the names of stored files begin.
        known: hashes of outputs that need no file, by the number of their set.
        sets: how many there are.

    Attributes:
        seen: the sets whose outputs were looked at.
        timed: the sets that counted samples were taken on.
    """

    def __init__(self, session: Any, prefix: Path, known: Mapping[int, Iterable[str]], sets: int):
        self.session, self.prefix, self.sets = session, prefix, sets
        self.seen: set[int] = set()
        self.timed: set[int] = set()
        self._known = {number: set(known.get(number, ())) for number in range(sets)}
        self._unknown = [0] * sets  # how often outputs of a set were not known

    def look_at(self, outputs: Any, number: int) -> list[NewOutputs]:
        """Outputs for a set, as the session gave them. Returns what was stored of them, if anything."""
        self.seen.add(number)
        leaves = tensors.leaves_of(getattr(self.session, "to_host", lambda given: given)(outputs))
        digest = hash_of(leaves)
        if digest in self._known[number]:
            return []
        self._unknown[number] += 1
        if self._unknown[number] & (self._unknown[number] - 1):  # no power of two
            return []
        self._known[number].add(digest)
        file = self.prefix.with_name(f"{self.prefix.name}-{number}-{digest}.npz")
        # The recorded inputs' are compared whole, those of other sets as they are thinned.
        tensors.save_outputs(file, leaves if number == 0 else tensors.thinned_leaves(leaves))
        return [NewOutputs(number, digest, file)]

    def note_timed(self, begin: int, first: int, end: int) -> None:
        """That the calls `first` to `end` of a block count, whose call 0 was on the set `begin`."""
        self.timed |= {(begin + call) % self.sets for call in range(first, min(end, first + self.sets))}

    def unseen(self) -> list[int]:
        """The sets that were timed and not looked at."""
        return sorted(self.timed - self.seen)


def hash_of(leaves: FlatTensors) -> str:
    """The hash by which outputs are compared, of at most `HASHED` bytes of what `tensors.thinned` leaves of them, taken
    evenly; of all of them where they are small. What lies on a device is thinned there."""
    thin = tensors.thinned_leaves(leaves)
    step = -(-sum(leaf.nbytes for leaf in thin.values()) // HASHED)
    if step > 1:
        thin = {name: leaf.reshape(-1)[::step] for name, leaf in thin.items()}
    return tensors.content_hash(thin)


def share_memory(one: Any, other: Any) -> bool:
    """Whether some of two calls' outputs lie at one address: then the later call has overwritten the earlier one's."""
    return not {*_addresses(one)}.isdisjoint(_addresses(other))


def _addresses(outputs: Any) -> Iterator[int]:
    """Where arrays and tensors begin in memory, those of onnxruntime's values too; empty ones lie nowhere."""
    if isinstance(outputs, np.ndarray):
        if outputs.size:
            yield outputs.__array_interface__["data"][0]
    elif hasattr(outputs, "data_ptr"):
        if address := outputs.data_ptr():
            yield address
    elif isinstance(outputs, Mapping):
        for item in outputs.values():
            yield from _addresses(item)
    elif isinstance(outputs, (list, tuple)):
        for item in outputs:
            yield from _addresses(item)
