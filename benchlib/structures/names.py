"""What leaves, objects and values are called."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_CACHES = "transformers.cache_utils"  # whose layers are named by their number alone
_CACHE_NAMES = {"layers": "", "self_attention_cache": "self", "cross_attention_cache": "cross"}


def name_of(path: tuple[str, ...], taken: Mapping[str, Any]) -> str:
    """`input_ids`, `states_0`, … : an identifier that is also a good name for a graph's input."""
    path = tuple(part for part in path if part)
    text = "_".join(path) or "x"
    name = "".join(c if c.isalnum() else "_" for c in text)
    if name[0].isdigit():
        name = f"x_{name}" if len(path) == 1 else f"x{name}"
    unique, n = name, 2
    while unique in taken:
        unique, n = f"{name}_{n}", n + 1
    return unique


def part_name(item: Any, name: str) -> str:
    """What a part is called in the names of leaves."""
    return _CACHE_NAMES.get(name, name) if type(item).__module__ == _CACHES else name.lstrip("_")


def class_words(item: Any) -> str:
    """What kind of thing something is, for people: `Batch`, `sparse_coo tensor`."""
    cls = type(item)
    layout = str(getattr(item, "layout", "")).removeprefix("torch.")
    if cls.__name__ in ("Tensor", "Parameter") and cls.__module__.startswith("torch"):
        return f"{'nested' if item.is_nested else 'quantized' if item.is_quantized else layout} tensor"
    return cls.__qualname__.rpartition("<locals>.")[2]


def value_words(item: Any) -> str:
    """A text that changes with a value and is the same in every process."""
    if isinstance(item, (set, frozenset)):
        return f"{type(item).__name__}({sorted(map(repr, item))})"
    if isinstance(item, type) or hasattr(item, "__qualname__"):
        return f"{item.__module__}.{item.__qualname__}"
    try:
        text = repr(item)
    except Exception:  # of a class that cannot show itself
        text = object.__repr__(item)
    if _ADDRESS.search(text):  # an object that shows nothing of itself
        text = f"{class_words(item)} {sorted((k, repr(v)) for k, v in getattr(item, '__dict__', {}).items())}"
    text = _ADDRESS.sub("", text)
    return text if len(text) <= 200 else f"{text[:200]}… {hashlib.sha256(text.encode()).hexdigest()[:16]}"
