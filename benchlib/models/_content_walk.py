"""The walk through all that an object holds, and the digest of what the objects on it say of themselves.

How the objects of a class are walked is a function (`Walked`): it takes one of them and the walk, and gives what the
object says of itself, and what it holds. Which function that is, says the table in `_content`.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from benchlib.models import _facts
from benchlib.models._content_values import is_value, text_of

LENGTH = 16  # hexadecimal digits of a digest
_EQUAL_BY_VALUE = (tuple, frozenset, types.CodeType, slice, range)  # whether two are one object says nothing
Parts = tuple[str, Iterable[Any]]  # what an object says of itself, and the objects that it holds, in order
Walked = Callable[[Any, "Walk"], Parts]
Original = Callable[[types.FunctionType], types.FunctionType]  # of a function as it was written


def as_it_is(function: types.FunctionType) -> types.FunctionType:
    return function


@dataclass(frozen=True)
class Terms:
    """What counts on a walk.

    Args:
        walked: how the objects of a class are walked.
        values: whether the numbers of tensors and arrays count; without, their dtype and shape alone.
        as_written: gives for a function the one that counts.
        trained: ids of modules whose training mode does not count, as they are run in evaluation mode.
    """

    walked: Callable[[type], Walked]
    values: bool = True
    as_written: Original = as_it_is
    trained: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Content:
    """What a walk came to.

    Attributes:
        digest: of all that was walked.
        hides: whether something on it may hold what no walk sees, as a cache of results does.
        asks: whether code on it may read files or the environment when it is called.
    """

    digest: str
    hides: bool
    asks: bool


class Walk:
    """One walk, without recursion: what an object holds waits for its turn."""

    def __init__(self, terms: Terms, seen: dict[int, int]):
        """`seen` are the numbers of the objects that were walked already, by their ids."""
        self.terms, self._seen = terms, seen
        self.stand_ins: dict[Any, Any] = {}  # objects that are walked in place of others, by what they stand for
        self.hides = self.asks = False  # see `Content`
        self._hash = hashlib.sha256()
        self._held: list[Any] = []  # lives as long as the walk: a number of an object is not given twice

    def run(self, objects: Iterable[Any]) -> str:
        waiting = list(objects)[::-1]
        while waiting:
            item = waiting.pop()
            kind = type(item)  # not `isinstance`: an object may answer for its class, or refuse to
            if is_value(kind):
                self._say(text_of(item))
                continue
            if not issubclass(kind, _EQUAL_BY_VALUE):
                if id(item) in self._seen:
                    self._say(f"again {self._seen[id(item)]}")
                    continue
                self._seen[id(item)] = len(self._seen)
            text, parts = self.terms.walked(kind)(item, self)
            inner = list(parts)
            self._held += [item, inner]
            self._say(f"{text} {len(inner)}")
            waiting += reversed(inner)
        return self._hash.hexdigest()[:LENGTH]

    def unordered(self, items: Collection[Any]) -> list[str]:
        """The digests of objects whose order says nothing, sorted."""
        walks = [Walk(self.terms, dict(self._seen)) for item in items]
        found = sorted(walk.run([item]) for walk, item in zip(walks, items, strict=True))
        self.hides, self.asks = self.hides or any(w.hides for w in walks), self.asks or any(w.asks for w in walks)
        return found

    def add_tensor(self, tensor: Any) -> None:
        if self.terms.values:
            _facts.add_bytes(self._hash, tensor)

    def add_array(self, array: Any) -> None:
        if self.terms.values:
            _facts.add_array_bytes(self._hash, array)

    def _say(self, text: str) -> None:
        data = text.encode(errors="surrogatepass")
        self._hash.update(b"%d:" % len(data))
        self._hash.update(data)
