"""The walk through a nesting, which takes it apart into named leaves and the structure that is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchlib.errors import UserError
from benchlib.structures.builders import AsItIs, AsPickled, Builder, is_fixed
from benchlib.structures.kinds import Kind, kind_of
from benchlib.structures.names import class_words, name_of, part_name, value_words
from benchlib.structures.pickles import check_opens, paths_to, pickled
from benchlib.structures.structure import Structure
from benchlib.structures.tensor_kinds import is_leaf, is_special, is_tracing, special_parts

Leaves = dict[str, Any]

_SCALARS = (bool, int, float, str, type(None))
_SYMBOLS = ("SymInt", "SymFloat", "SymBool")  # what numbers are while torch exports


def flatten(nested: Any) -> tuple[Leaves, Structure]:
    """The leaves of `nested` by name, in order, and the structure to put them back.

    Raises:
        UserError: what cannot be stored, or does not come back as what it is: a lock, a generator, an open file, a
            list that holds itself. It names the place and the class.
    """
    walk = _Walk({}, [])
    tree = walk.tree_of(nested)
    return walk.leaves, Structure(tree, walk.builders or [])


def outline(nested: Any) -> tuple[Leaves, Structure]:
    """The leaves, and the nesting with objects as dicts of their parts: of outputs, which nobody makes again."""
    walk = _Walk({}, None)
    tree = walk.tree_of(nested)
    return walk.leaves, Structure(tree)


def leaves_of(nested: Any) -> Leaves:
    """The leaves alone."""
    return outline(nested)[0]


class _Cyclic(Exception):
    """An object holds one that holds it."""


class _Walk:
    """One way through a nesting, and what was found on it. Without `builders` objects are dicts of their parts."""

    def __init__(self, leaves: Leaves, builders: list[Builder] | None):
        self.leaves, self.builders = leaves, builders

    def tree_of(self, nested: Any) -> Any:
        """The node of the whole."""
        try:
            return self.node_of(nested, (), ())
        except RecursionError:
            words = class_words(nested)
            raise UserError(f"the value is a {words} that holds itself, or is too deep to be taken apart") from None

    def node_of(self, item: Any, path: tuple[str, ...], above: tuple[int, ...]) -> Any:
        """The node of an item that stands at `path`, inside of the objects `above`."""
        # Kinds stand in tuples in all that dynamo traces here: it knows no `type | type`.
        if is_leaf(item):
            name = name_of(path, self.leaves)
            self.leaves[name] = item
            return ["leaf", name]
        cls = type(item)
        if cls in _SCALARS or cls.__name__ in _SYMBOLS:
            return ["constant", item]
        if cls is dict and _has_plain_keys(item):
            return ["dict", [[key, self.node_of(value, (*path, str(key)), above)] for key, value in item.items()]]
        if cls is list or cls is tuple:
            items = [self.node_of(value, (*path, str(i)), above) for i, value in enumerate(item)]
            return ["tuple" if cls is tuple else "list", items]
        if is_special(item):
            parts, builder = special_parts(item)
            if not parts:
                return self._whole(item, path)
            return self._object(class_words(item), builder, self._children(item, parts, path, above))
        kind = kind_of(cls)
        if kind is None or not (is_tracing() or kind.whole(item)):
            return self._pickled(item, path)
        return self._of_kind(item, kind, path, above)

    def _children(self, item: Any, parts: Mapping[str, Any], path: tuple[str, ...], above: tuple[int, ...]) -> list:
        return [[name, self.node_of(part, (*path, part_name(item, name)), above)] for name, part in parts.items()]

    def _of_kind(self, item: Any, kind: Kind, path: tuple[str, ...], above: tuple[int, ...]) -> Any:
        if id(item) in above:
            raise _Cyclic
        before, made = list(self.leaves), len(self.builders or ())
        try:
            children = self._children(item, kind.parts(item), path, (*above, id(item)))
        except _Cyclic:
            if above:
                raise
            self._forget(before, made)
            return self._pickled(item, path)
        if self.builders is None:
            return ["dict", children]
        if len(self.leaves) > len(before):
            return self._object(class_words(item), kind.builder(item), children)
        self._forget(before, made)
        return self._whole(item, path)

    def _whole(self, item: Any, path: tuple[str, ...]) -> Any:
        """The node of what is stored as it is."""
        written = pickled(item, path, None)
        if self.builders is not None and not is_fixed(type(item)):
            check_opens(item, AsPickled(written, ()), {}, path)
            check_opens(item, AsItIs(item), {}, path)
        return self._object(value_words(item), AsItIs(item), [])

    def _pickled(self, item: Any, path: tuple[str, ...]) -> Any:
        """The node of what no kind fits."""
        taken: list[Any] = []
        written = pickled(item, path, taken)
        if not taken:
            return self._whole(item, path)
        paths = paths_to(item, {id(tensor): place for place, tensor in enumerate(taken)})
        names: list[str] = []
        children = []
        for place, tensor in enumerate(taken):
            whole = [part.lstrip("_") for part in paths.get(place, (str(place),))]
            public = [*(part for part in paths.get(place, ())[:-1] if part[:1] != "_"), whole[-1]]
            inner = next(p for p in (public, whole, [*whole, str(place)]) if ".".join(p) not in names)
            names.append(".".join(inner))
            children.append([names[-1], self.node_of(tensor, (*path, *inner), ())])
        builder = AsPickled(written, names)
        if self.builders is not None:
            check_opens(item, builder, dict(zip(names, taken, strict=True)), path)
        return self._object(class_words(item), builder, children)

    def _object(self, words: str, builder: Builder, children: list) -> Any:
        if self.builders is None:
            return ["dict", children]
        self.builders.append(builder)
        return ["object", words, len(self.builders) - 1, children]

    def _forget(self, before: list[str], made: int) -> None:
        """Leaves and builders that were found since."""
        for name in [name for name in self.leaves if name not in before]:
            del self.leaves[name]
        if self.builders is not None:
            del self.builders[made:]


def _has_plain_keys(item: dict) -> bool:
    return all(type(key) in _SCALARS for key in item)
