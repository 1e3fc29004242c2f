"""Axes that are as long as others together: `past_sequence_length + sequence_length` as optimum calls them, `s77 + 1`
and `2*s0` as torch does, and the `total_sequence_length` of a graph that has a past."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from benchlib.models._names import parameter_of, words_of
from benchlib.models._onnx_graph import Values

_SUM = re.compile(r"\s*[\w.]+(\s*[+*]\s*[\w.]+)+\s*")


def is_sum(called: str) -> bool:
    """Whether the name of an axis is made of others, by sums and products."""
    return bool(_SUM.fullmatch(called))


def is_past(called: str) -> bool:
    """Whether the name of an axis says that it is what was computed before: `past_sequence_length`."""
    return not is_sum(called) and bool({"past", "cache"} & {*words_of(called)}) and "total" not in words_of(called)


def past_length(wanted: Values, shapes: Mapping[str, Sequence[int]]) -> int:
    """How many positions come before those of this call, as axes tell it or the keys of a cache; 0 where there are
    none."""
    for name, shape in shapes.items():
        for dim, size in zip(wanted[name].dims or (), shape, strict=False):
            if isinstance(dim, str) and is_past(dim):
                return size
    caches = (s for n, s in shapes.items() if len(s) == 4 and "past" in words_of(n) and {"key", "k"} & {*words_of(n)})
    return next((shape[2] for shape in caches), 0)


@dataclass(frozen=True)
class Sums:
    """The sizes of axes that are sums of others.

    Args:
        sizes: of axes by name, as far as they are known.
        given: those of them that the trial's shapes say.
        trial: whose parameters size what is no axis of any input.
    """

    sizes: Mapping[str, int]
    given: Mapping[str, int]
    trial: Any

    def applied(self, dims: Sequence[int | str] | None, shape: Sequence[int | None] | None) -> list[int | None] | None:
        """A shape in which the sums have their sizes."""
        if dims is None or shape is None:
            return None if shape is None else list(shape)
        return [self._size(d) or size if isinstance(d, str) else size for d, size in zip(dims, shape, strict=True)]

    def _size(self, called: str) -> int | None:
        if called in self.given:
            return self.given[called]
        if is_sum(called):
            return self._added([self._product(part) for part in called.split("+")])
        if "total" in words_of(called) and parameter_of(called) == "seq_length":
            return self._added([self._of_any(is_past), self._of_any(_is_this_call)])
        return None

    def _product(self, part: str) -> int | None:
        factors = [self._part(word.strip()) for word in part.split("*")]
        return None if None in factors else prod(factor for factor in factors if factor is not None)

    def _part(self, word: str) -> int | None:
        if word.isdigit():
            return int(word)
        parameter = parameter_of(word)
        return self.sizes.get(word) or (getattr(self.trial, parameter) if parameter else None)

    def _added(self, parts: list[int | None]) -> int | None:
        return None if None in parts else sum(part for part in parts if part is not None)

    def _of_any(self, fits: Any) -> int | None:
        return next((size for called, size in self.sizes.items() if fits(called)), None)


def _is_this_call(called: str) -> bool:
    """An axis of this call's own positions."""
    words = {*words_of(called)}
    other = {"past", "cache", "total", "max", "encoder"} & words
    return not is_sum(called) and parameter_of(called) == "seq_length" and not other
