"""Operands of which an operator itself says what they hold: the thresholds of a NonMaxSuppression, the scales of a
Resize, the numbers of beams of a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchlib.models._onnx_sizes import Sizes
from benchlib.models._onnx_trails import Trail
from benchlib.models._use import Use

Says = Callable[[Any, Trail, Sizes], Use]
NEW_TOKENS = 10  # that a search adds to its prompt


def operand(node: Any, position: int, trail: Trail, sizes: Sizes) -> Use | None:
    """What a node says of an input that it reads as it is."""
    says = _OPERANDS.get((node.op_type, position))
    return says(node, trail, sizes) if says else None


def _always(use: Use) -> Says:
    return lambda node, trail, sizes: use


def _scales(node: Any, trail: Trail, sizes: Sizes) -> Use:
    """Twice as large in height and width; of a part of them nothing is known, so it is 1."""
    return Use("fixed", (1.0,) if trail.part is not None else (1.0, 1.0, 2.0, 2.0))


def _second(node: Any, trail: Trail, sizes: Sizes) -> Use:
    """Of two inputs the scales, as in the first version; of more a region, which few modes look at."""
    return _scales(node, trail, sizes) if len(node.input) == 2 else Use("fixed", (0.0,))


def _sizes(node: Any, trail: Trail, sizes: Sizes) -> Use:
    """As large as it is already; of a part of them nothing is known."""
    dims = sizes.dims(node.input[0])
    return Use("fixed", dims) if dims and all(dims) and trail.part is None else _COUNT


def _regions(node: Any, trail: Trail, sizes: Sizes) -> Use:
    """Boxes within the image whose features are given: its width and height."""
    dims = sizes.dims(node.input[0])
    scale = next((a.f for a in node.attribute if a.name == "spatial_scale"), 1.0) or 1.0
    return Use("boxes", (dims[3] / scale, dims[2] / scale) if dims and len(dims) == 4 and all(dims) else (1.0, 1.0))


def _longest(node: Any, trail: Trail, sizes: Sizes) -> Use:
    """The length at which a search ends: that of its prompt and some."""
    dims = sizes.dims(node.input[0])
    return Use("fixed", ((dims[-1] if dims else NEW_TOKENS) + NEW_TOKENS,))


def _total(node: Any, trail: Trail, sizes: Sizes) -> Use:
    past, own = _of_attention(node, sizes)
    return Use("fixed", (past + own,)) if own else Use("length")


def _last_valid(node: Any, trail: Trail, sizes: Sizes) -> Use:
    """One less than the length of each item; behind a past all items have all of it."""
    past, own = _of_attention(node, sizes)
    if past or own == 1:
        return Use("fixed", (past + own - 1,))
    return Use("length", range(1, own) if own else ())


def _of_attention(node: Any, sizes: Sizes) -> tuple[int, int]:
    """How many positions a GroupQueryAttention has behind it, and of its own; 0 where that is not known."""
    query = sizes.dims(node.input[0]) if node.input[0] else None
    past = sizes.dims(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    return (past[2] if past and len(past) == 4 else 0), (query[1] if query and len(query) == 3 else 0)


_ONE = Use("setting", (1.0,))
_HALF = Use("setting", (0.5,))
_ALL = Use("fixed", (1,))
_COUNT = Use("count")
_SEARCHES: Mapping[str, tuple[Use | Says, ...]] = {  # from their position 1 on
    "BeamSearch": (_longest, _ALL, _COUNT, _COUNT, _ONE, _ONE, _ALL, _ALL),
    "WhisperBeamSearch": (_longest, _ALL, _COUNT, _COUNT, _ONE, _ONE, _ALL, _ALL),
    "GreedySearch": (_longest, _ALL, _ONE, _ALL, _ALL),
    "Sampling": (_longest, _ALL, _ONE, _ALL, _ALL),
}
_OPERANDS: Mapping[tuple[str, int], Says] = {
    ("NonMaxSuppression", 0): _always(Use("boxes", (1.0, 1.0))),
    ("NonMaxSuppression", 1): _always(Use("positive")),
    ("NonMaxSuppression", 3): _always(_HALF),
    ("NonMaxSuppression", 4): _always(_HALF),
    ("Dropout", 1): _always(Use("setting", (0.1,))),
    ("Bernoulli", 0): _always(Use("positive")),
    ("GridSample", 1): _always(Use("unit")),
    **{(operator, 0): _always(Use("unit")) for operator in ("Asin", "Acos", "Atanh")},
    ("RoiAlign", 1): _regions,
    ("MaxRoiPool", 1): _regions,
    ("Resize", 1): _second,
    ("Resize", 2): _scales,
    ("Resize", 3): _sizes,
    ("Upsample", 1): _scales,
    ("Pad", 1): _always(Use("fixed", (0,))),
    ("Pad", 2): _always(Use("fixed", (0,))),
    ("GroupQueryAttention", 5): _last_valid,
    ("GroupQueryAttention", 6): _total,
    **{(operator, 1 + n): use if callable(use) else _always(use)
       for operator, uses in _SEARCHES.items() for n, use in enumerate(uses)},
}  # fmt: skip
