"""The structure itself: what a nesting is without its leaves."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchlib.structures.builders import Builder
from benchlib.structures.pickles import dumped


@dataclass
class Structure:
    """What a nesting is without its leaves.

    `tree` is a JSON value: `["leaf", name]`, `["constant", value]`, `["list" or "tuple", [item, …]]`,
    `["dict", [[key, item], …]]`, or `["object", words, number, [[name, item], …]]`, which the builder of that number
    makes of its parts. Two structures are equal when their trees are.
    """

    tree: Any
    builders: Sequence[Builder] = field(default_factory=list, compare=False)
    pickled: bytes = field(default=b"", compare=False)  # the builders, where they came from a file

    def objects(self) -> Sequence[Builder]:
        """The builders; those of a file are opened when they are first wanted, which imports their classes."""
        if self.pickled:
            self.builders, self.pickled = pickle.loads(self.pickled), b""
        return self.builders

    def dumped(self) -> bytes:
        """The builders as bytes, which plain `pickle.loads` opens without benchlib."""
        return self.pickled or (dumped(list(self.builders)) if self.builders else b"")

    def objects_by(self, graph: str) -> dict[str, str]:
        """What the objects are called whose builders say this of graphs (`ANY`, `SOME`, `NONE`), by the names of their
        places."""
        objects = self.objects()
        places = [(n, node) for n, node in _places(self.tree, ()) if node[0] == "object" and node[3]]
        return {name: node[1] for name, node in places if objects[node[2]].graph == graph}

    def numbers(self) -> list[str]:
        """The names of the places at which Python's own numbers stand; `it` where the nesting is one."""
        return [name or "it" for name, node in _places(self.tree, ()) if _is_number(node)]


def _places(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """All nodes below one, with the names of their places."""
    yield "_".join(path), node
    kind, content = node[0], node[-1]
    if kind in ("dict", "object"):
        for key, item in content:
            yield from _places(item, (*path, str(key)))
    elif kind in ("list", "tuple"):
        for index, item in enumerate(content):
            yield from _places(item, (*path, str(index)))


def _is_number(node: Any) -> bool:
    return node[0] == "constant" and isinstance(node[1], (bool, int, float))
