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
MARKED = 64  # numbers of an output by which one that was overwritten is known


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


class KeptOutputs:
    """The outputs of a call that others follow before they are looked at, made right after it.

    Torch's tensors on a device are copied there, since later calls may take their memory (CUDA graphs do). What lies in
    the host's memory stays as it is, so that nothing is copied between samples, and is marked by a few of its numbers.
    """

    def __init__(self, outputs: Any):
        self.outputs = _copied_on_device(outputs)
        self._marks = _marks(self.outputs)

    def is_intact(self, last: Any) -> bool:
        """Whether the calls since, the `last` of which gave these outputs, left it alone: a session may answer in the
        same memory again, or in several by turns."""
        return {*_addresses(self.outputs)}.isdisjoint(_addresses(last)) and self._marks == _marks(self.outputs)


def _copied_on_device(outputs: Any) -> Any:
    if hasattr(outputs, "detach"):
        return outputs if outputs.device.type == "cpu" else outputs.clone()
    if isinstance(outputs, Mapping):
        return {key: _copied_on_device(item) for key, item in outputs.items()}
    if type(outputs) in (list, tuple):
        return type(outputs)(map(_copied_on_device, outputs))
    return outputs


def _marks(outputs: Any) -> list[bytes]:
    """Some numbers of every array and tensor in the host's memory."""
    marks = []
    for leaf in _leaves(outputs):
        on_host = isinstance(leaf, np.ndarray) or (hasattr(leaf, "detach") and leaf.device.type == "cpu")
        if on_host and isinstance(array := tensors.to_numpy(leaf), np.ndarray) and array.flags.c_contiguous:
            marks.append(array.reshape(-1)[:: max(1, array.size // MARKED)].tobytes())
    return marks


def _addresses(outputs: Any) -> Iterator[int]:
    """Where arrays and tensors begin in memory, those of onnxruntime's values too; empty ones lie nowhere."""
    for leaf in _leaves(outputs):
        address = leaf.__array_interface__["data"][0] if isinstance(leaf, np.ndarray) else leaf.data_ptr()
        if address and getattr(leaf, "size", 1) != 0:
            yield address


def _leaves(outputs: Any) -> Iterator[Any]:
    """The arrays, tensors and onnxruntime's values in any nesting."""
    if isinstance(outputs, np.ndarray) or hasattr(outputs, "data_ptr"):
        yield outputs
    elif isinstance(outputs, (Mapping, list, tuple)):
        for item in outputs.values() if isinstance(outputs, Mapping) else outputs:
            yield from _leaves(item)
