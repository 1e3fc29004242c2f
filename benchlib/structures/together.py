"""A nesting out of its leaves and its structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchlib.structures.builders import Builder
from benchlib.structures.structure import Structure


def unflatten(structure: Structure, leaves: dict[str, Any]) -> Any:
    """The nesting again, of the very classes that it was of."""
    return _together(structure.tree, leaves, structure.objects())


def plain(structure: Structure, leaves: dict[str, Any]) -> Any:
    """The nesting with the parts of objects as dicts, and None for an object without tensors: needs no class."""
    return _together(structure.tree, leaves, None)


def _together(node: Any, leaves: dict[str, Any], builders: Sequence[Builder] | None) -> Any:
    kind, content = node[0], node[1]
    if kind == "leaf":
        return leaves[content]
    if kind == "constant":
        return content
    if kind == "dict":
        return {key: _together(item, leaves, builders) for key, item in content}
    if kind == "object":
        parts = {name: _together(item, leaves, builders) for name, item in node[3]}
        if builders is None:
            return parts or None
        return builders[node[2]](parts)
    items = [_together(item, leaves, builders) for item in content]
    return tuple(items) if kind == "tuple" else items
